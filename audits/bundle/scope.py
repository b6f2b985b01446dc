"""What a bundle is about, at one position of the ledger: which entries are in it, which prove its edges."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import merge
from typing import Any

from audits import bodies, formats, selectors
from audits.canonical import JSON
from audits.choices import BundleKind, Completeness
from audits.errors import Invalid
from audits.models import Bundle
from audits.selectors import Line, Position


@dataclass(frozen=True, slots=True)
class Part:
    """The numbers [first, last] of one stream, complete; it ended with number `end`, of this leaf."""

    stream: str
    first: int
    last: int
    end: int
    leaf: bytes

    @property
    def low(self) -> int:
        """The number before, which shows where the period begins; or the first."""
        return max(self.first - 1, 1)

    @property
    def high(self) -> int:
        return min(self.last + 1, self.end)


@dataclass(slots=True)
class Scope:
    """Complete streams, or a range of the ledger; and events elsewhere, of which only presence is proved."""

    position: Position
    bundle: Bundle
    parts: dict[str, Part] = field(default_factory=dict)
    places: tuple[int, int] | None = None
    presence: dict[str, JSON] | None = None

    @classmethod
    def of(cls, bundle: Bundle, position: Position) -> "Scope":
        """
        Raises:
            Invalid: a stream has no events.
        """
        scope = cls(position, bundle)
        if bundle.kind == BundleKind.PERIOD:
            scope.places = selectors.places_between(position, bundle.since, bundle.until)
            return scope
        if bundle.framework or bundle.party:
            among: list[JSON] = list(bundle.streams) if bundle.framework else []
            scope.presence = {
                "framework": bundle.framework or None,
                "party": bundle.party or None,
                "streams": among or None,
            }
        if not bundle.framework:
            scope.parts = _parts(bundle, position)
        return scope

    @property
    def completeness(self) -> Completeness:
        if self.places is not None:
            return Completeness.RANGE
        if self.presence is not None:
            return Completeness.MIXED if self.parts else Completeness.PRESENCE
        return Completeness.STREAM

    def about(self, line: Line, header: dict[str, Any]) -> bool:
        """Whether the bundle is about this event, or it is there for what it proves."""
        if self.places is not None:
            return self.places[0] <= line.seq < self.places[1]
        part = self.parts.get(header["stream"])
        if part is not None:
            return part.first <= line.number <= part.last
        return self.presence is not None and self._is_named(header)

    def _is_named(self, header: dict[str, Any]) -> bool:
        bundle = self.bundle
        return (
            (not bundle.party or bundle.party in (header["actor"], header["object"]))
            and (not bundle.framework or bundle.framework in header.get("frameworks", ()))
            and (not bundle.framework or not bundle.streams or header["stream"] in bundle.streams)
        )

    def gather(self) -> "array[int]":
        """The indexes of all entries to read: the scope, its neighbours and, at the end, the heads."""
        found = array("q")
        if self.places is not None:
            low, high = max(self.places[0] - 1, 0), self.places[1]
            found = array("q", range(low, high + 1))
            if high < self.position.heads.seq:
                found.append(self.position.heads.seq)
            return found
        sources = [
            selectors.places_of_stream(part.stream, part.low, part.high) for part in self.parts.values()
        ]
        last = -1
        for seq in merge(*sources, self._places_named(), [self.position.heads.seq]):
            if seq != last:
                found.append(seq)
            last = seq
        return found

    def _places_named(self) -> Iterator[int]:
        bundle = self.bundle
        if self.presence is None:
            return iter(())
        return selectors.places_naming(
            self.position,
            streams=bundle.streams if bundle.framework else (),
            party=bundle.party,
            framework=bundle.framework,
            period=(bundle.since, bundle.until),
        )

    @property
    def period(self) -> dict[str, JSON]:
        since, until = self.bundle.since, self.bundle.until
        return {
            "since": formats.timestamp(since) if since else None,
            "until": formats.timestamp(until) if until else None,
        }

    @property
    def described(self) -> dict[str, JSON]:
        """As the manifest says it."""
        parts = sorted(self.parts.values(), key=lambda part: part.stream)
        return {
            "period": self.period,
            "streams": [{"stream": part.stream, "first": part.first, "last": part.last} for part in parts],
            "range": {"low": self.places[0], "high": self.places[1]} if self.places is not None else None,
            "presence": self.presence,
        }


def _parts(bundle: Bundle, position: Position) -> dict[str, Part]:
    ends = {stream: (number, leaf) for stream, number, leaf in selectors.ends_at(position)}
    parts = {}
    for stream in bundle.streams:
        if stream not in ends and bundle.kind != BundleKind.CASE:
            raise Invalid(f"The stream {stream} has no events: there is nothing to prove.")
        if stream in ends:
            found = selectors.numbers_between(position, stream, bundle.since, bundle.until)
            parts[stream] = Part(stream, found.first, found.last, *ends[stream])
    if not parts:
        raise Invalid("None of the streams has any events: there is nothing to prove.")
    return parts


def subject_of(part: bytes, header: dict[str, Any]) -> str:
    """Whose key boxes this part of an event."""
    is_payload = part == bodies.PAYLOAD
    return bodies.payload_subject(header["stream"]) if is_payload else bodies.name_subject(header["actor"])
