from django.db import models

from audits.models.base import Row


class PolicyReplay(Row):
    """What-if: recorded decisions asked again under a policy version, and what would come out differently.

    It never changes; a newer one takes its place on the version's page.
    """

    version = models.ForeignKey("governance.PolicyVersion", on_delete=models.PROTECT, related_name="replays")
    against = models.ForeignKey(
        "governance.PolicyVersion",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The version that was active; none where no policies decided.",
    )
    first_at = models.DateTimeField(null=True, blank=True, help_text="Of the decisions that were replayed.")
    last_at = models.DateTimeField(null=True, blank=True)
    replayed = models.PositiveIntegerField()
    left_out = models.PositiveIntegerField(help_text="Recorded too briefly, erased, or malformed.")
    changed = models.PositiveIntegerField()
    result = models.JSONField(help_text="Counts by subject and action, with examples.")
    sha256 = models.CharField(max_length=64, help_text="Of the result and its figures, as canonical JSON.")
    replayed_at = models.DateTimeField()
    replayed_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")

    class Meta:
        ordering = ("-replayed_at",)

    def __str__(self) -> str:
        return f"{self.changed} of {self.replayed} would change"


class PolicyDifference(Row):
    """A live decision that a version in shadow would have answered differently. It changed nothing."""

    version = models.ForeignKey(
        "governance.PolicyVersion", on_delete=models.PROTECT, related_name="differences"
    )
    decision = models.ForeignKey("governance.Decision", on_delete=models.PROTECT, related_name="+")
    allowed = models.BooleanField(help_text="What the version in shadow would have said.")
    reason = models.CharField(max_length=32)
    message = models.TextField()
    noticed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-noticed_at",)
        constraints = (
            models.UniqueConstraint("version", "decision", name="one_difference_per_decision_and_version"),
        )

    def __str__(self) -> str:
        return f"{'Allow' if self.allowed else 'Deny'} instead"
