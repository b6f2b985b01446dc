"""What bundles and pages read of the ledger. A ledger only grows, so a place in it is a stable view."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Max, Min, Q, QuerySet

from audits import formats
from audits.models import Checkpoint, Entry, Event, Node, Pending, StreamHead
from audits.tree import consistency_ranges, gaps, inclusion_ranges, join, subtrees

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
    header: bytes | None
    body_key: bytes | None
    body_box: bytes | None
    name_key: bytes | None
    name_box: bytes | None

    @property
    def entry(self) -> bytes:
        """What the leaf is the hash of."""
        if self.header is None:
            return formats.heads_entry(bytes(self.heads or b""), bytes(self.seal))
        return formats.event_entry(bytes(self.header), bytes(self.seal))


_LINE = (
    "seq", "stream_seq", "seal", "heads", "event__header", "event__body__body_key",
    "event__body__body_box", "event__body__name_key", "event__body__name_box",
)  # fmt: skip


def events(stream: str) -> QuerySet[Event]:
    """The story of one stream, newest first."""
    return Event.objects.filter(stream=stream).select_related("body", "entry").order_by("-id")


def last_position() -> Position | None:
    heads = Entry.objects.filter(stream=formats.HEADS_STREAM).order_by("-stream_seq").first()
    return Position(heads, Checkpoint.objects.get(size=heads.seq + 1)) if heads else None


def is_current(position: Position, streams: Sequence[str], until: datetime | None = None) -> bool:
    """Whether nothing was recorded since in `streams` (none: anywhere) that would be before `until`."""
    if until is not None and position.heads.sealed_at >= until:
        return True
    heads, waiting = StreamHead.objects.exclude(stream=formats.HEADS_STREAM), Pending.objects.all()
    if streams:
        heads, waiting = heads.filter(stream__in=streams), waiting.filter(event__stream__in=streams)
    return not waiting.exists() and not heads.filter(seq__gt=position.heads.seq).exists()


def ends_at(position: Position) -> list[tuple[str, int, bytes]]:
    """(stream, last number, its leaf) of every stream, as the heads entry at `position` saw them."""
    seq = position.heads.seq
    ends = []
    for head in StreamHead.objects.exclude(stream=formats.HEADS_STREAM):
        if head.seq < seq:
            ends.append((head.stream, head.stream_seq, bytes(head.leaf)))
        else:  # it went on since: its next entry names the leaf before it, which may have been pruned
            after = Entry.objects.filter(stream=head.stream, seq__gt=seq).order_by("stream_seq").first()
            if after and after.stream_seq > 1:
                ends.append((head.stream, after.stream_seq - 1, bytes(after.previous)))
    return ends


def position_at(size: int) -> Position:
    """The state of the ledger when it had `size` entries, the last of them heads."""
    return Position(Entry.objects.get(seq=size - 1), Checkpoint.objects.get(size=size))


def numbers_between(position: Position, stream: str, since: datetime | None, until: datetime | None) -> Range:
    """The numbers of `stream` that were sealed in [since, until); what was pruned counts as inside.

    So the beginning is 1, or the number after one that is known to be before `since`.
    """
    entries = Entry.objects.filter(stream=stream, seq__lt=position.heads.seq)
    before = entries.filter(sealed_at__lt=since).aggregate(n=Max("stream_seq"))["n"] if since else None
    after = entries.filter(sealed_at__gte=until).aggregate(n=Min("stream_seq"))["n"] if until else None
    end = StreamHead.objects.filter(stream=stream, seq__lt=position.heads.seq).values_list(
        "stream_seq", flat=True
    )
    last = end.first() or entries.aggregate(n=Max("stream_seq"))["n"] or 0
    return Range(first=(before or 0) + 1, last=after - 1 if after else last)


def places_between(position: Position, since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """The indexes [low, high) of the ledger that were sealed in [since, until)."""
    entries = Entry.objects.filter(seq__lt=position.heads.seq)
    before = entries.filter(sealed_at__lt=since).aggregate(n=Max("seq"))["n"] if since else None
    after = entries.filter(sealed_at__gte=until).aggregate(n=Min("seq"))["n"] if until else None
    return (0 if before is None else before + 1), (position.heads.seq if after is None else after)


def places_of_stream(stream: str, first: int, last: int) -> Iterator[int]:
    """The indexes in the tree of these numbers of a stream, in order."""
    return _places(Entry.objects.filter(stream=stream, stream_seq__range=(first, last)))


def places_naming(
    position: Position, *, streams: Sequence[str], party: str, framework: str, period: tuple[Any, Any]
) -> Iterator[int]:
    """Where events are that name `party` as actor or object and may name the framework.

    In `streams`, or in any where there are none; sealed in `period`.
    """
    since, until = period
    entries = Entry.objects.filter(seq__lt=position.heads.seq, event__isnull=False)
    if streams:
        entries = entries.filter(stream__in=streams)
    if party:
        entries = entries.filter(Q(event__actor=party) | Q(event__object=party))
    if framework:
        entries = entries.filter(event__frameworks__contains=framework)
    if since:
        entries = entries.filter(sealed_at__gte=since)
    if until:
        entries = entries.filter(sealed_at__lt=until)
    return _places(entries)


def places_of_events(position: Position, events: Iterable[UUID]) -> list[int]:
    return sorted(_places(Entry.objects.filter(event_id__in=list(events), seq__lt=position.heads.seq)))


def _places(entries: QuerySet[Entry]) -> Iterator[int]:
    return entries.order_by("seq").values_list("seq", flat=True).iterator(CHUNK)


def lines_at(places: Sequence[int]) -> Iterator[Line]:
    """The entries at these indexes, in order, a chunk at a time; those that were pruned are not there."""
    for start in range(0, len(places), CHUNK):
        part = places[start : start + CHUNK]
        low, high = part[0], part[-1]
        dense = high - low + 1 == len(part)
        entries = (
            Entry.objects.filter(seq__range=(low, high))
            if dense
            else Entry.objects.filter(seq__in=list(part))
        )
        yield from map(Line._make, entries.order_by("seq").values_list(*_LINE))


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


def inclusion(size: int, seq: int) -> list[bytes]:
    """The audit path of entry `seq` in the tree of the first `size` entries (RFC 9162, 2.1.3.1).

    Raises:
        KeyError: a stored node is absent; `ledger verify` says which.
    """
    wanted = [subtrees(low, high) for low, high in inclusion_ranges(size, seq)]
    known = _node_hashes({position for positions in wanted for position in positions})
    return [join([known[position] for position in positions]) for positions in wanted]
