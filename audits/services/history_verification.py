"""Whether field history, the ledger and the rows themselves agree. Reads alone, a chunk at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db.models import Exists, OuterRef

from audits import bodies, history
from audits.history import Governed, Now
from audits.models import DestroyedKey, Event, Redaction, Tombstone

CHUNK = 500
TRIES = 3
Committed = dict[tuple[UUID, str, str], str]


class _Told(NamedTuple):
    """Of an event, its time and its payload as it is stored."""

    pk: UUID
    time: datetime
    key: bytes | None
    box: bytes | None


_TOLD = ("pk", "time", "body__body_key", "body__body_box")


@dataclass(frozen=True, slots=True)
class Problem:
    """`place` is the row, for example ``agents.agent/0197…``; `problem` says in words what is wrong."""

    place: str
    problem: str


def problems() -> Iterator[Problem]:
    """Everything in which history disagrees; nothing where all is well.

    The events must have been verified: what a payload says is believed here. Memory is bounded by a
    chunk of events and of rows.
    """
    yield from _against_events()
    for governed in history.GOVERNED.values():
        yield from _without_event(governed)
        yield from _against_rows(governed)
        yield from _of_absent_rows(governed)


# --- Every row of history has its commitment, and every commitment its row ---------------------------------
def _against_events() -> Iterator[Problem]:
    for events in _chunks_of_events():
        committed = _committed(events)
        for governed in history.GOVERNED.values():
            for row in governed.rows.objects.filter(event_id__in=list(events)).order_by("event_id"):
                yield from _check(governed, row, committed, events)
        for event_id, label, key in committed:
            yield Problem(
                f"{label}/{key}",
                f"The event {event_id} commits to a row of its history, and that row is missing: it was "
                "deleted.",
            )


def _check(
    governed: Governed, row: Any, committed: Committed, events: dict[UUID, _Told]
) -> Iterator[Problem]:
    """One row of history against its event; what it accounts for is taken out of `committed`."""
    key = str(governed.pk_of(row))
    place, event = f"{governed.label}/{key}", events[row.event_id]
    digest = committed.get((row.event_id, governed.label, key))
    if digest is None:
        yield Problem(
            place,
            f"Row {row.number} of its history names the event {row.event_id}, which does not commit to it: "
            "it was inserted or changed, or the event's payload was erased and this must go as well.",
        )
    elif digest != _digest_of(governed, row):
        del committed[row.event_id, governed.label, key]
        yield Problem(
            place,
            f"Row {row.number} of its history was changed: it is not the one that the event {row.event_id} "
            "commits to.",
        )
    else:
        del committed[row.event_id, governed.label, key]
        if row.history_date != event.time:
            yield Problem(place, f"Row {row.number} of its history does not have the time of its event.")


def _digest_of(governed: Governed, row: Any) -> str:
    try:
        return governed.digest_of(row)
    except (ValueError, TypeError):  # somebody stored what could never have been written
        return ""


def _chunks_of_events() -> Iterator[dict[UUID, _Told]]:
    events = Event.objects.exclude(action__in=history.UNGOVERNED).order_by("pk")
    after = UUID(int=0)
    while rows := events.filter(pk__gt=after).values_list(*_TOLD)[:CHUNK]:
        chunk = {told.pk: told for told in map(_Told._make, rows)}
        yield chunk
        after = max(chunk)


def _committed(events: dict[UUID, _Told]) -> Committed:
    """(event, model, id) to digest: what the payloads of these events commit to, where they are there."""
    return {
        (told.pk, entry["model"], entry["id"]): entry["digest"]
        for told in events.values()
        for entry in _payload(told).get("history", ())
    }


def _payload(told: _Told) -> dict[str, Any]:
    """What cannot be opened commits to nothing here; that it cannot is the ledger's own finding."""
    if told.key is None or told.box is None:
        return {}
    try:
        opened = bodies.unseal(bodies.PAYLOAD, told.pk.bytes, bodies.Sealed(told.key, told.box))
        payload: dict[str, Any] = orjson.loads(opened.content) if opened else {}
    except (bodies.BoxDamaged, orjson.JSONDecodeError):
        return {}
    return payload


def _without_event(governed: Governed) -> Iterator[Problem]:
    event = Event.objects.filter(pk=OuterRef("event_id")).exclude(action__in=history.UNGOVERNED)
    for row in governed.rows.objects.filter(~Exists(event)).iterator(CHUNK):
        yield Problem(
            f"{governed.label}/{governed.pk_of(row)}",
            f"Row {row.number} of its history names the event {row.event_id}, which is not in the ledger, "
            "or tells of something else: it was inserted, or its event was pruned and it must go as well.",
        )


# --- Every governed row is what its newest history says -----------------------------------------------------
def _against_rows(governed: Governed) -> Iterator[Problem]:
    for keys in _chunks_of_keys(governed.model._base_manager):  # noqa: SLF001 - public in Django
        found = history.now(governed, keys)
        newest = _newest(governed, keys)
        for key, at in found.items():
            if _wrong(governed, at, newest.get(key)):
                yield from _looked_at_again(governed, key)


def _looked_at_again(governed: Governed, key: Any) -> Iterator[Problem]:
    """While others write, row and history may be of two moments: say only what stays."""
    for _ in range(TRIES):
        at = history.now(governed, [key]).get(key)
        newest = _newest(governed, [key]).get(key)
        after = history.now(governed, [key]).get(key)
        if at is None or after is None or at.number != after.number:
            continue
        wrong = _wrong(governed, at, newest)
        if wrong and not _explained(governed, at, newest):
            yield Problem(f"{governed.label}/{key}", wrong)
        return


def _wrong(governed: Governed, at: Now, newest: Any) -> str:
    if newest is None:
        shipped = governed.shipped(at.row.pk) if governed.shipped else None
        values = {field.name: getattr(at.row, field.attname) for field in governed.fields}
        if shipped is None:
            return "It has no history: it was added without an event, or its history was deleted."
        different = [name for name in shipped if shipped[name] != values[name]]
        return f"No event tells of its change in: {', '.join(different)}." if different else ""
    different = history.differences(governed, at, newest)
    if not different:
        return ""
    return (
        f"It is not what its history says in: {', '.join(different)}. It was changed without an event, after "
        f"row {newest.number} of its history."
    )


def _explained(governed: Governed, at: Now, newest: Any) -> bool:
    """Whether the history that could have told of it is gone for a reason that the ledger names."""
    stream = governed.stream(at.row)
    told = Event.objects.filter(pk=OuterRef("event_id"), stream=stream)
    redacted = Redaction.objects.filter(Exists(told))
    if newest is not None:
        return redacted.filter(event_id__gt=newest.event_id).exists()
    return (
        redacted.exists()
        or DestroyedKey.objects.filter(subject=stream).exists()
        or Tombstone.objects.exists()
    )


def _of_absent_rows(governed: Governed) -> Iterator[Problem]:
    there = governed.model._base_manager.filter(pk=OuterRef(governed.key))  # noqa: SLF001 - as above
    rows = governed.rows.objects.filter(~Exists(there), ~Exists(_later(governed)))
    for row in rows.order_by(governed.key).iterator(CHUNK):
        yield Problem(
            f"{governed.label}/{governed.pk_of(row)}", "It has a history and is not there: it was deleted."
        )


def _newest(governed: Governed, keys: Iterable[Any]) -> dict[Any, Any]:
    rows = governed.rows.objects.filter(~Exists(_later(governed)), **{f"{governed.key}__in": list(keys)})
    return {governed.pk_of(row): row for row in rows}


def _later(governed: Governed) -> Any:
    """History of the same row with a higher number."""
    return governed.rows.objects.filter(
        **{governed.key: OuterRef(governed.key)}, number__gt=OuterRef("number")
    )


def _chunks_of_keys(rows: Any) -> Iterator[list[Any]]:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    while keys:
        yield keys
        keys = list(rows.filter(pk__gt=keys[-1]).order_by("pk").values_list("pk", flat=True)[:CHUNK])
