"""How sensitive a resource is, asked of whoever keeps a catalogue of resources (S2-4).

A write elevation remembers the snapshot that its approvers saw. Where the resource has become more
sensitive since, what they said does not count any more. Without a catalogue no resource is told apart.
"""

from typing import Protocol

from audits.canonical import JSON

Snapshot = dict[str, JSON]


class Catalogue(Protocol):
    """What is known of resources, concrete ones (`finding/1`) and classes of them (`finding/*`)."""

    def snapshot(self, resource: str) -> Snapshot:
        """What approvers should know of a resource, in the ledger's canonical profile."""
        ...

    def is_more_sensitive(self, before: Snapshot, resource: str) -> bool:
        """Whether it is more sensitive now than a snapshot of it, or of a class that it is in, says."""
        ...


_registered: list[Catalogue] = []


def register(catalogue: Catalogue) -> None:
    _registered[:] = [catalogue]


def snapshot(resource: str) -> Snapshot:
    return _registered[0].snapshot(resource) if _registered else {}


def is_more_sensitive(before: Snapshot, resource: str) -> bool:
    return _registered[0].is_more_sensitive(before, resource) if _registered else False
