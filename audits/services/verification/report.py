"""What a verification found, in words; and how it says how far it has come."""

from collections.abc import Callable
from dataclasses import dataclass, field

Progress = Callable[[int, int], None]
"""Called with the entries checked so far, and with how many there are to check."""


@dataclass
class Report:
    """What `verify` found. `problem` is empty where all is well; else it names the first wrong thing.

    `first` and `size` say which entries were checked, [first, size); `entries` how many of them were.
    `pruned` and `erased` count what is gone for a reason that the ledger itself states.
    """

    kind: str = "whole"
    subject: str = ""
    problem: str = ""
    place: str = ""
    first: int = 0
    size: int = 0
    entries: int = 0
    events: int = 0
    erased: int = 0
    pruned: int = 0
    pending: int = 0
    checkpoints: int = 0
    streams: int = 0
    root: str = ""
    key: str = ""
    jobs: int = 1
    warnings: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.problem

    def blame(self, wrong: "Wrong") -> None:
        self.place, self.problem = wrong.place, wrong.problem


class Wrong(Exception):
    """Something is not what was sealed: where, and what."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(place, problem)
        self.place, self.problem = place, problem


def unexpected(place: str, error: Exception) -> Wrong:
    """For what a forger left that does not even have the form of evidence."""
    return Wrong(
        f"{place}, or what surrounds it", f"What is stored there is not what the ledger writes ({error!r})."
    )


MALFORMED = (KeyError, TypeError, ValueError, AttributeError)
