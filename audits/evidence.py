"""What the rooms contribute to an evidence bundle. Each registers its source when it starts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson


@dataclass(frozen=True, slots=True)
class Scope:
    """One stream that a bundle is about, optionally sealed in [since, until), optionally one framework.

    A bundle about several streams asks once for each.
    """

    stream: str
    since: datetime | None = None
    until: datetime | None = None
    framework: str = ""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of the bundle. `path` is relative, for example `approvals/<sha256>.json`.

    The bytes must depend on the records alone: a bundle built twice is the same bundle. `pieces`, in
    place of `content`, is for what may be too large to hold.
    """

    path: str
    content: bytes = b""
    pieces: Iterable[bytes] | None = None

    def read(self) -> bytes:
        """All of it; `pieces` can be read once."""
        return self.content if self.pieces is None else b"".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Missing:
    """What belongs into the bundle and is not there, in a sentence: it makes the bundle say *incomplete*."""

    sentence: str


class EvidenceSource(Protocol):
    def collect(self, scope: Scope) -> Iterable[Artefact | Missing]: ...


_sources: list[EvidenceSource] = []


def register(source: EvidenceSource) -> None:
    if source not in _sources:
        _sources.append(source)


def collect(scope: Scope) -> Iterator[Artefact | Missing]:
    """The artefacts of every registered source, and what they miss."""
    for source in _sources:
        yield from source.collect(scope)


def table(path: str, rows: Iterable[Any]) -> Artefact:
    """Rows as a JSON array, one to a line, without holding them; a query should be an iterator."""
    return Artefact(path, pieces=_array(rows))


def _array(rows: Iterable[Any]) -> Iterator[bytes]:
    before = b"[\n"
    for row in rows:
        yield before + orjson.dumps(row, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)
        before = b",\n"
    yield b"[]\n" if before == b"[\n" else b"\n]\n"
