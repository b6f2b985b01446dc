"""Searching a ledger of any length: every question is answered from an index, a page at a time.

Pages are found by the id of the event beside them (UUIDv7, so in order of time), never by OFFSET, and
nothing is counted. What may have several answers, as a name may mean several agents, becomes several
questions of which each has an index; their answers are merged.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, product
from uuid import UUID

from django.db import connection
from django.db.models import Max, QuerySet

from audits.choices import Action, Outcome
from audits.models import Entry, Event

BRANCHES = 60
DISTINCT = 5_000
SLACK = timedelta(minutes=1)
"""Between the clock of an event's id and that of its time lie microseconds; this is plenty."""
Match = tuple[str, str]
"""A column and its value."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for. Each of `any_of` is a list of which one must fit; an empty list fits nothing."""

    any_of: tuple[Sequence[Match], ...] = ()
    action: str = ""
    outcome: str = ""
    framework: str = ""
    number: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    with_reads: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Ids of events, newest first, and whether there are more on either side."""

    ids: list[UUID]
    has_older: bool
    has_newer: bool


def page(search: Search, *, size: int, before: UUID | None = None, after: UUID | None = None) -> Page:
    """The `size` events older than `before`, or newer than `after`, or else the newest."""
    upwards = after is not None and before is None
    branches = [_ids(events, size + 1, before, after, upwards=upwards) for events in _branches(search)]
    merged = heapq.merge(*branches, reverse=not upwards)
    found = list(islice(_without_repeats(merged), size + 1))
    more, ids = len(found) > size, found[:size]
    if upwards:
        return Page(ids[::-1], has_older=True, has_newer=more)
    return Page(ids, has_older=more, has_newer=before is not None)


def estimated_events() -> int:
    """How many there are, about: counting them would take longer than showing them."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [Event._meta.db_table])  # noqa: SLF001 - public in Django
            known = int(cursor.fetchone()[0])
        if known > 0:
            return known
    last: int | None = Entry.objects.aggregate(last=Max("seq"))["last"]
    return 0 if last is None else last + 1


def distinct(column: str, prefix: str = "") -> Iterator[str]:
    """The values of an indexed column that begin with `prefix`, each by one step in its index."""
    last = prefix
    for number in range(DISTINCT):
        how = "gte" if number == 0 else "gt"
        row = (
            Event.objects.filter(**{f"{column}__{how}": last}).order_by(column).values_list(column, flat=True)
        )
        value = row.first()
        if value is None or not value.startswith(prefix):
            return
        yield value
        last = value


def _branches(search: Search) -> Iterator[QuerySet[Event]]:
    """A query for each way in which the search can be answered from one index."""
    frameworks: list[Match] = []
    if search.framework:
        named = [each for each in distinct("frameworks") if search.framework in each.split(",")]
        frameworks = [("frameworks", each) for each in named]
    groups = [*search.any_of, *([frameworks] if search.framework else [])]
    common = _common(search)
    for choice in islice(product(*groups), BRANCHES):
        events = common
        for column, value in choice:
            events = events.filter(**{column: value})
        yield events


def _common(search: Search) -> QuerySet[Event]:
    events = Event.objects.all()
    if search.action:
        events = events.filter(action=search.action)
    elif not search.with_reads:
        events = events.exclude(action=Action.LEDGER_READ)
    if search.outcome:
        events = events.filter(outcome=search.outcome)
        if search.outcome != Outcome.SUCCESS:
            events = events.extra(where=["audits_event.outcome IN ('denied', 'failed')"])  # the partial index
    if search.number is not None:
        events = events.filter(entry__seq=search.number)
    if search.since:
        events = events.filter(id__gte=_first_id(search.since - SLACK), time__gte=search.since)
    if search.until:
        events = events.filter(id__lt=_first_id(search.until + SLACK), time__lt=search.until)
    return events


def _ids(
    events: QuerySet[Event], limit: int, before: UUID | None, after: UUID | None, *, upwards: bool
) -> list[UUID]:
    if before is not None:
        events = events.filter(id__lt=before)
    elif after is not None:
        events = events.filter(id__gt=after)
    return list(events.order_by("id" if upwards else "-id").values_list("id", flat=True)[:limit])


def _without_repeats(ids: Iterator[UUID]) -> Iterator[UUID]:
    last = None
    for each in ids:
        if each != last:
            yield each
        last = each


def _first_id(moment: datetime) -> UUID:
    """The smallest UUIDv7 of a millisecond (RFC 9562, 5.7)."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)
    return UUID(int=(milliseconds << 80) & (1 << 128) - 1)
