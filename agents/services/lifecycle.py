"""How an agent's time in the register goes on and ends: owners leave, reviews come due, it is retired (S4-2).

Whoever leaves takes along what the agent did on their word, in the same transaction. What it does after
that is a matter of its risk class: for how long it still reads, and when an overdue review suspends it.
"""

from datetime import date
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from agents import oversight, permissions, secret_selectors
from agents.choices import AgentState, FreezeReason, HandoverState, RevocationReason, RunState
from agents.models import Agent, AgentInstance, Credential, Person, Run
from agents.services import (
    handovers,
    instances,
    locks,
    register,
    revocations,
    secret_due,
    secrets,
    telling,
)
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import attempt, refuse

FREEZES = {
    FreezeReason.REVIEW: RevocationReason.SUSPENDED,
    FreezeReason.SPONSOR: RevocationReason.SPONSOR_GONE,
}
LOSES_OWNER = frozenset({AgentState.DRAFT, AgentState.IN_REVIEW, AgentState.ACTIVE})


def person_left(*, actor: Actor, person: Person) -> None:
    """Somebody was deactivated: agents lose their owner, their deputy, their sponsor (promise 3).

    Must run inside the transaction in which the account stops being active.
    """
    known = secret_selectors.known_to(person)
    for agent_id in _in_order(_of(person)):
        agent = locks.agent(agent_id)
        if agent.deputies.filter(pk=person.pk).exists():
            _lose_deputy(agent, actor=actor, person=person)
        if agent.owner_id == person.pk:
            _lose_owner(agent, actor=actor)
        elif agent.sponsor_id == person.pk:
            _lose_sponsor(agent, actor=actor)
    handovers.lapse(actor=actor, to=person)
    secret_due.person_left(actor=actor, known=known)
    oversight.person_left(actor=actor, person=person)


def person_renamed(*, actor: Actor, person: Person) -> None:
    """Somebody signs in under another name, by which dossiers know them: their agents are edited since.

    Must run inside the transaction in which the name changes.
    """
    for agent_id in _in_order(_of(person)):
        agent = locks.agent(agent_id)
        roles = {
            "owner": agent.owner_id == person.pk,
            "sponsor": agent.sponsor_id == person.pk,
            "deputies": agent.deputies.filter(pk=person.pk).exists(),
        }
        parts = [part for part, theirs in roles.items() if theirs]
        _record_edit(agent, actor=actor, parts=parts, body={"renamed": person.username})


def freeze(*, actor: Actor, agent: Agent, reason: FreezeReason) -> Agent:
    """Suspend an active agent: it does nothing until what `reason` names is mended.

    Raises:
        Conflict: it is not active.
    """
    with attempt(
        action=Action.AGENT_STATE_CHANGED, actor=actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        held = locks.agent(agent.pk)
        if held.state != AgentState.ACTIVE:
            raise Conflict(f"{held} is {held.get_state_display().lower()}; only what is active is frozen.")
        _freeze(held, actor=actor, reason=reason)
        oversight.stopped(actor=actor, agent=held)
    return held


def attest(*, actor: Person, agent: Agent, statement: str) -> Agent:
    """The owner says that the entry is still true (S1-3): the next review is so far off as the class says.

    An agent that was frozen for its overdue review, or because its sponsor was gone, is active again.

    Raises:
        Denied: the actor is not its owner; recorded.
        Invalid: no statement.
        Conflict: nothing is approved for it, it is retired or frozen for another reason, or its sponsor is
            gone and it has no other one.
    """
    if not statement.strip():
        raise Invalid("Say what you looked at.", fields={"statement": "Say what you looked at."})
    with attempt(
        action=Action.AGENT_ATTESTED, actor=actor.actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        held = locks.agent(agent.pk)
        refuse(permissions.why_not_attest(actor, held))
        due = _next_review(held)
        was_frozen = held.state == AgentState.FROZEN
        held.attested_at, held.review_date, held.reads_until = timezone.now(), due, None
        held.freeze_reason = ""
        if was_frozen:
            register.move(held, actor=actor.actor, state=AgentState.ACTIVE, why="The review is done.")
        else:
            held.save(update_fields=register.STANDING)
        history.record(
            changed=[held],
            stream=held.stream,
            action=Action.AGENT_ATTESTED,
            actor=actor.actor,
            object=f"agent/{held.pk}",
            body={"statement": statement.strip(), "next_review": due.isoformat(), "was_frozen": was_frozen},
        )
        telling.reviewed(agent=held)
    return held


def retire(*, actor: Person, agent: Agent, reason: str) -> Agent:
    """End an agent for good (S2-2): its copies, grants, elevations, requests and offers.

    The event says what is left of it, which is nothing; a retired agent does not come back.

    Raises:
        Denied: the actor is neither its owner nor an administrator; recorded.
        Invalid: no reason.
        Conflict: it is retired already.
    """
    if not reason.strip():
        raise Invalid("Say why it is retired.", fields={"reason": "Say why."})
    with attempt(
        action=Action.AGENT_RETIRED, actor=actor.actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        held = locks.agent(agent.pk)
        refuse(permissions.why_not_retire(actor, held))
        if held.state == AgentState.RETIRED:
            raise Conflict(f"{held} is retired already.")
        revocations.revoke_agent(agent=held, reason=RevocationReason.RETIRED)
        held.reads_until, held.freeze_reason = None, ""
        register.move(held, actor=actor.actor, state=AgentState.RETIRED)
        handovers.lapse(actor=actor.actor, agent=held)
        for instance in _live_instances(held):
            instances.end(actor=actor.actor, instance=instance)
        secrets.end_leases(actor=actor.actor, agent=held)
        left = oversight.retired(actor=actor.actor, agent=held) | _left(held)
        if any(left.values()):
            raise Conflict(f"Something of {held} is still there: {left}. Nothing was changed; try again.")
        history.record(
            changed=[held],
            stream=held.stream,
            action=Action.AGENT_RETIRED,
            actor=actor.actor,
            object=f"agent/{held.pk}",
            body={"reason": reason.strip(), "left": left, "refused_by_epoch": _refused(held)},
        )
    return held


def _lose_owner(agent: Agent, *, actor: Actor) -> None:
    now = timezone.now()
    agent.ownerless_at = now
    revocations.revoke_agent(agent=agent, reason=RevocationReason.OWNER_GONE)
    if agent.state == AgentState.ACTIVE:
        until = now + oversight.grace(agent)
        agent.reads_until = min(agent.reads_until or until, until)
    state = AgentState.OWNERLESS if agent.state in LOSES_OWNER else AgentState(agent.state)
    register.move(agent, actor=actor, state=state, why="Its owner is gone.", reads_until=_until(agent))
    secrets.end_leases(actor=actor, agent=agent)
    telling.lost_owner(agent=agent, actor=actor)
    oversight.stopped(actor=actor, agent=agent)


def _lose_sponsor(agent: Agent, *, actor: Actor) -> None:
    """Nobody wants it any more: it writes no more, and is suspended unless somebody else does in time."""
    revocations.revoke_agent(agent=agent, reason=RevocationReason.SPONSOR_GONE)
    if agent.review_date is not None:
        agent.review_date = min(agent.review_date, timezone.localdate())
    grace = oversight.grace(agent)
    if agent.state != AgentState.ACTIVE:
        register.move(agent, actor=actor, state=AgentState(agent.state), why="Its sponsor is gone.")
    elif not grace:
        _freeze(agent, actor=actor, reason=FreezeReason.SPONSOR)
    else:
        agent.reads_until = timezone.now() + grace
        register.move(
            agent,
            actor=actor,
            state=AgentState.ACTIVE,
            why="Its sponsor is gone.",
            reads_until=_until(agent),
        )
    oversight.stopped(actor=actor, agent=agent)


def _lose_deputy(agent: Agent, *, actor: Actor, person: Person) -> None:
    agent.deputies.remove(person)
    _record_edit(agent, actor=actor, parts=["deputies"], body={"deputy_removed": str(person)})


def _record_edit(agent: Agent, *, actor: Actor, parts: list[str], body: dict[str, JSON]) -> None:
    register.mark_edited(actor=actor, agent=agent, parts=parts)
    history.record(
        changed=[agent],
        stream=agent.stream,
        action=Action.AGENT_AMENDED,
        actor=actor,
        object=f"agent/{agent.pk}",
        body=body | {"edited": agent.edited},
    )
    oversight.edited(actor=actor, agent=agent)


def _freeze(agent: Agent, *, actor: Actor, reason: FreezeReason) -> None:
    agent.freeze_reason, agent.reads_until = reason, None
    revocations.revoke_agent(agent=agent, reason=FREEZES[reason])
    register.move(agent, actor=actor, state=AgentState.FROZEN, why=reason.label)
    secrets.end_leases(actor=actor, agent=agent)
    telling.suspended(agent=agent, actor=actor)


def _next_review(agent: Agent) -> date:
    """When the next review is due.

    Raises:
        Conflict: the agent is not one whose entry a word of its owner brings back.
    """
    if agent.state == AgentState.FROZEN and agent.freeze_reason not in FREEZES:
        raise Conflict(f"{agent} is frozen, and not for its review: a review does not lift that.")
    if agent.state not in {AgentState.ACTIVE, AgentState.FROZEN}:
        raise Conflict(f"{agent} is {agent.get_state_display().lower()}: there is no review to be done.")
    if agent.sponsor is not None and not agent.sponsor.is_active:
        raise Conflict(f"The sponsor of {agent} is gone. Name another one first.")
    due = oversight.next_review(agent)
    if due is None:
        raise Conflict("The agent has no risk class. Answer the questionnaire first.")
    return due


def _until(agent: Agent) -> str:
    return agent.reads_until.isoformat() if agent.reads_until else ""


def _of(person: Person) -> QuerySet[Agent]:
    """The agents that the person owns, deputises for or sponsors, but for those that are over."""
    theirs = Agent.objects.filter(Q(owner=person) | Q(deputies=person) | Q(sponsor=person))
    return theirs.exclude(state=AgentState.RETIRED)


def _in_order(agents: QuerySet[Agent]) -> list[UUID]:
    return sorted(set(agents.values_list("pk", flat=True)))


def _live_instances(agent: Agent) -> QuerySet[AgentInstance]:
    return AgentInstance.objects.filter(agent=agent, ended_at__isnull=True).select_related("agent", "version")


def _left(agent: Agent) -> dict[str, int]:
    """What of an agent is alive in this room. Runs under way end at their next step, without access."""
    return {
        "instances": _live_instances(agent).count(),
        "secret_leases": secret_selectors.live_leases(agent).count(),
        "handovers": agent.handovers.filter(state=HandoverState.OFFERED).count(),
    }


def _refused(agent: Agent) -> dict[str, int]:
    """What was under way, and is refused from now on because the agent was revoked."""
    now = timezone.now()
    unused = Credential.objects.filter(agent=agent, used_at__isnull=True, expires_at__gt=now)
    runs = Run.objects.filter(agent=agent, state__in=(RunState.QUEUED, RunState.RUNNING))
    return {"credentials": unused.count(), "runs": runs.count()}
