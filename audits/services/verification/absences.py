"""What is gone, and the events that say why. An absence that no valid event explains is a failure.

The tables of destroyed keys, redactions and tombstones only say where to look: what is believed is the
event, once its own header, body and place in the ledger have been verified (promises 12 and 13).
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from audits import bodies, formats, keys, subject_keys
from audits.choices import Action
from audits.models import Checkpoint, DestroyedKey, Pending, Redaction, Tombstone
from audits.services.verification import headers
from audits.services.verification.inclusion import check_inclusion
from audits.services.verification.report import MALFORMED, Wrong
from audits.services.verification.rows import EntryRow, EventRow, of_event
from audits.tree import leaf_hash

SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class StreamPart:
    """What a pruned segment held of one stream: numbers `first` to `last`, between two leaves."""

    stream: str
    first: int
    last: int
    previous: bytes
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """A pruned segment as its event describes it: the entries [low, high) under one node of the tree."""

    low: int
    high: int
    root: bytes
    streams: tuple[StreamPart, ...]

    @property
    def level(self) -> int:
        return (self.high - self.low).bit_length() - 1


class Absences:
    """Looks for what explains an absence, verifies each explaining event once, and remembers it."""

    def __init__(self) -> None:
        self._checkpoint = Checkpoint.objects.order_by("-size").first()
        self._payloads: dict[tuple[UUID, str], dict[str, Any] | None] = {}
        self._listed: dict[UUID, frozenset[str]] = {}
        self._explained: set[tuple[bytes, str]] = set()

    def explain_key(self, key_id: bytes, subject: str, word: str, place: str) -> None:
        """
        Raises:
            Wrong: no event says that this key of `subject` was destroyed.
        """
        if (key_id, subject) in self._explained:
            return
        row = DestroyedKey.objects.filter(pk=key_id).first()
        payload = self._payload(row.by, Action.SUBJECT_ERASED) if row else None
        if (
            payload is None
            or payload.get("subject") != subject
            or key_id.hex() not in payload.get("keys", ())
            or not key_id.startswith(subject_keys.digest_of(subject))
        ):
            raise Wrong(place, f"The key of the event's {word} is gone, and no erasure explains it.")
        self._explained.add((key_id, subject))

    def explain_redaction(self, event_id: UUID, place: str) -> None:
        """
        Raises:
            Wrong: no event says that the body of this one was redacted.
        """
        row = Redaction.objects.filter(pk=event_id).first()
        if row and row.by not in self._listed:
            payload = self._payload(row.by, Action.BODY_REDACTED) or {}
            self._listed[row.by] = frozenset(payload.get("events", ()))
        if row is None or str(event_id) not in self._listed[row.by]:
            raise Wrong(place, "The event's body is missing, and no redaction explains it.")

    def segment(self, tombstone: Tombstone) -> Segment:
        """The pruned segment that a tombstone marks, from its event.

        Raises:
            Wrong: no event says that it was pruned, or another segment was.
        """
        low, high = tombstone.low, tombstone.high
        place = f"entry {low}"
        payload = self._payload(tombstone.by, Action.SEGMENT_PRUNED)
        if payload is None or (payload.get("low"), payload.get("high")) != (low, high):
            raise Wrong(
                place, f"The entries {low} to {high - 1} are gone, and no event says that they were pruned."
            )
        count = high - low
        if count <= 0 or count & (count - 1) or low % count:
            raise Wrong(place, f"Entries {low} to {high - 1} are not a segment of the tree.")
        try:
            streams = tuple(
                StreamPart(
                    str(part["stream"]),
                    int(part["first"]),
                    int(part["last"]),
                    bytes.fromhex(part["previous"]),
                    bytes.fromhex(part["leaf"]),
                )
                for part in payload["streams"]
            )
            root = bytes.fromhex(payload["root"])
        except MALFORMED as error:
            raise Wrong(
                place, f"The event that says what was pruned there is malformed ({error!r})."
            ) from error
        if sum(part.last - part.first + 1 for part in streams) != count or payload.get("entries") != count:
            raise Wrong(place, f"The streams of the pruned entries {low} to {high - 1} do not add up.")
        return Segment(low, high, root, streams)

    def _payload(self, event_id: UUID, action: Action) -> dict[str, Any] | None:
        """What an explaining event says; None where it is not a valid event of that action."""
        known = (event_id, str(action))
        if known not in self._payloads:
            try:
                self._payloads[known] = self._verified(event_id, action)
            except (Wrong, *MALFORMED):
                self._payloads[known] = None
        return self._payloads[known]

    def _verified(self, event_id: UUID, action: Action) -> dict[str, Any] | None:
        entry, event = of_event(event_id)
        if event is None or (event.stream, event.action) != (SYSTEM, str(action)) or event.body_key is None:
            return None
        header = headers.checked(event, keys.macs(retired=True), f"event {event_id}")
        opened = bodies.unseal(
            bodies.PAYLOAD, event_id.bytes, bodies.Sealed(bytes(event.body_key), bytes(event.body_box or b""))
        )
        if opened is None or formats.commitment(bodies.PAYLOAD, *opened).hex() != header["body"]:
            return None
        if not (self._is_in_the_tree(entry, event) if entry else _waits(event_id)):
            return None
        payload: dict[str, Any] = orjson.loads(opened.content)
        return payload

    def _is_in_the_tree(self, entry: EntryRow, event: EventRow) -> bool:
        newest = self._checkpoint
        if newest is None or entry.seq >= newest.size:  # sealed since: then it is newer than what we check
            newest = Checkpoint.objects.order_by("-size").first()
        if newest is None or entry.seq >= newest.size:
            return False
        check_inclusion(entry, leaf_hash(formats.event_entry(event.header, entry.seal)), newest)
        return True


def _waits(event_id: UUID) -> bool:
    return Pending.objects.filter(event_id=event_id).exists()
