from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance import defaults
from governance.choices import RiskLevel


class RiskClass(models.Model):
    """A risk class and what it demands (S1-5). Figures are defaults that an administrator changes."""

    level = models.CharField(primary_key=True, max_length=8, choices=RiskLevel)
    minimum_score = models.PositiveSmallIntegerField(help_text="Lowest questionnaire score of the class.")
    seats = models.JSONField(help_text="Disciplines that must approve a dossier.")
    quorum = models.PositiveSmallIntegerField(help_text="Distinct people who must approve a dossier.")
    veto = models.BooleanField(
        default=True, help_text="A rejection in a required seat ends the request at once."
    )
    elevation_seats = models.JSONField(
        default=list, blank=True, help_text="Disciplines that must approve a write elevation."
    )
    elevation_quorum = models.PositiveSmallIntegerField(
        help_text="Distinct people who must approve a write elevation."
    )
    elevation_max_minutes = models.PositiveIntegerField(help_text="Longest write elevation, in minutes.")
    credential_max_seconds = models.PositiveIntegerField(help_text="Longest credential, in seconds.")
    history = FieldHistory(stream=lambda _risk_class: "system", shipped=defaults.RISK_CLASSES.get)

    class Meta:
        ordering = ("minimum_score",)
        verbose_name_plural = "risk classes"

    def __str__(self) -> str:
        return self.get_level_display()


class RiskAssessment(Row):
    """The answers to the risk questionnaire and the class that follows from them."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="risk_assessments")
    answers = models.JSONField(help_text="Question id to chosen option.")
    score = models.PositiveSmallIntegerField()
    risk_class = models.ForeignKey(RiskClass, on_delete=models.PROTECT, related_name="+")
    assessed_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    assessed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-assessed_at",)

    def __str__(self) -> str:
        return f"{self.agent}: {self.risk_class}"
