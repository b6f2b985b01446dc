from django.db import models

from audits.models.base import Row
from governance.choices import ProbeOutcome


class Probe(Row):
    """What became of a credential that had ended when it was shown to an enforcement point; never changed."""

    point = models.ForeignKey("governance.EnforcementPoint", on_delete=models.PROTECT, related_name="probes")
    number = models.BigIntegerField(help_text="Of the revocation that ended the credential.")
    acknowledged = models.BooleanField(help_text="Whether the point had acknowledged that number before.")
    outcome = models.CharField(max_length=16, choices=ProbeOutcome)
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP status of the answer.")
    error = models.CharField(max_length=300, blank=True, help_text="Why there was no answer.")
    milliseconds = models.PositiveIntegerField(help_text="Until it answered, or did not.")
    at = models.DateTimeField()
    by = models.CharField(max_length=200, help_text="Who had it done, as in the ledger.")

    class Meta:
        ordering = ("-at", "-id")
        indexes = (models.Index(fields=("point", "-at"), name="latest_probe"),)

    def __str__(self) -> str:
        return f"{self.point}: {self.get_outcome_display()}"
