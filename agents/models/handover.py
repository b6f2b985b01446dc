from django.conf import settings
from django.db import models

from agents.choices import HandoverState
from audits.models.base import Row
from audits.models.history import FieldHistory


class Handover(Row):
    """An offer to somebody to own an agent. Nobody becomes an owner without accepting it (S4-2)."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="handovers")
    before = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who owned it when it was offered.",
    )
    to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="handovers")
    keep_as_deputy = models.BooleanField(
        default=False, help_text="Whether who owned it stays on as a deputy."
    )
    note = models.TextField(blank=True)
    offered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    offered_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=HandoverState, default=HandoverState.OFFERED)
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, help_text="Why it ended as it did.")
    history = FieldHistory(stream=lambda handover: f"agent/{handover.agent_id}")

    class Meta:
        ordering = ("-offered_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("agent",),
                condition=models.Q(state=HandoverState.OFFERED),
                name="one_open_handover_per_agent",
            ),
            models.CheckConstraint(
                name="ended_handover_has_a_time",
                condition=models.Q(state=HandoverState.OFFERED, ended_at__isnull=True)
                | ~models.Q(state=HandoverState.OFFERED) & models.Q(ended_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.agent} to {self.to}"
