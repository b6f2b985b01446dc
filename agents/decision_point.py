"""What the agents' room asks of governance: may this be done? (AuthZEN Authorization API 1.0 terms)

Governance registers its decision point when it starts. Nobody answers for it: where none is
registered, asking raises, and nothing is executed (promise 14).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from agents.choices import Access
from agents.models import Agent, AgentInstance, AgentVersion


@dataclass(frozen=True, slots=True)
class Question:
    """An access evaluation request: subject (agent, instance), action, resource, context.

    `digest` is the SHA-256 of function, resource and arguments, for a write: an elevation that people
    opened for exactly one proposed action covers nothing else. `enforcement_point` is who asked over HTTP.
    """

    agent: Agent
    instance: AgentInstance
    version: AgentVersion
    action: str
    resource: str
    access: Access
    task_id: UUID | None
    intent: str
    digest: str = ""
    enforcement_point: UUID | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An access evaluation response.

    `id` names the recorded decision. `epoch` is the agent's as the decision left it: no credential is
    minted once the agent's access has ended since.
    """

    id: UUID
    allowed: bool
    reason: str
    message: str
    requestable: bool
    credential_seconds: int
    elevation_id: UUID | None
    ends_at: datetime | None
    epoch: int


class DecisionPoint(Protocol):
    def decide(self, question: Question) -> Answer: ...


_registered: list[DecisionPoint] = []


def register(point: DecisionPoint) -> None:
    _registered[:] = [point]


def decide(question: Question) -> Answer:
    """Ask the registered decision point.

    Raises:
        RuntimeError: none is registered; nothing may be executed.
    """
    if not _registered:
        raise RuntimeError("No decision point is registered: nothing may be executed.")
    return _registered[0].decide(question)
