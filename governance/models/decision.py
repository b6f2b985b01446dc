from django.conf import settings
from django.db import models

from agents.choices import Access
from audits.models.base import Row
from governance.choices import DecisionReason


class Decision(Row):
    """One answer of the decision point; its id is the evaluation id (promise 6)."""

    agent = models.ForeignKey(
        "agents.Agent",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="decisions",
        help_text="None where the register does not know the subject: policies decided.",
    )
    subject = models.CharField(max_length=620, blank=True, help_text="Of the request over HTTP: type/id.")
    instance_id = models.UUIDField(null=True, blank=True, help_text="The running copy that asked.")
    task_id = models.UUIDField(null=True, blank=True, help_text="The run that it was asked for.")
    enforcement_point = models.ForeignKey(
        "governance.EnforcementPoint",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="decisions",
        help_text="Who asked over HTTP; none where the product's own gateway asked.",
    )
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The person for whom the agent acts; none where for itself.",
    )
    delegation = models.ForeignKey(
        "agents.Delegation",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="decisions",
        help_text="By which the person lets it, or did not.",
    )
    act = models.JSONField(
        null=True, blank=True, help_text="Who acts for somebody else, and through whom (RFC 8693: act)."
    )
    intent = models.TextField(blank=True, help_text="What it was asked for, as the agent says.")
    action = models.CharField(max_length=100)
    resource = models.CharField(max_length=620)
    access = models.CharField(max_length=8, choices=Access, blank=True)
    allowed = models.BooleanField()
    reason = models.CharField(max_length=32, choices=DecisionReason)
    message = models.TextField()
    requestable = models.BooleanField(default=False)
    grant = models.ForeignKey(
        "governance.Grant", on_delete=models.PROTECT, null=True, blank=True, related_name="decisions"
    )
    elevation = models.ForeignKey(
        "governance.Elevation", on_delete=models.PROTECT, null=True, blank=True, related_name="decisions"
    )
    obligations = models.JSONField(default=list, blank=True, help_text="What an allowed access is tied to.")
    allowed_without_policies = models.BooleanField(
        null=True,
        blank=True,
        help_text="What the pipeline said apart from the policies; none where policies alone decide.",
    )
    credential_seconds = models.PositiveIntegerField(
        default=0, help_text="Longest credential for it; 0 where denied."
    )
    policy_version = models.CharField(max_length=50)
    decided_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-decided_at",)

    def __str__(self) -> str:
        return f"{'Allowed' if self.allowed else 'Denied'}: {self.action} on {self.resource}"
