"""Letting go of what is kept no longer: by sealed, aligned segments, each with its own signed event.

A segment is 2^LEVEL entries, so its root is one node of the tree. That node stays; later proofs, old
bundles and the signed checkpoints go on fitting it. Nothing is ever anchored again.
"""

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.db.models import Q

from audits import explaining, formats, guard, keys, locks, permissions
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action, BundleState, Outcome
from audits.errors import Conflict
from audits.models import (
    Bundle,
    Checkpoint,
    DestroyedKey,
    Entry,
    Event,
    Hold,
    Node,
    Redaction,
    Tombstone,
)
from audits.services import history, holds, retention, siem
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.services.erasure import overwrite_what_is_deleted
from audits.services.ledger import record
from audits.services.retention import Rules
from audits.tree import Growing, leaf_hash

LEVEL = 10
"""1,024 entries: the event that explains a segment names each of its streams, and stays below 1 MiB."""
PRUNER = Actor.system("pruner")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A segment [low, high) that is not pruned yet; `why_not` is empty where it can be pruned now."""

    low: int
    high: int
    why_not: str
    due: datetime | None = None
    """When the last of its events is due, where that is why not."""

    @property
    def last(self) -> int:
        """Its last entry."""
        return self.high - 1


@dataclass(frozen=True, slots=True)
class _Event:
    """An event of the segment, from its header: what the columns say is not believed."""

    id: UUID
    time: datetime
    action: str
    outcome: str
    references: frozenset[str]
    frameworks: tuple[str, ...]


@dataclass
class _Segment:
    """A segment as its bytes say it was; `root` is computed from them."""

    low: int
    high: int
    events: list[_Event] = field(default_factory=list)
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)
    heads: bool = False
    root: bytes = b""


def candidates(*, limit: int | None = None) -> Iterator[Candidate]:
    """The segments whose entries could be due, oldest first, and what keeps each. Reads alone.

    It ends with the first segment that is younger than the shortest of the rules, or after `limit`.

    Raises:
        Conflict: the default rule has no row.
    """
    rules, live, now = retention.rules(), holds.live(), datetime.now(UTC)
    for number, low in enumerate(_old_enough(rules, now)):
        if limit is not None and number >= limit:
            return
        high = low + (1 << LEVEL)
        try:
            yield _assess(_load(low, high), rules, live, now)
        except Conflict as wrong:
            yield Candidate(low, high, wrong.message)


def prune(*, actor: Actor, limit: int | None = None) -> list[Tombstone]:
    """Delete the segments that nothing keeps, at most `limit`, each in a transaction of its own.

    Raises:
        Denied: the actor may not; recorded.
        Conflict: the default rule has no row; what stood in the way of one segment is not raised.
    """
    with attempt(action=Action.SEGMENT_PRUNED, actor=actor, stream=SYSTEM_STREAM, object="segment"):
        refuse(permissions.why_not_prune(actor))
    pruned: list[Tombstone] = []
    for candidate in candidates():
        if limit is not None and len(pruned) >= limit:
            break
        if not candidate.why_not and (tombstone := _prune(actor, candidate.low)):
            pruned.append(tombstone)
    return pruned


def _prune(actor: Actor, low: int) -> Tombstone | None:
    """One segment, looked at again under the lock; None where something keeps it by now."""
    with transaction.atomic():
        locks.disposal()
        now = datetime.now(UTC)
        segment = _load(low, low + (1 << LEVEL))
        if explaining.tombstone_over(low) or _assess(segment, retention.rules(), holds.live(), now).why_not:
            return None
        _say_again(actor, segment)
        event = record(
            stream=SYSTEM_STREAM,
            action=Action.SEGMENT_PRUNED,
            actor=actor,
            object=f"segment/{segment.low}-{segment.high}",
            body=_payload(segment),
        )
        tombstone = Tombstone.objects.create(
            low=segment.low, high=segment.high, root=segment.root, by=event.pk, pruned_at=now
        )
        _delete(segment)
        return tombstone


# --- What keeps a segment ------------------------------------------------------------------------------
def _old_enough(rules: Rules, now: datetime) -> Iterator[int]:
    """Where the segments begin that are sealed, not pruned, and older than the shortest rule."""
    newest = Checkpoint.objects.order_by("-size").first()
    remembered = guard.remembered()
    end = min(newest.size if newest else 0, remembered.size if remembered else 1 << 62)
    undelivered = siem.undelivered_from()
    end = end if undelivered is None else min(end, undelivered)
    gone = set(Tombstone.objects.values_list("low", flat=True))
    count = 1 << LEVEL
    for low in range(0, end - count + 1, count):
        if low in gone:
            continue
        last = Entry.objects.filter(seq=low + count - 1).first()
        if last and last.sealed_at + rules.shortest > now:
            return
        yield low


def _assess(segment: _Segment, rules: Rules, live: list[Hold], now: datetime) -> Candidate:
    due = max((rules.kept_until(event.time, event.frameworks) for event in segment.events), default=now)
    if due > now:
        days = (due - now).days + 1
        return Candidate(segment.low, segment.high, f"An event in it is kept for {days} days more.", due)
    return Candidate(segment.low, segment.high, _what_keeps(segment, live))


def _what_keeps(segment: _Segment, live: list[Hold]) -> str:
    if hold := _held(segment, live):
        return f"The legal hold {hold.title!r} covers an event in it."
    later_heads = Entry.objects.filter(stream=formats.HEADS_STREAM, seq__gte=segment.high)
    if segment.heads and not later_heads.exists():
        return "It holds the last heads of all streams."
    if needed := next((event for event in segment.events if _explains(event, segment)), None):
        return f"The event {needed.id} in it explains something that is still there."
    if Bundle.objects.filter(state=BundleState.BUILDING).exists():
        return "A bundle is being built."
    return ""


def _held(segment: _Segment, live: list[Hold]) -> Hold | None:
    return next(
        (hold for hold in live for event in segment.events if hold.covers(event.references, event.time)),
        None,
    )


def _explains(event: _Event, segment: _Segment) -> bool:
    """Whether something outside the segment would be unexplained without the event.

    One that explains a pruned segment can always go: `_say_again` repeats it first.
    """
    if event.outcome != Outcome.SUCCESS:
        return False
    outside = ~Q(entry__seq__range=(segment.low, segment.high - 1))
    if event.action == Action.BODY_REDACTED:
        redacted = Redaction.objects.filter(by=event.id).values("event_id")
        return Event.objects.filter(outside, pk__in=redacted).exists()
    if event.action == Action.SUBJECT_ERASED:
        gone = list(DestroyedKey.objects.filter(by=event.id))
        mine, theirs = [bytes(key.key_id) for key in gone], {key.subject for key in gone}
        by_them = Q(stream__in=theirs) | Q(actor__in=theirs)
        boxed = Q(body__body_key__in=mine) | Q(body__name_key__in=mine)
        return Event.objects.filter(outside, by_them, boxed).exists()
    return False


# --- The segment from its bytes --------------------------------------------------------------------------
_ENTRY = (
    "seq", "stream", "stream_seq", "previous", "leaf", "seal", "heads", "event_id", "event__header",
    "event__mac",
)  # fmt: skip


def _load(low: int, high: int) -> _Segment:
    """
    Raises:
        Conflict: it is not what was sealed. Pruning would destroy the evidence of that.
    """
    segment, tree = _Segment(low, high), Growing()
    codes = keys.macs(retired=True)
    rows = Entry.objects.filter(seq__gte=low, seq__lt=high).order_by("seq").values_list(*_ENTRY)
    for seq, stream, number, previous, leaf, seal, heads, event_id, header, mac in rows:
        if event_id is None:
            segment.heads, exact = True, formats.heads_entry(bytes(heads), bytes(seal))
        else:
            exact = formats.event_entry(bytes(header), bytes(seal))
            segment.events.append(_read(event_id, bytes(header), bytes(mac), codes))
        place: dict[str, Any] = {"stream": stream, "first": number, "previous": bytes(previous).hex()}
        part = segment.streams.setdefault(stream, place)
        part["last"], part["leaf"] = number, bytes(leaf).hex()
        if leaf_hash(exact) != bytes(leaf) or seq != low + tree.size:
            raise _changed(f"Entry {seq}")
        tree.append(bytes(leaf))
    node = Node.objects.filter(level=LEVEL, index=low >> LEVEL).first()
    segment.root = tree.root()
    if tree.size != high - low or node is None or bytes(node.hash) != segment.root:
        raise _changed(f"The segment of entries {low} to {high - 1}")
    return segment


def _read(event_id: UUID, header: bytes, mac: bytes, codes: Iterable[bytes]) -> _Event:
    if not any(hmac.compare_digest(formats.message_code(key, header), mac) for key in codes):
        raise _changed(f"Event {event_id}")
    said = orjson.loads(header)
    return _Event(
        event_id,
        datetime.fromisoformat(said["time"]),
        said["action"],
        said["outcome"],
        frozenset({said["stream"], said["actor"], said["object"]}),
        tuple(said.get("frameworks", ())),
    )


def _changed(what: str) -> Conflict:
    return Conflict(f"{what} is not what was sealed: run `manage.py ledger verify`. Nothing of it is pruned.")


# --- In the transaction ----------------------------------------------------------------------------------
def _payload(segment: _Segment) -> dict[str, JSON]:
    return {
        "low": segment.low,
        "high": segment.high,
        "root": segment.root.hex(),
        "entries": segment.high - segment.low,
        "events": len(segment.events),
        "streams": [segment.streams[stream] for stream in sorted(segment.streams)],
    }


def _say_again(actor: Actor, segment: _Segment) -> None:
    """Repeat what explains older segments and would go with this one; their tombstones name the new event."""
    mine = [event.id for event in segment.events if event.action == Action.SEGMENT_PRUNED]
    for tombstone in Tombstone.objects.filter(by__in=mine):
        try:
            payload = explaining.payload_of(tombstone.by, Action.SEGMENT_PRUNED)
        except ValueError as error:
            raise Conflict(str(error)) from error
        event = record(
            stream=SYSTEM_STREAM,
            action=Action.SEGMENT_PRUNED,
            actor=actor,
            object=f"segment/{tombstone.low}-{tombstone.high}",
            body=payload,
        )
        Tombstone.objects.filter(pk=tombstone.pk).update(by=event.pk)


_INSIDE = "SELECT event_id FROM audits_entry WHERE seq >= %s AND seq < %s AND event_id IS NOT NULL"
# An anchored checkpoint is compared with what stands outside for as long as that stands there.
_ANCHORED = "SELECT size FROM audits_anchor"
_DELETE = (
    f"DELETE FROM audits_body WHERE event_id IN ({_INSIDE})",  # noqa: S608 - our own words
    f"DELETE FROM audits_event WHERE id IN ({_INSIDE})",  # noqa: S608 - as above
    "DELETE FROM audits_entry WHERE seq >= %s AND seq < %s",
    f"DELETE FROM audits_checkpoint WHERE size > %s AND size < %s AND size NOT IN ({_ANCHORED})",  # noqa: S608 - as above
)


def _delete(segment: _Segment) -> None:
    """From the boxes down to the nodes: the triggers ask the entries, and these the tombstone."""
    overwrite_what_is_deleted()
    with connection.cursor() as cursor:
        for statement in _DELETE:
            cursor.execute(statement, [segment.low, segment.high])
        for level in range(1, LEVEL):
            cursor.execute(
                'DELETE FROM audits_node WHERE level = %s AND "index" >= %s AND "index" < %s',
                [level, segment.low >> level, segment.high >> level],
            )
    history.forget(events=[event.id for event in segment.events])
