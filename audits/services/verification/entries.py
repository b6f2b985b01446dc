"""The entries of a range from their bytes: the part of verification that needs no order, and most time."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from audits import formats
from audits.services.verification.absences import Absences
from audits.services.verification.events import EventChecker
from audits.services.verification.report import MALFORMED, Wrong, unexpected
from audits.services.verification.rows import EntryRow, EventRow, Sealed, between
from audits.tree import leaf_hash


class Checked(NamedTuple):
    """What the ordered part needs of an entry: its place, and its leaf as computed from its bytes.

    Of heads it takes the bytes, and the stored leaf and columns later: what they say is checked first.
    """

    seq: int
    stream: str
    number: int
    previous: bytes
    sealed_at: str
    leaf: bytes
    place: str
    heads: bytes | None = None
    stored_leaf: bytes = b""
    fits: bool = True


@dataclass
class Part:
    """A range, checked up to the first wrong entry. It travels between processes."""

    entries: list[Checked] = field(default_factory=list)
    wrong: tuple[str, str] | None = None
    events: int = 0
    erased: int = 0


def check_range(start: int, end: int, *, with_bodies: bool = True) -> Part:
    """The entries [start, end), as far as they are there."""
    return check_entries(between(start, end), EventChecker(Absences(), with_bodies=with_bodies))


def check_entries(rows: Iterable[Sealed], events: EventChecker) -> Part:
    part = Part()
    before = (events.events, events.erased)
    for entry, event in rows:
        place = f"entry {entry.seq}" + (f", event {event.id}" if event else "")
        try:
            part.entries.append(check_entry(entry, event, events, place))
        except Wrong as wrong:
            part.wrong = (wrong.place, wrong.problem)
            break
        except MALFORMED as error:
            found = unexpected(place, error)
            part.wrong = (found.place, found.problem)
            break
    part.events, part.erased = events.events - before[0], events.erased - before[1]
    return part


def check_entry(entry: EntryRow, event: EventRow | None, events: EventChecker, place: str) -> Checked:
    """
    Raises:
        Wrong: what is stored is not what was sealed.
    """
    seal = formats.seal_bytes_at(entry.seq, entry.number, entry.previous, entry.sealed_at)
    if event is None:
        if entry.event_id is not None:
            raise Wrong(place, f"The event {entry.event_id} of entry {entry.seq} was deleted.")
        heads = entry.heads or b""
        leaf = leaf_hash(formats.heads_entry(heads, entry.seal))
        fits = seal == entry.seal and entry.stream == formats.HEADS_STREAM
        return Checked(
            entry.seq, entry.stream, entry.number, entry.previous, entry.sealed_at, leaf, place, heads,
            entry.leaf, fits,
        )  # fmt: skip
    header = events.check(event, place)
    leaf = leaf_hash(formats.event_entry(event.header, entry.seal))
    check_leaf(entry.seq, leaf, entry.leaf, place)
    check_columns(entry.seq, seal == entry.seal and entry.stream == header["stream"], place)
    return Checked(entry.seq, entry.stream, entry.number, entry.previous, entry.sealed_at, leaf, place)


def check_leaf(seq: int, leaf: bytes, stored: bytes, place: str) -> None:
    if leaf != stored:
        raise Wrong(place, f"The leaf of entry {seq} is not the hash of its bytes: one was changed.")


def check_columns(seq: int, fits: bool, place: str) -> None:  # noqa: FBT001 - what was compared
    if not fits:
        raise Wrong(place, f"The columns of entry {seq} differ from what was sealed.")
