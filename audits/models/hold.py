"""Legal holds, and the cases that they are placed for (S1-16)."""

from datetime import UTC, datetime

from django.db import models

from audits.choices import CaseState, HoldScope
from audits.models.base import Row


class Case(Row):
    """A matter that evidence belongs to: a dispute, an incident, an inquiry."""

    name = models.CharField(max_length=200, unique=True)
    description = models.TextField(blank=True)
    subjects = models.JSONField(default=list, help_text="Streams it is about, for example agent/<id>.")
    since = models.DateTimeField(null=True, blank=True, help_text="Events from here on; empty: all.")
    until = models.DateTimeField(null=True, blank=True, help_text="Events before this; empty: all.")
    state = models.CharField(max_length=8, choices=CaseState, default=CaseState.OPEN)
    opened_by = models.CharField(max_length=200, help_text="Reference of the actor.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="closed_case_has_its_time",
                condition=models.Q(state=CaseState.CLOSED, closed_at__isnull=False)
                | models.Q(state=CaseState.OPEN, closed_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return self.name


class Hold(Row):
    """What may not be erased, redacted or pruned, until a second person releases it."""

    title = models.CharField(max_length=200)
    scope = models.CharField(max_length=12, choices=HoldScope)
    subject = models.CharField(max_length=200, blank=True, help_text="Reference of the person or agent.")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, blank=True, related_name="holds")
    since = models.DateTimeField(null=True, blank=True, help_text="Events from here on; empty: all.")
    until = models.DateTimeField(null=True, blank=True, help_text="Events before this; empty: all.")
    reason = models.TextField()
    placed_by = models.CharField(max_length=200, help_text="Reference of the actor.")
    placed_at = models.DateTimeField()
    released_by = models.CharField(max_length=200, blank=True, help_text="Reference of the second person.")
    released_at = models.DateTimeField(null=True, blank=True)
    release_reason = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="hold_names_what_it_covers",
                condition=models.Q(scope__in=(HoldScope.PERSON, HoldScope.AGENT), case__isnull=True)
                & ~models.Q(subject="")
                | models.Q(scope=HoldScope.CASE, case__isnull=False, subject="")
                | models.Q(scope=HoldScope.PERIOD, case__isnull=True, subject="")
                & (models.Q(since__isnull=False) | models.Q(until__isnull=False))
                | models.Q(scope=HoldScope.EVERYTHING, case__isnull=True, subject=""),
            ),
            models.CheckConstraint(
                name="hold_released_by_a_second_person",
                condition=models.Q(released_at__isnull=True, released_by="")
                | models.Q(released_at__isnull=False)
                & ~models.Q(released_by="")
                & ~models.Q(released_by=models.F("placed_by")),
            ),
        )

    def __str__(self) -> str:
        return self.title

    @property
    def is_live(self) -> bool:
        return self.released_at is None

    def covers(self, references: frozenset[str], moment: datetime) -> bool:
        """Whether an event that names `references` (stream, actor, object) at `moment` is held."""
        subjects, since, until = self.reach
        if subjects is not None and references.isdisjoint(subjects):
            return False
        at = moment.astimezone(UTC)
        return (since is None or at >= since) and (until is None or at < until)

    @property
    def held(self) -> models.Q:
        """The same as a condition on events, by the columns to search by."""
        subjects, since, until = self.reach
        condition = models.Q()
        if subjects is not None:
            names = list(subjects)
            condition &= models.Q(stream__in=names) | models.Q(actor__in=names) | models.Q(object__in=names)
        if since is not None:
            condition &= models.Q(time__gte=since)
        if until is not None:
            condition &= models.Q(time__lt=until)
        return condition

    @property
    def reach(self) -> tuple[set[str] | None, datetime | None, datetime | None]:
        """Whom it covers (None: everybody), from when and until when, by the time of the event."""
        if self.case is not None:
            return set(self.case.subjects) or None, self.case.since, self.case.until
        return ({self.subject} if self.subject else None), self.since, self.until
