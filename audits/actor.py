"""Who did it: the mandatory `actor` of every service."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that acts.

    `id` is opaque and goes into the event's header; `name` is personal data where the actor is a
    person, and goes into the erasable body only.
    """

    kind: Literal["person", "agent", "system"]
    id: str
    name: str

    @classmethod
    def system(cls, name: str) -> "Actor":
        """A named part of the product that acts by itself, for example `expiry-sweeper`."""
        return cls(kind="system", id=name, name=name)

    @property
    def ref(self) -> str:
        return f"{self.kind}/{self.id}"
