"""What explains that something is gone: the events that a bundle carries besides what it is about."""

from array import array
from collections.abc import Iterator
from itertools import islice
from uuid import UUID

from django.db.models import Q

from audits.bundle.scope import Part, Scope
from audits.choices import Action
from audits.models import Body, DestroyedKey, Entry, Event, Redaction, Tombstone

EXPLAINING = frozenset({Action.SUBJECT_ERASED, Action.BODY_REDACTED, Action.SEGMENT_PRUNED})
STREAM = "system"
CHUNK = 1_000


def newest() -> Event | None:
    """The last event that explains something; a bundle must be built from a state that holds it."""
    return Event.objects.filter(stream=STREAM, action__in=EXPLAINING).order_by("-id").first()


def needed(scope: Scope, places: "array[int]") -> set[UUID]:
    """The events that explain what is erased, redacted or pruned among the entries at `places`."""
    events = _of_erasures(places) | _of_redactions(places)
    tombstones = list(Tombstone.objects.order_by("low"))
    if scope.places is not None:
        low, high = scope.places
        events |= {stone.by for stone in tombstones if stone.low < high and stone.high > low}
    elif tombstones:
        gaps = {part.stream: gap for part in scope.parts.values() if (gap := _gaps(part))}
        events |= {stone.by for stone in tombstones if _covers(stone, gaps)}
    return events


def _of_erasures(places: "array[int]") -> set[UUID]:
    destroyed = {bytes(key): by for key, by in DestroyedKey.objects.values_list("key_id", "by")}
    if not destroyed:
        return set()
    found: set[bytes] = set()
    keys = list(destroyed)
    for part in _chunks(places):
        under = Body.objects.filter(event__entry__seq__in=part).filter(
            Q(body_key__in=keys) | Q(name_key__in=keys)
        )
        for body_key, name_key in under.values_list("body_key", "name_key"):
            found |= {bytes(body_key), bytes(name_key)}
    return {by for key, by in destroyed.items() if key in found}


def _of_redactions(places: "array[int]") -> set[UUID]:
    if not Redaction.objects.exists():
        return set()
    found: set[UUID] = set()
    for part in _chunks(places):
        events = Entry.objects.filter(seq__in=part, event__isnull=False).values("event_id")
        found |= set(Redaction.objects.filter(event_id__in=events).values_list("by", flat=True))
    return found


def _chunks(places: "array[int]") -> Iterator[list[int]]:
    remaining = iter(places)
    while part := list(islice(remaining, CHUNK)):
        yield part


def _gaps(part: Part) -> set[tuple[int, int]]:
    """The runs of numbers of a stream that are not there any more."""
    numbers = Entry.objects.filter(stream=part.stream, stream_seq__range=(part.low, part.high))
    expected, gaps = part.low, set()
    for number in numbers.order_by("stream_seq").values_list("stream_seq", flat=True).iterator():
        if number > expected:
            gaps.add((expected, number - 1))
        expected = number + 1
    if expected <= part.high:
        gaps.add((expected, part.high))
    return gaps


def _covers(stone: Tombstone, gaps: dict[str, set[tuple[int, int]]]) -> bool:
    event = Event.objects.filter(pk=stone.by).select_related("body").first()
    said = event.details.get("streams", ()) if event else ()
    return any(
        row["first"] >= low and row["last"] <= high
        for row in said
        for low, high in gaps.get(row["stream"], ())
    )
