"""What the rooms contribute to an evidence bundle. Each registers its source when it starts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Scope:
    """What a bundle is about: one stream, optionally sealed in [since, until), optionally one framework."""

    stream: str
    since: datetime | None = None
    until: datetime | None = None
    framework: str = ""


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file of the bundle. `path` is relative, for example `approvals/<sha256>.json`.

    The bytes must depend on the records alone: a bundle built twice is the same bundle.
    """

    path: str
    content: bytes


class EvidenceSource(Protocol):
    def collect(self, scope: Scope) -> Iterable[Artefact]: ...


_sources: list[EvidenceSource] = []


def register(source: EvidenceSource) -> None:
    if source not in _sources:
        _sources.append(source)


def collect(scope: Scope) -> Iterator[Artefact]:
    """The artefacts of every registered source."""
    for source in _sources:
        yield from source.collect(scope)
