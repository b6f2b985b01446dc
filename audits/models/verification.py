from django.db import models

from audits.choices import Verdict, VerificationKind
from audits.models.base import Row


class Verification(Row):
    """A verification that was done or asked for, and what it found (promise 11). A verdict never changes."""

    kind = models.CharField(max_length=16, choices=VerificationKind)
    subject = models.CharField(max_length=200, blank=True, help_text="The stream, event or beginning.")
    verdict = models.CharField(max_length=16, choices=Verdict)
    started_at = models.DateTimeField()
    heard_at = models.DateTimeField(
        null=True, blank=True, help_text="While it is under way: when it last said how far it is."
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    first = models.PositiveBigIntegerField(default=0, help_text="The entries [first, size) were checked.")
    size = models.PositiveBigIntegerField(default=0)
    entries = models.PositiveBigIntegerField(default=0, help_text="How many of them are there.")
    place = models.CharField(max_length=300, blank=True)
    problem = models.TextField(blank=True)
    warnings = models.JSONField(default=list, blank=True)
    by = models.CharField(max_length=200, help_text="Reference of the actor.")
    event = models.UUIDField(null=True, blank=True, help_text="The event; empty if none could be written.")

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index(fields=("kind", "-id"), name="verification_kind"),)
        constraints = (
            models.CheckConstraint(
                name="a_verdict_has_its_time",
                condition=models.Q(verdict=Verdict.PENDING, ended_at__isnull=True)
                | ~models.Q(verdict=Verdict.PENDING) & models.Q(ended_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.started_at:%Y-%m-%d %H:%M}"
