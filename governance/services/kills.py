"""Ending an agent for good by a vote of the board, with every agent that it created (S1-10, S1-14).

Who votes is shown, byte for byte, what would end. It needs two yeses at least, whatever the risk class says,
and no other verb brings back what the board ended; the database refuses that as well.
"""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from agents.choices import AgentState, DependencyKind
from agents.models import Agent, Dependency, Person
from agents.services import containing
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import attempt, refuse
from governance import containment_permissions, contents, selectors
from governance.choices import ApprovalState, ApprovalSubject, ContainmentLevel, RiskLevel
from governance.containment_selectors import in_force
from governance.models import Approval, Containment, RiskClass
from governance.quorum import Rule
from governance.services import locks, requests
from governance.services.actors import BOARD

MAX_REASON = 4_000
AT_LEAST = Rule(seats=(), quorum=2, veto=False)


def request(*, actor: Person, agent: Agent, reason: str) -> Approval:
    """Ask the board to end an agent for good, and what it created. Freeze it first: a vote takes time.

    Raises:
        Denied: the actor is neither of the owner's side, nor on the board, nor administrator; recorded.
        Invalid: there is no reason.
        Conflict: it is retired, or the board is asked already.
    """
    if not reason.strip() or len(reason) > MAX_REASON:
        words = f"Say why, in at most {MAX_REASON:,} characters."
        raise Invalid(words, fields={"reason": words})
    with attempt(
        action=Action.KILL_REQUESTED, actor=actor.actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        held = locks.agent(agent.pk)
        refuse(containment_permissions.against_asking_to_kill(actor, held, selectors.seat_of(actor)))
        if held.state == AgentState.RETIRED:
            raise Conflict(f"{held} is retired already.")
        pending = Approval.objects.filter(
            agent=held, subject=ApprovalSubject.KILL, state=ApprovalState.PENDING
        )
        if pending.exists():
            raise Conflict("The board is asked to end it already.")
        return requests.open_request(
            actor=actor,
            agent=held,
            subject=ApprovalSubject.KILL,
            subject_id=held.pk,
            title=f"{held.name}: end it for good"[:300],
            described=_described(held, reason.strip()),
            terms={"rule": _rule(held).frozen()},
            expires_at=timezone.now() + timedelta(days=settings.APPROVAL_DAYS),
        )


def created_by(agent: Agent) -> list[Agent]:
    """The agents that it created, and those that they created, that are not over; by slug."""
    found: dict[UUID, Agent] = {}
    waiting = [agent.pk]
    while waiting:
        edges = Dependency.objects.filter(
            agent__in=waiting, kind=DependencyKind.CREATES, to_agent__isnull=False, ended_at__isnull=True
        )
        new = Agent.objects.filter(pk__in=edges.values("to_agent")).exclude(pk__in=[agent.pk, *found])
        waiting = [child.pk for child in new]
        found |= {child.pk: child for child in new}
    alive = (child for child in found.values() if child.state != AgentState.RETIRED)
    return sorted(alive, key=lambda child: child.slug)


def changed(approval: Approval, agent: Agent) -> str | None:
    """Why the request no longer fits what is there; None where it does."""
    if agent.state == AgentState.RETIRED:
        return "The agent is retired."
    if not contents.still_describes(approval, _described(agent, contents.read(approval)["reason"])):
        return (
            "What would end is not what was asked: what it created has changed, or the request was altered."
        )
    return None


def approved(approval: Approval, agent: Agent) -> None:
    """The board said yes: it ends, and so does whatever it created."""
    for child in (agent, *created_by(agent)):
        _kill(child if child.pk == agent.pk else locks.agent(child.pk), approval)


def refused(approval: Approval, agent: Agent, state: ApprovalState) -> None:
    """Rejected, expired or voided: nothing ends, and what is frozen stays so."""


def _kill(agent: Agent, approval: Approval) -> None:
    reason = contents.read(approval)["reason"]
    if not in_force().filter(agent=agent, level=ContainmentLevel.AGENT).exists():
        _contain(agent, approval, reason)
    ended = containing.end(actor=BOARD, agent=agent)
    history.record(
        changed=[agent],
        stream=agent.stream,
        action=Action.AGENT_KILLED,
        actor=BOARD,
        object=f"agent/{agent.pk}",
        body={
            "approval": str(approval.pk),
            "digest": approval.digest,
            "reason": reason,
            "because_of": str(approval.agent_id),
            "ended": dict(ended),
        },
    )


def _contain(agent: Agent, approval: Approval, reason: str) -> None:
    """What ends without having been frozen is listed with what was; it ends with the agent."""
    containment = Containment.objects.create(
        level=ContainmentLevel.AGENT,
        agent=agent,
        reason=reason,
        before={"state": str(agent.state), "freeze_reason": str(agent.freeze_reason), "reads_until": ""},
        begun_by=approval.requested_by,
        begun_at=timezone.now(),
    )
    history.record(
        changed=[containment],
        stream=agent.stream,
        action=Action.CONTAINMENT_BEGUN,
        actor=BOARD,
        object=f"containment/{containment.pk}",
        body={
            "level": containment.level,
            "of": containment.of,
            "reason": reason,
            "approval": str(approval.pk),
        },
    )


def _described(agent: Agent, reason: str) -> contents.Content:
    return {
        "v": 1,
        "kind": "kill",
        "agent": {"id": str(agent.pk), "slug": agent.slug, "name": agent.name},
        "created": [
            {"id": str(child.pk), "slug": child.slug, "name": child.name} for child in created_by(agent)
        ],
        "reason": reason,
    }


def _rule(agent: Agent) -> Rule:
    """As for its dossier; without a class as for the gravest, and never fewer than two."""
    risk_class = selectors.risk_class_of(agent) or RiskClass.objects.get(level=RiskLevel.HIGH)
    return contents.dossier_rule(risk_class).strictest(AT_LEAST)
