from django.db import models

from agents.choices import ActionOutcome
from audits.models.base import Row


class DecisionOutcome(Row):
    """What became of what a decision allowed, as who enforces it says (S2-7). Said once."""

    decision = models.OneToOneField("governance.Decision", on_delete=models.PROTECT, related_name="outcome")
    outcome = models.CharField(max_length=16, choices=ActionOutcome)
    detail = models.CharField(max_length=1000, blank=True)
    reported_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-at",)

    def __str__(self) -> str:
        return self.get_outcome_display()
