"""The rows that verification reads, as plain values: ids and times in the text that headers have.

By hand: the ORM would take more time to make objects of them than checking them takes.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

SECONDS_ALONE = len("2026-01-01 00:00:00")


class EventRow(NamedTuple):
    """A stored event and its body."""

    id: str
    time: str
    stream: str
    action: str
    actor: str
    object: str
    outcome: str
    frameworks: str
    header: bytes
    mac: bytes
    body_key: bytes | None
    body_box: bytes | None
    name_key: bytes | None
    name_box: bytes | None


class EntryRow(NamedTuple):
    """A stored entry."""

    seq: int
    stream: str
    number: int
    previous: bytes
    sealed_at: str
    leaf: bytes
    seal: bytes
    heads: bytes | None
    event_id: str | None


_EVENT = """{event_id}, {event_time}, event.stream, event.action, event.actor, event.object, event.outcome,
    event.frameworks, event.header, event.mac, body.body_key, body.body_box, body.name_key, body.name_box"""
_ENTRY = """entry.seq, entry.stream, entry.stream_seq, entry.previous, {sealed_at}, entry.leaf,
    entry.seal, entry.heads, {entry_event}"""
_ENTRIES = f"""SELECT {_ENTRY}, {_EVENT} FROM audits_entry entry
    LEFT JOIN audits_event event ON event.id = entry.event_id
    LEFT JOIN audits_body body ON body.event_id = event.id"""  # noqa: S608 - names of our own
_EVENTS = f"SELECT {_EVENT} FROM audits_event event LEFT JOIN audits_body body ON body.event_id = event.id"  # noqa: S608 - as above
_BETWEEN = f"{_ENTRIES} WHERE entry.seq >= %s AND entry.seq < %s ORDER BY entry.seq"
_OF_STREAM = (
    f"{_ENTRIES} WHERE entry.stream = %s AND entry.stream_seq >= %s AND entry.stream_seq < %s "
    "ORDER BY entry.stream_seq"
)
_OF_EVENT = f"{_ENTRIES} WHERE entry.event_id = %s"
_EVENT_ALONE = f"{_EVENTS} WHERE event.id = %s"
_WAITING = f"""{_EVENTS} WHERE event.id > %s
    AND EXISTS (SELECT 1 FROM audits_pending pending WHERE pending.event_id = event.id)
    AND NOT EXISTS (SELECT 1 FROM audits_entry entry WHERE entry.event_id = event.id)
    ORDER BY event.id LIMIT %s"""  # noqa: S608 - as above
# What is joined with '' is text to SQLite's driver, which would make a datetime of the column itself.
_COLUMNS = {
    "event_id": "event.id",
    "event_time": "event.time || ''",
    "sealed_at": "entry.sealed_at || ''",
    "entry_event": "entry.event_id",
}
# PostgreSQL writes the text of headers itself: parsing its types and writing them again cost a third.
_UTC = """AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
_AS_TEXT = {
    "event_id": "event.id::text",
    "event_time": f"to_char(event.time {_UTC}",
    "sealed_at": f"to_char(entry.sealed_at {_UTC}",
    "entry_event": "entry.event_id::text",
}
_WIDTH = len(EntryRow._fields)
Sealed = tuple[EntryRow, EventRow | None]


def between(start: int, end: int) -> list[Sealed]:
    """The entries [start, end) in order, each with its event where it has one that is there."""
    return [_sealed(row) for row in _select(_BETWEEN, start, end)]


def of_stream(stream: str, first: int, end: int) -> list[Sealed]:
    """The same of one stream, by its own numbers."""
    return [_sealed(row) for row in _select(_OF_STREAM, stream, first, end)]


def of_event(event_id: UUID) -> tuple[EntryRow | None, EventRow | None]:
    """One event, and its entry once it is sealed."""
    for row in _select(_OF_EVENT, _id(event_id)):
        return _sealed(row)
    for row in _select(_EVENT_ALONE, _id(event_id)):
        return None, _event(row)
    return None, None


def waiting(chunk: int) -> Iterator[EventRow]:
    """The events that wait to be sealed."""
    after = UUID(int=0)
    while rows := _select(_WAITING, _id(after), chunk):
        for row in rows:
            event = _event(row)
            yield event
        after = UUID(event.id)


def _select(statement: str, *parameters: str | int | UUID) -> list[Any]:
    with connection.cursor() as cursor:
        columns = _AS_TEXT if connection.vendor == "postgresql" else _COLUMNS
        cursor.execute(statement.format(**columns), parameters)
        rows: list[Any] = cursor.fetchall()
    return rows


def _id(event_id: UUID) -> UUID | str:
    return event_id if connection.features.has_native_uuid_field else event_id.hex


def _sealed(row: Any) -> Sealed:
    seq, stream, number, previous, sealed_at, leaf, seal, heads, event_id = row[:_WIDTH]
    entry = EntryRow(
        seq, stream, number, bytes(previous), _time(sealed_at), bytes(leaf), bytes(seal),
        None if heads is None else bytes(heads), None if event_id is None else _uuid(event_id),
    )  # fmt: skip
    return entry, None if row[_WIDTH] is None else _event(row[_WIDTH:])


def _event(row: Any) -> EventRow:
    event_id, time, stream, action, actor, about, outcome, frameworks, header, mac, *boxes = row
    return EventRow(
        _uuid(event_id), _time(time), stream, action, actor, about, outcome, frameworks, bytes(header),
        bytes(mac), *boxes,
    )  # fmt: skip


def _uuid(stored: str) -> str:
    """SQLite has no type for it, and Django leaves the hyphens out."""
    if "-" in stored:
        return stored
    return f"{stored[:8]}-{stored[8:12]}-{stored[12:16]}-{stored[16:20]}-{stored[20:]}"


def _time(stored: str) -> str:
    """Nor for times: Django writes text, without a zone, and without a fraction where there is none."""
    if stored.endswith("Z"):
        return stored
    whole = stored if len(stored) > SECONDS_ALONE else f"{stored}.000000"
    return whole.replace(" ", "T") + "Z"
