from django.conf import settings
from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance.choices import Gate


class GateSignature(Row):
    """A named person stands for what no record can show about one gate of one version (S1-27).

    `digest` is the SHA-256 of what was signed, as it was: once that is edited, the signature counts no more.
    """

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="gate_signatures")
    version = models.ForeignKey(
        "agents.AgentVersion", on_delete=models.PROTECT, related_name="gate_signatures"
    )
    gate = models.CharField(max_length=32, choices=Gate)
    statement = models.TextField(help_text="What the person says, in their own words.")
    document = models.ForeignKey(
        "agents.AgentDocument",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="gate_signatures",
        help_text="What it rests on.",
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="gate_signatures"
    )
    signed_as = models.CharField(max_length=16, help_text="Seat on the board, or steward, owner, deputy.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what was signed.")
    signed_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=200, blank=True, help_text="Who, as in the ledger.")
    end_reason = models.TextField(blank=True)
    history = FieldHistory(stream=lambda signature: f"agent/{signature.agent_id}", kind="gate_signature")

    class Meta:
        ordering = ("-signed_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("version", "gate"),
                condition=models.Q(ended_at__isnull=True),
                name="one_live_signature_of_a_gate",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_gate_display()}: {self.person}"
