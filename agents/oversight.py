"""What follows at once, above this room, when an entry of the register changes.

Governance registers itself when it starts. Its functions run inside the transaction of the change, with
the agent's row locked: what was asked or given on the strength of the old entry ends with it.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Protocol

from agents.models import Agent, AgentInstance, Person
from audits.actor import Actor


class Oversight(Protocol):
    def edited(self, *, actor: Actor, agent: Agent) -> None:
        """Something was edited that an approval covers, or that a pending request describes."""

    def stopped(self, *, actor: Actor, agent: Agent) -> None:
        """It does not write any more: what it was given to write with ends, and so do its requests."""

    def retired(self, *, actor: Actor, agent: Agent) -> Mapping[str, int]:
        """It is gone for good: everything ends. Says how much of what is left, by name; all has to be 0."""

    def why_contained(self, agent: Agent, instance: AgentInstance | None) -> str | None:
        """What is frozen: it, this copy, its owner's agents or everything; None where nothing is."""

    def person_left(self, *, actor: Actor, person: Person) -> None:
        """Somebody was deactivated: their seat ends, and so do the requests that they made."""

    def grace(self, agent: Agent) -> timedelta:
        """How long it may still read once its owner is gone."""

    def next_review(self, agent: Agent) -> date | None:
        """When its entry is to be reviewed again, counted from today; None where nothing says so."""


_registered: list[Oversight] = []


def register(oversight: Oversight) -> None:
    """Name who watches the register; the last one named does."""
    _registered[:] = [oversight]


def edited(*, actor: Actor, agent: Agent) -> None:
    """Tell that the entry was edited. Without governance there is nothing that could follow."""
    for oversight in _registered:
        oversight.edited(actor=actor, agent=agent)


def stopped(*, actor: Actor, agent: Agent) -> None:
    for oversight in _registered:
        oversight.stopped(actor=actor, agent=agent)


def retired(*, actor: Actor, agent: Agent) -> dict[str, int]:
    """What is left above this room of an agent that is retired, by name."""
    return {
        name: number
        for oversight in _registered
        for name, number in oversight.retired(actor=actor, agent=agent).items()
    }


def person_left(*, actor: Actor, person: Person) -> None:
    for oversight in _registered:
        oversight.person_left(actor=actor, person=person)


def grace(agent: Agent) -> timedelta:
    """None at all where nobody says how long."""
    return min((oversight.grace(agent) for oversight in _registered), default=timedelta())


def next_review(agent: Agent) -> date | None:
    return next((oversight.next_review(agent) for oversight in _registered), None)


def why_contained(agent: Agent, instance: AgentInstance | None = None) -> str | None:
    """Why nothing of it starts or goes on now, in words; None where it is not frozen."""
    reasons = (oversight.why_contained(agent, instance) for oversight in _registered)
    return next((reason for reason in reasons if reason), None)
