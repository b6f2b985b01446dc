"""What the chapters of the story hand on to each other."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from agents.models import Person
from portal.demo.people import OWNER
from portal.demo.screen import Screen

PATIENCE_SECONDS = 120


@dataclass
class Story:
    """What the chapters hand on to each other."""

    screen: Screen
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def owner(self) -> Person:
        return self.people[OWNER]

    def wait_for(self, what: str, ready: Callable[[], bool], *, seconds: int = PATIENCE_SECONDS) -> None:
        """Wait until a worker has done it; the answer is in the database, not in the queue."""
        deadline = time.monotonic() + seconds
        with self.screen.waiting(what):
            while not ready():
                self.screen.require(time.monotonic() < deadline, f"{what}: not done in {seconds} s.")
                time.sleep(0.1)
