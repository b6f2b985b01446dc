"""What the agents' room asks of governance: may this be done? (AuthZEN Authorization API 1.0 terms)

Governance registers its decision point when it starts. Nobody answers for it: where none is
registered, asking raises, and nothing is executed (promise 14).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from agents.choices import Access, ActionOutcome
from agents.models import Agent, AgentInstance, AgentVersion
from agents.on_behalf import OnBehalf
from audits.actor import Actor


@dataclass(frozen=True, slots=True)
class Question:
    """An access evaluation request: subject (agent, instance), action, resource, context.

    `digest` is the SHA-256 of function, resource and arguments, for a write: an elevation that people
    opened for exactly one proposed action covers nothing else. `enforcement_point` is who asked over HTTP,
    and `context` what it said of the circumstances; `epoch` is that of the token which was presented there.
    `on_behalf_of` is for whom it acts, where not for itself.
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
    on_behalf_of: OnBehalf | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """An access evaluation response.

    `id` names the recorded decision. An allowed access holds under its `obligations`; who does not understand
    one of them must not carry it out. `epoch` is the newest revocation that the decision knew of: no
    credential is minted once anything that it would rest on has been revoked since. `delegation_id` is the
    delegation that covers it. `elevation_digest` is the SHA-256 of what was approved of the elevation, as its
    approvers saw it. `access_request` is how to ask for what was denied, in the words of the
    protocol, where that can be asked for.
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
    delegation_id: UUID | None = None
    elevation_digest: str = ""
    obligations: tuple[str, ...] = ()
    policy_version: str = ""
    access_request: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What became of what an answer allowed, as its enforcement point says."""

    decision_id: UUID
    outcome: ActionOutcome
    detail: str
    actor: Actor


class DecisionPoint(Protocol):
    def decide(self, question: Question) -> Answer: ...

    def conclude(self, conclusion: Conclusion) -> None: ...


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


def conclude(conclusion: Conclusion) -> None:
    """Tell the registered decision point, in the transaction that records what was done."""
    _registered[0].conclude(conclusion)
