from django.db import models
from django.utils import timezone

from agents.choices import Access
from audits.models.base import Row
from audits.models.history import FieldHistory


class Grant(Row):
    """One agent may do one action on one resource, while the conditions are met.

    No standing write (promise 2): the database refuses a write grant without an elevation and an end, and a
    role never gives one. A wildcard needs an exception record, and ends with it (S1-8).
    """

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="grants")
    action = models.CharField(max_length=100)
    resource = models.CharField(max_length=300, help_text="type/id, for example endpoint/nvd.")
    access = models.CharField(max_length=8, choices=Access)
    elevation = models.ForeignKey(
        "governance.Elevation", on_delete=models.PROTECT, null=True, blank=True, related_name="grants"
    )
    approval = models.ForeignKey("governance.Approval", on_delete=models.PROTECT, related_name="grants")
    assignment = models.ForeignKey(
        "governance.RoleAssignment",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="grants",
        help_text="The role that it comes from.",
    )
    exception = models.ForeignKey(
        "governance.ScopeException",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="grants",
        help_text="The leave to name its resources with a wildcard.",
    )
    conditions = models.JSONField(default=list, blank=True, help_text="What has to be met each time.")
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True, blank=True)
    history = FieldHistory(stream=lambda grant: f"agent/{grant.agent_id}")

    class Meta:
        ordering = ("agent", "action", "resource")
        indexes = (models.Index("agent", "action", "resource", name="grant_lookup"),)
        constraints = (
            models.CheckConstraint(
                name="no_standing_write",
                condition=models.Q(access=Access.READ)
                | models.Q(access=Access.WRITE, elevation__isnull=False, ends_at__isnull=False),
            ),
            models.CheckConstraint(
                name="role_gives_no_write",
                condition=models.Q(assignment__isnull=True) | models.Q(access=Access.READ),
            ),
        )

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"
