from django.conf import settings
from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory


class BreakGlass(Row):
    """A write elevation that one person opened alone, in an emergency, and that others review afterwards.

    `content` is what was opened, in the form that approvers would have read; it is the ground of every write.
    """

    elevation = models.OneToOneField("governance.Elevation", on_delete=models.PROTECT, related_name="glass")
    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(help_text="The emergency, in the words of who broke the glass.")
    content = models.TextField(help_text="RFC 8785 canonical JSON.")
    digest = models.CharField(max_length=64)
    broken_at = models.DateTimeField()
    review_due_at = models.DateTimeField()
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    is_justified = models.BooleanField(null=True, blank=True, help_text="What the review found.")
    review = models.TextField(blank=True)
    locked_at = models.DateTimeField(
        null=True, blank=True, help_text="When the account was locked, because nobody had reviewed it."
    )
    history = FieldHistory(stream=lambda glass: f"agent/{glass.agent_id}", kind="break_glass")

    class Meta:
        ordering = ("-broken_at",)
        verbose_name = "broken glass"
        verbose_name_plural = "broken glass"
        constraints = (
            models.CheckConstraint(
                name="reviewed_glass_says_by_whom",
                condition=models.Q(
                    reviewed_at__isnull=True, reviewed_by__isnull=True, is_justified__isnull=True
                )
                | models.Q(reviewed_at__isnull=False, reviewed_by__isnull=False, is_justified__isnull=False),
            ),
            models.CheckConstraint(
                name="nobody_reviews_their_own_glass",
                condition=models.Q(reviewed_by__isnull=True) | ~models.Q(reviewed_by=models.F("person")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.elevation} by {self.person}"
