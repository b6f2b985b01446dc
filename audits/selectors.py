"""What bundles and pages read of the ledger. A ledger only grows, so a place in it is a stable view."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import NamedTuple
from uuid import UUID

from django.db.models import Max, Min, Q, QuerySet

from audits import bodies, formats
from audits.models import Checkpoint, Entry, Event, Node, Pending, StreamHead
from audits.tree import consistency_ranges, gaps, join, subtrees

CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Position:
    """A state of the ledger: a heads entry, and the checkpoint that signs it as the last leaf."""

    heads: Entry
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers [first, last] of a stream that were sealed in a period; empty where last < first."""

    first: int
    last: int


class Line(NamedTuple):
    """A sealed entry with its event and the boxes of its body, as far as a bundle repeats them.

    Plain values: models for all three would take most of the time of building a bundle.
    """

    seq: int
    number: int
    seal: bytes
    heads: bytes | None
    event_id: UUID | None
    header: bytes | None
    body_key: bytes | None
    body_box: bytes | None
    name_key: bytes | None
    name_box: bytes | None

    def opened(self, part: bytes) -> bodies.Opened | None:
        """The payload or the actor's name; None where it was erased, or is not there.

        Raises:
            audits.bodies.BoxDamaged: see there.
        """
        key, box = (
            (self.body_key, self.body_box) if part == bodies.PAYLOAD else (self.name_key, self.name_box)
        )
        if self.event_id is None or key is None or box is None:
            return None
        return bodies.unseal(part, self.event_id.bytes, bodies.Sealed(key, box))

    @property
    def entry(self) -> bytes:
        """What the leaf is the hash of."""
        if self.header is None:
            return formats.heads_entry(bytes(self.heads or b""), bytes(self.seal))
        return formats.event_entry(bytes(self.header), bytes(self.seal))


_LINE = (
    "seq", "stream_seq", "seal", "heads", "event_id", "event__header", "event__body__body_key",
    "event__body__body_box", "event__body__name_key", "event__body__name_box",
)  # fmt: skip


def events(stream: str) -> QuerySet[Event]:
    """The story of one stream, newest first."""
    return Event.objects.filter(stream=stream).select_related("body", "entry").order_by("-id")


def last_position() -> Position | None:
    heads = Entry.objects.filter(stream=formats.HEADS_STREAM).order_by("-stream_seq").first()
    return Position(heads, Checkpoint.objects.get(size=heads.seq + 1)) if heads else None


def is_current(position: Position, stream: str) -> bool:
    """Whether nothing has been recorded in `stream` since `position`."""
    head = StreamHead.objects.filter(stream=stream).first()
    waiting = Pending.objects.filter(event__stream=stream).exists()
    return not waiting and (head is None or head.seq < position.heads.seq)


def ends_at(position: Position) -> list[tuple[str, int, bytes]]:
    """(stream, last number, its leaf) of every stream, as the heads entry at `position` saw them."""
    seq = position.heads.seq
    ends = []
    for head in StreamHead.objects.exclude(stream=formats.HEADS_STREAM):
        if head.seq < seq:
            ends.append((head.stream, head.stream_seq, bytes(head.leaf)))
        elif entry := Entry.objects.filter(stream=head.stream, seq__lt=seq).order_by("-stream_seq").first():
            ends.append((head.stream, entry.stream_seq, bytes(entry.leaf)))
    return ends


def sealed_between(position: Position, stream: str, since: datetime | None, until: datetime | None) -> Range:
    entries = Entry.objects.filter(stream=stream, seq__lt=position.heads.seq)
    bounds = entries.aggregate(
        first=Min("stream_seq", filter=Q(sealed_at__gte=since) if since else Q()),
        last=Max("stream_seq", filter=Q(sealed_at__lt=until) if until else Q()),
        end=Max("stream_seq"),
    )
    end = bounds["end"] or 0
    return Range(first=bounds["first"] or end + 1, last=bounds["last"] or 0)


def lines_between(stream: str, first: int, last: int) -> Iterator[Line]:
    """In order, a chunk at a time."""
    for start in range(first, last + 1, CHUNK):
        end = min(start + CHUNK - 1, last)
        entries = Entry.objects.filter(stream=stream, stream_seq__range=(start, end))
        yield from map(Line._make, entries.order_by("stream_seq").values_list(*_LINE))


def places_between(stream: str, first: int, last: int) -> Iterator[int]:
    """Of the same entries, the index in the tree alone."""
    for start in range(first, last + 1, CHUNK):
        end = min(start + CHUNK - 1, last)
        entries = Entry.objects.filter(stream=stream, stream_seq__range=(start, end))
        yield from entries.order_by("stream_seq").values_list("seq", flat=True)


def proof_hashes(size: int, included: Iterable[int]) -> Iterator[bytes]:
    """The hashes that `tree.gaps` asks for, from the stored nodes."""
    ranges = gaps(size, included)
    while part := list(islice(ranges, CHUNK)):
        wanted = [subtrees(low, high) for low, high in part]
        known = _node_hashes({position for positions in wanted for position in positions})
        for positions in wanted:
            yield join([known[position] for position in positions])


def _node_hashes(positions: set[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    found = {}
    for level, group in groupby(sorted(positions), key=lambda position: position[0]):
        indexes = [index for _, index in group]
        rows = (
            Node.objects.filter(level=level, index__in=indexes).values_list("index", "hash")
            if level
            else Entry.objects.filter(seq__in=indexes).values_list("seq", "leaf")
        )
        found.update({(level, index): bytes(value) for index, value in rows})
    return found


def consistency(first: int, second: int) -> list[bytes]:
    """The hashes that prove that the first `second` entries continue the first `first` (RFC 9162, 2.1.4.1).

    Raises:
        KeyError: a stored node is absent; `ledger verify` says which.
    """
    wanted = [subtrees(low, high) for low, high in consistency_ranges(first, second)]
    known = _node_hashes({position for positions in wanted for position in positions})
    return [join([known[position] for position in positions]) for positions in wanted]
