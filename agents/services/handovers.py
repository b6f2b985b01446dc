"""Handing an agent over: offered by its owner, where it has none by administrators and stewards; accepted.

Nobody owns an agent without having said so. The owner is part of what the board approved: an agent that
changed hands is edited since, and only reads until the board approves again.
"""

from contextlib import AbstractContextManager
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from agents import oversight, permissions
from agents.authentication import Authentication
from agents.choices import AgentState, HandoverState, RevocationReason
from agents.models import Agent, Handover, Person
from agents.services import locks, register, revocations, telling
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import attempt, refuse

SWEEPER = Actor.system("handover-sweeper")
NOT_OFFERED = "This offer is over. Look at its page again."


def offer(
    *, actor: Person, agent: Agent, to: Person, keep_as_deputy: bool = False, note: str = ""
) -> Handover:
    """Offer an agent to somebody, who has `HANDOVER_DAYS` to accept it.

    Args:
        keep_as_deputy: who owns it now stays on as a deputy.

    Raises:
        Denied: the actor is not its owner, nor an administrator or steward while it has none; recorded.
        Invalid: the person is not active, or owns it already.
        Conflict: it is offered to somebody already, or retired.
    """
    with attempt(
        action=Action.HANDOVER_OFFERED, actor=actor.actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        taker = locks.person(to.pk)
        held = locks.agent(agent.pk)
        refuse(permissions.why_not_offer(actor, held))
        _check(held, taker)
        handover = Handover(
            agent=held,
            before=held.owner,
            to=taker,
            keep_as_deputy=keep_as_deputy,
            note=note.strip(),
            offered_by=actor,
            expires_at=timezone.now() + timedelta(days=settings.HANDOVER_DAYS),
        )
        try:
            with transaction.atomic():
                handover.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict(f"{held} is offered to somebody already. Withdraw that first.") from error
        _record(Action.HANDOVER_OFFERED, actor.actor, handover, note=handover.note)
        telling.offered(handover=handover)
    return handover


def accept(*, actor: Person, handover: Handover, authentication: Authentication) -> Agent:
    """Own the agent from now on. What it was before it had no owner, it is again.

    Raises:
        Denied: it is offered to somebody else, the account is not active, or the sign-in is too old;
            recorded.
        Conflict: the offer is over.
    """
    with _standing(Action.HANDOVER_ACCEPTED, actor.actor, handover):
        taker = locks.person(actor.pk)
        agent = locks.agent(handover.agent_id)
        current = _offered(handover, agent)
        refuse(permissions.why_not_take_over(taker, current))
        refuse(permissions.why_not_confirmed(taker, authentication))
        if current.expires_at <= timezone.now():
            raise Conflict("The time to accept it is over. Ask for another offer.")
        if agent.owner_id != current.before_id:
            raise Conflict("Somebody else owns it by now. Ask for another offer.")
        _end(current, HandoverState.ACCEPTED, "")
        _take_over(current, agent, taker, authentication)
        telling.offer_ended(handover=current, actor=actor.actor)
    return agent


def decline(*, actor: Person, handover: Handover, reason: str = "") -> Handover:
    """Say no to an offer.

    Raises:
        Denied: it is offered to somebody else; recorded.
        Conflict: the offer is over.
    """
    with _standing(Action.HANDOVER_ENDED, actor.actor, handover):
        current = _offered(handover, locks.agent(handover.agent_id))
        refuse(permissions.why_not_take_over(actor, current))
        _close(actor.actor, current, HandoverState.DECLINED, reason.strip())
    return current


def withdraw(*, actor: Person, handover: Handover) -> Handover:
    """Take an offer back.

    Raises:
        Denied: the actor neither made it nor is an administrator; recorded.
        Conflict: the offer is over.
    """
    with _standing(Action.HANDOVER_ENDED, actor.actor, handover):
        current = _offered(handover, locks.agent(handover.agent_id))
        refuse(permissions.why_not_withdraw(actor, current))
        _close(actor.actor, current, HandoverState.WITHDRAWN, "")
    return current


def lapse(*, actor: Actor, to: Person | None = None, agent: Agent | None = None) -> int:
    """End the offers to somebody who has left, or of an agent that is retired. Returns how many.

    Must run inside the transaction of what made them impossible.
    """
    reason = "The agent was retired." if agent else "Who was asked has left."
    which = Q(agent=agent) if agent else Q(to=to)
    offered = Handover.objects.filter(which, state=HandoverState.OFFERED).select_related("agent")
    ended = list(offered.select_for_update(of=("self",), no_key=True).order_by("pk"))
    for handover in ended:
        _close(actor, handover, HandoverState.LAPSED, reason)
    return len(ended)


def sweep() -> int:
    """End the offers that nobody accepted in time. Returns how many."""
    over = Handover.objects.filter(state=HandoverState.OFFERED, expires_at__lte=timezone.now())
    ended = 0
    for handover in over:
        with transaction.atomic():
            agent = locks.agent(handover.agent_id)
            current = Handover.objects.select_for_update(no_key=True).get(pk=handover.pk)
            if current.state == HandoverState.OFFERED:
                current.agent = agent
                _close(SWEEPER, current, HandoverState.EXPIRED, "Nobody accepted it in time.")
                ended += 1
    return ended


def _check(agent: Agent, to: Person) -> None:
    if not to.is_active:
        raise Invalid("This account is not active.", fields={"to": "Choose an active person."})
    if agent.owner_id == to.pk and agent.ownerless_at is None:
        raise Invalid("This person owns it already.", fields={"to": "Choose somebody else."})
    if agent.state in {AgentState.RETIRED, AgentState.DISCOVERED}:
        raise Conflict(f"{agent} is {agent.get_state_display().lower()}: it is not handed over.")


def _take_over(handover: Handover, agent: Agent, taker: Person, authentication: Authentication) -> None:
    before, deputies = agent.owner, set(agent.deputies.values_list("pk", flat=True))
    agent.owner, agent.ownerless_at = taker, None
    revocations.revoke_agent(agent=agent, reason=RevocationReason.HANDED_OVER)
    agent.deputies.remove(taker)
    if handover.keep_as_deputy and before.is_active and before != taker:
        agent.deputies.add(before)
    if agent.state == AgentState.OWNERLESS:
        agent.reads_until = None if _is_sponsored(agent) else agent.reads_until
    parts = ["owner"] if before != taker else []
    if deputies != set(agent.deputies.values_list("pk", flat=True)):
        parts.append("deputies")
    register.mark_edited(actor=taker.actor, agent=agent, parts=parts)
    state = _state_after(agent)
    register.move(agent, actor=taker.actor, state=state, why="It has a new owner.")
    _record(
        Action.HANDOVER_ACCEPTED,
        taker.actor,
        handover,
        edited=agent.edited,
        state=state.value,
        authentication=authentication.evidence,
    )
    oversight.edited(actor=taker.actor, agent=agent)


def _state_after(agent: Agent) -> AgentState:
    """What it was before it had no owner: active, if the board had approved it."""
    if agent.state != AgentState.OWNERLESS:
        return AgentState(agent.state)
    return AgentState.ACTIVE if agent.active_version_id and agent.approved_digest else AgentState.DRAFT


def _is_sponsored(agent: Agent) -> bool:
    return agent.sponsor is None or agent.sponsor.is_active


def _offered(handover: Handover, agent: Agent) -> Handover:
    """The offer as it is now, held, of an agent that is held.

    Raises:
        Conflict: it is over.
    """
    current = Handover.objects.select_for_update(no_key=True).get(pk=handover.pk)
    current.agent = agent
    if current.state != HandoverState.OFFERED:
        raise Conflict(NOT_OFFERED)
    return current


def _close(actor: Actor, handover: Handover, state: HandoverState, reason: str) -> None:
    _end(handover, state, reason)
    _record(Action.HANDOVER_ENDED, actor, handover, state=state.value, reason=reason)
    telling.offer_ended(handover=handover, actor=actor)


def _end(handover: Handover, state: HandoverState, reason: str) -> None:
    handover.state, handover.reason, handover.ended_at = state, reason, timezone.now()
    handover.save(update_fields=["state", "reason", "ended_at"])


def _standing(action: Action, actor: Actor, handover: Handover) -> AbstractContextManager[None]:
    stream = f"agent/{handover.agent_id}"
    return attempt(action=action, actor=actor, stream=stream, object=f"handover/{handover.pk}")


def _record(action: Action, actor: Actor, handover: Handover, **more: JSON) -> None:
    history.record(
        changed=[handover],
        stream=handover.agent.stream,
        action=action,
        actor=actor,
        object=f"handover/{handover.pk}",
        body={
            "agent": str(handover.agent),
            "from": str(handover.before),
            "to": str(handover.to),
            "keep_as_deputy": handover.keep_as_deputy,
            "expires_at": handover.expires_at.isoformat(),
            **more,
        },
    )
