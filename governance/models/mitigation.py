from datetime import date

from django.conf import settings
from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance.choices import MitigationState


class Mitigation(Row):
    """What a named person does against a risk until a day, as a signed assessment promised (S1-6)."""

    assessment = models.ForeignKey(
        "governance.ImpactAssessment", on_delete=models.PROTECT, related_name="mitigations"
    )
    position = models.PositiveSmallIntegerField(help_text="Its place in the plan of the assessment.")
    risk = models.CharField(max_length=200)
    measure = models.TextField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="mitigations")
    due = models.DateField(help_text="The last day on which it is in time.")
    state = models.CharField(max_length=16, choices=MitigationState, default=MitigationState.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=200, blank=True, help_text="Who, as in the ledger.")
    note = models.TextField(blank=True, help_text="What was done, in its owner's words.")
    history = FieldHistory(stream=lambda mitigation: f"agent/{mitigation.assessment.agent_id}")

    class Meta:
        ordering = ("due", "position")
        constraints = (
            models.UniqueConstraint(fields=("assessment", "position"), name="mitigations_have_a_place"),
            models.CheckConstraint(
                name="a_closed_mitigation_has_a_time",
                condition=models.Q(state=MitigationState.OPEN, closed_at__isnull=True)
                | ~models.Q(state=MitigationState.OPEN) & models.Q(closed_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return self.risk

    def is_overdue(self, today: date) -> bool:
        return self.state == MitigationState.OPEN and self.due < today
