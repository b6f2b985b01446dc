"""What the rooms hold about a person besides the ledger. Each registers its source when it starts."""

from collections.abc import Iterator, Mapping
from typing import Protocol

from audits.canonical import JSON


class Erasable(Protocol):
    """Every method gets a subject such as ``person/<id>``; one of somebody unknown is no error."""

    def objection(self, subject: str) -> str | None:
        """Why the person cannot be erased yet and what to do first; None where nothing stands against it."""
        ...

    def erase(self, subject: str) -> None:
        """Remove names and all else that identifies; in the transaction of the erasure."""
        ...

    def names(self, subject: str) -> set[str]:
        """Under which names the person may be quoted elsewhere."""
        ...

    def export(self, subject: str) -> Mapping[str, JSON]:
        """What is held about the person, by kind (GDPR Article 20)."""
        ...


_sources: list[Erasable] = []


def register(source: Erasable) -> None:
    if source not in _sources:
        _sources.append(source)


def objections(subject: str) -> list[str]:
    return [reason for source in _sources if (reason := source.objection(subject))]


def erase(subject: str) -> None:
    for source in _sources:
        source.erase(subject)


def names(subject: str) -> set[str]:
    return {name for source in _sources for name in source.names(subject) if name}


def export(subject: str) -> Iterator[tuple[str, JSON]]:
    for source in _sources:
        yield from source.export(subject).items()
