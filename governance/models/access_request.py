from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory


class AccessRequest(Row):
    """How a copy of an agent asked for a write elevation: after which denial, and under which key.

    A denial is asked about once, and a copy's `Idempotency-Key` means one request for good.
    """

    elevation = models.OneToOneField(
        "governance.Elevation", on_delete=models.PROTECT, related_name="access_request"
    )
    asked_by = models.ForeignKey("agents.AgentInstance", on_delete=models.PROTECT, related_name="+")
    decision = models.OneToOneField("governance.Decision", on_delete=models.PROTECT, related_name="+")
    idempotency_key = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the body, its members sorted.")
    requested_at = models.DateTimeField(auto_now_add=True)
    history = FieldHistory(stream=lambda asked: f"agent/{asked.elevation.agent_id}")

    class Meta:
        ordering = ("-requested_at",)
        constraints = (
            models.UniqueConstraint(fields=("asked_by", "idempotency_key"), name="one_request_per_key"),
        )

    def __str__(self) -> str:
        return str(self.elevation)
