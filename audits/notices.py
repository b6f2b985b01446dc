"""What happens in the lowest room and somebody wants to hear of; a room that knows people registers."""

from typing import Protocol


class Notices(Protocol):
    """Each method runs inside the transaction of what it tells of."""

    def bundle_ended(self, *, reference: str, requested_by: str, ready: bool) -> None:
        """A bundle that `requested_by` (``person/<id>``) asked for is ready, or could not be built."""
        ...


_listeners: list[Notices] = []


def register(listener: Notices) -> None:
    if listener not in _listeners:
        _listeners.append(listener)


def bundle_ended(*, reference: str, requested_by: str, ready: bool) -> None:
    for listener in _listeners:
        listener.bundle_ended(reference=reference, requested_by=requested_by, ready=ready)
