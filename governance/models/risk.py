from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance import defaults
from governance.choices import Exercise, RiskLevel


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
    assessments = models.JSONField(
        default=list,
        blank=True,
        help_text="Kinds of assessment that must be signed before the board is asked.",
    )
    assessment_max_days = models.PositiveIntegerField(
        default=365, help_text="After so many days a signed assessment is stale."
    )
    tests = models.JSONField(
        default=list, blank=True, help_text="Kinds of test that the version must have passed."
    )
    test_max_days = models.PositiveIntegerField(default=365, help_text="After so many days a test is stale.")
    exercise = models.CharField(
        max_length=16,
        choices=Exercise,
        default=Exercise.NONE,
        help_text="What must have been played through.",
    )
    gates = models.JSONField(
        default=list,
        blank=True,
        help_text="Gates of the deployment checklist that must be met before the board is asked.",
    )
    review_days = models.PositiveIntegerField(
        default=365, help_text="So many days after an approval or a review the owner reviews the entry again."
    )
    review_warn_days = models.PositiveIntegerField(
        default=30, help_text="So many days before the review is due the owner is warned."
    )
    review_suspend_days = models.PositiveIntegerField(
        default=30, help_text="So many days after the review was due the agent is suspended."
    )
    owner_grace_minutes = models.PositiveIntegerField(
        default=0, help_text="So many minutes an agent may still read once its owner is gone."
    )
    retention_days = models.PositiveIntegerField(
        default=365, help_text="So many days its records are kept at least."
    )
    rollout_steps = models.JSONField(
        default=list, help_text="Shares in percent by which a new version is released, the last one 100."
    )
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
    computed = models.CharField(
        max_length=8, choices=RiskLevel, help_text="The class that follows from the answers alone."
    )
    risk_class = models.ForeignKey(RiskClass, on_delete=models.PROTECT, related_name="+")
    overridden_by = models.ForeignKey(
        "governance.Approval",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The board's vote for another class than the computed one.",
    )
    reason = models.TextField(
        blank=True, help_text="Why the class is another one, or why it was computed again."
    )
    assessed_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    assessed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-assessed_at",)
        constraints = (
            models.CheckConstraint(
                name="another_class_than_computed_was_voted_for",
                condition=models.Q(risk_class=models.F("computed")) | models.Q(overridden_by__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.agent}: {self.risk_class}"
