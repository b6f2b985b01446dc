from django.db import models

from agents.choices import EgressMode, EgressReason
from audits.models.base import Row
from audits.models.history import FieldHistory


class EgressPolicy(Row):
    """What one agent may reach besides what its approved version names (S2-9). Without one: nothing."""

    agent = models.OneToOneField("agents.Agent", on_delete=models.PROTECT, related_name="egress_policy")
    mode = models.CharField(max_length=8, choices=EgressMode, default=EgressMode.ALLOW)
    allow = models.JSONField(default=list, blank=True, help_text="Lines: [scheme://]host[:port][/path].")
    deny = models.JSONField(default=list, blank=True, help_text="Looked at first, whatever else allows.")
    changed_at = models.DateTimeField(auto_now=True)
    changed_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    history = FieldHistory(
        stream=lambda policy: f"agent/{policy.agent_id}", kind="egress_policy", without=("changed_at",)
    )

    class Meta:
        verbose_name_plural = "egress policies"
        ordering = ("-changed_at",)

    def __str__(self) -> str:
        return f"What {self.agent} may reach"


class EgressException(Row):
    """That one host may be at an address that is not public: of one agent, or of all."""

    agent = models.ForeignKey(
        "agents.Agent", on_delete=models.PROTECT, null=True, blank=True, related_name="egress_exceptions"
    )
    host = models.CharField(max_length=253, help_text="Canonical; a cloud's metadata only by its address.")
    port = models.PositiveIntegerField()
    reason = models.TextField()
    added_at = models.DateTimeField(auto_now_add=True)
    added_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    ends_at = models.DateTimeField()
    ended_by = models.CharField(max_length=200, blank=True)
    history = FieldHistory(
        stream=lambda row: f"agent/{row.agent_id}" if row.agent_id else "system", kind="egress_exception"
    )

    class Meta:
        ordering = ("-added_at",)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class EgressAttempt(Row):
    """One request that was to leave for an agent, allowed or refused. Only where to: no path, no query."""

    agent = models.ForeignKey(
        "agents.Agent", on_delete=models.PROTECT, null=True, blank=True, related_name="egress_attempts"
    )
    subject = models.CharField(max_length=300, blank=True, help_text="Who, where the register knows no such.")
    run = models.ForeignKey(
        "agents.Run", on_delete=models.SET_NULL, null=True, blank=True, related_name="egress_attempts"
    )
    call_id = models.UUIDField(null=True, blank=True, help_text="The function call that it was for.")
    asked_by = models.CharField(max_length=64, help_text="What enforces it: the gateway, or outside.")
    scheme = models.CharField(max_length=16, blank=True)
    host = models.CharField(max_length=253, blank=True)
    port = models.PositiveIntegerField(null=True, blank=True)
    endpoint = models.CharField(max_length=64, blank=True)
    allowed = models.BooleanField()
    reason = models.CharField(max_length=32, choices=EgressReason)
    entry = models.CharField(max_length=500, blank=True, help_text="The line of a list that decided.")
    address = models.CharField(max_length=45, blank=True, help_text="To which it was connected.")
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP status.")
    bytes_out = models.PositiveBigIntegerField(default=0)
    bytes_in = models.PositiveBigIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-at",)
        indexes = (
            models.Index("agent", "at", name="egress_of_agent"),
            models.Index("at", name="egress_at"),
        )

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}" if self.host else "Nowhere that can be named"
