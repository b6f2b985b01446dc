"""How an agent stands now, whatever it asks for: the facts that are the same for each of its questions.

For a read they may be those of a moment ago (`governance.recent`): every ending appends a revocation, and
what changes otherwise is seen after a second at the latest. Only what lets it read is remembered; what
stands against it is looked at anew each time. A write is never decided on what is remembered.
"""

from dataclasses import dataclass, replace
from functools import partial

from django.utils import timezone

from agents.choices import Access, AgentState
from agents.decision_point import Question
from agents.models import Agent, AgentInstance, AgentVersion
from agents.services import revocations
from agents.services.revocations import Scope
from governance import containment_selectors, contents, pdp, selectors
from governance.models import Approval, RiskClass
from governance.recent import Recent
from governance.services import locks


@dataclass(frozen=True, slots=True)
class Standing:
    """`facts` grant nothing yet; `approval` is what the board approved of what runs, read as `content`."""

    facts: pdp.Facts
    epoch: int
    agent: Agent
    approval: Approval | None
    content: contents.Content | None
    risk_class: RiskClass | None

    @property
    def credential_seconds(self) -> int:
        """The shorter of what the board approved and what the risk class says now."""
        if self.content is None or self.risk_class is None:
            return 0
        approved: int = self.content["terms"]["credential_max_seconds"]
        return min(approved, self.risk_class.credential_max_seconds)


_RECENT: Recent[Standing] = Recent()


def of(question: Question) -> Standing:
    """As it is now, or for a read was a moment ago."""
    if question.access == Access.WRITE:
        return look(question)
    key = (question.agent.pk, question.instance.pk, question.version.pk, question.epoch)
    return _RECENT.of(key, partial(look, question), keep=_lets_read)


def look(question: Question, *, hold: bool = False) -> Standing:
    """As it is now. `hold` keeps the agent locked until the transaction ends."""
    agent, epoch = _agent(question, hold=hold)
    instance = AgentInstance.objects.filter(pk=question.instance.pk).first()
    # As it is now: the caller's copy of a version may be older than the database's.
    version = _version(question, agent)
    unchanged = selectors.approved_dossier(agent, version) if version else None
    approval = unchanged or (selectors.edited_dossier(agent, version) if version else None)
    content = contents.read(approval) if approval else None
    facts = pdp.Facts(
        access=question.access,
        contained=containment_selectors.level_of(agent, instance),
        epoch_good=_is_good(question, agent, instance),
        review_done=not selectors.is_suspended(agent),
        agent_active=agent.state in {AgentState.ACTIVE, AgentState.OWNERLESS},
        owner_active=agent.state != AgentState.OWNERLESS and agent.owner.is_active,
        sponsor_active=agent.state == AgentState.OWNERLESS or agent.reads_until is None,
        reads_on=_reads_on(agent),
        instance_live=instance is not None
        and instance.ended_at is None
        and (instance.agent_id, instance.version_id) == (agent.pk, question.version.pk),
        version_active=version is not None,
        dossier_unchanged=unchanged is not None,
        edited=unchanged is None and approval is not None,
    )
    return Standing(facts, epoch, agent, approval, content, selectors.risk_class_of(agent))


def _lets_read(standing: Standing) -> bool:
    """Whether it is in the way of no reading, and no clock is about to change that."""
    granted = replace(standing.facts, function_approved=True, read_granted=True)
    return standing.agent.reads_until is None and pdp.evaluate(granted).allowed


def _agent(question: Question, *, hold: bool) -> tuple[Agent, int]:
    """As it is now, not as the caller remembers it; where asked for, held until the answer is recorded.

    And the epoch from before any fact was looked at: what is revoked after that is newer than the answer.
    """
    if hold:
        return locks.agent(question.agent.pk), revocations.current()
    epoch = revocations.current()
    agents = Agent.objects.select_related("owner", "active_version", "candidate")
    return agents.get(pk=question.agent.pk), epoch


def _version(question: Question, agent: Agent) -> AgentVersion | None:
    """The active version, or the one that is being released beside it, where it is the one that asks."""
    current = (agent.active_version, agent.candidate)
    return next((version for version in current if version and version.pk == question.version.pk), None)


def _is_good(question: Question, agent: Agent, instance: AgentInstance | None) -> bool:
    """Whether what the caller's token rests on is still there; true where it named none."""
    if question.epoch is None:
        return True
    return revocations.is_good(epoch=question.epoch, scope=Scope.of(agent, instance))


def _reads_on(agent: Agent) -> bool:
    """Whether its owner, or its sponsor, is gone and it may still read.

    An account that was taken away behind the product's back leaves no time to read.
    """
    if agent.reads_until is None or agent.reads_until <= timezone.now():
        return False
    return agent.state == AgentState.OWNERLESS or agent.owner.is_active
