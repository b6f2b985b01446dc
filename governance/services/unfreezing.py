"""Letting what was frozen go on: one person asks, another one confirms (promise 5).

Both in a session, with a proof of who they are that is minutes old; no API token does either. What comes back
is what the second one was shown: where the agent has changed since it was asked, the request is void.
"""

from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from agents.authentication import Authentication
from agents.models import Agent, Person
from agents.services import containing
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import attempt, refuse
from governance import containment_permissions, selectors
from governance.choices import ContainmentLevel, ContainmentState, UnfreezeState
from governance.containment_selectors import digest_of
from governance.models import Containment, Unfreeze
from governance.services import locks, telling_requests
from governance.services.actors import SWEEPER

MAX_REASON = 2_000
OVER = "This is over. Look at its page again."


def request(
    *, actor: Person, containment: Containment, reason: str, authentication: Authentication
) -> Unfreeze:
    """Ask for it to go on; nothing goes on before another person has confirmed it.

    Raises:
        Denied: the actor is neither of the owner's side, nor on the board, nor administrator; or the sign-in
            is too old, or lacks the second factor; recorded.
        Invalid: there is no reason.
        Conflict: it is not in force any more, or is asked for already.
    """
    if not reason.strip() or len(reason) > MAX_REASON:
        words = f"Say why it is safe, in at most {MAX_REASON:,} characters."
        raise Invalid(words, fields={"reason": words})
    try:
        with attempt(
            action=Action.UNFREEZE_REQUESTED,
            actor=actor.actor,
            stream=containment.stream,
            object=f"containment/{containment.pk}",
        ):
            agent, held = _held(containment)
            seat = selectors.seat_of(actor)
            refuse(containment_permissions.against_asking_to_unfreeze(actor, held, seat))
            refuse(containment_permissions.against_lifting_with(actor, authentication))
            _require_in_force(held)
            now = timezone.now()
            unfreeze = Unfreeze.objects.create(
                containment=held,
                reason=reason.strip(),
                digest=digest_of(held, agent),
                requested_by=actor,
                requested_at=now,
                expires_at=now + timedelta(hours=settings.UNFREEZE_HOURS),
            )
            _record(Action.UNFREEZE_REQUESTED, actor.actor, unfreeze, authentication=authentication.evidence)
            telling_requests.unfreeze_requested(unfreeze=unfreeze)
    except IntegrityError as error:
        raise Conflict("Somebody has asked for it already: confirm or decline that.") from error
    return unfreeze


def confirm(*, actor: Person, unfreeze: Unfreeze, digest: str, authentication: Authentication) -> Unfreeze:
    """Let it go on, as what it was before it was frozen.

    Args:
        digest: of what the actor was shown.

    Raises:
        Denied: the actor asked for it, stands on the owner's side, or neither sits on the board nor is
            administrator; or the sign-in is too old, or lacks the second factor; recorded.
        Conflict: it is over, expired, or the agent has changed since; then the request is closed for that.
    """
    with attempt(
        action=Action.UNFREEZE_ENDED,
        actor=actor.actor,
        stream=unfreeze.containment.stream,
        object=f"unfreeze/{unfreeze.pk}",
    ):
        agent, containment, current = _open(unfreeze)
        refuse(containment_permissions.against_confirming(actor, current, selectors.seat_of(actor)))
        refuse(containment_permissions.against_lifting_with(actor, authentication))
        lapsed = _why_lapsed(current, agent)
        if lapsed:
            _close(SWEEPER, current, *lapsed)
        elif digest != current.digest:
            raise Conflict("What you were shown is not what is asked. Open the page again and read it anew.")
        else:
            current.ended_by = actor
            _close(actor.actor, current, UnfreezeState.CONFIRMED, "", authentication=authentication.evidence)
            _lift(actor, containment, agent)
    if lapsed:
        raise Conflict(f"This request is closed: {lapsed[1]}")
    return current


def decline(*, actor: Person, unfreeze: Unfreeze, reason: str) -> Unfreeze:
    """Leave it frozen, and close the request.

    Raises:
        Denied: the actor neither asked for it nor could confirm it; recorded.
        Invalid: there is no reason.
        Conflict: it is over.
    """
    if not reason.strip():
        raise Invalid("Say why it stays frozen.", fields={"reason": "Say why."})
    with attempt(
        action=Action.UNFREEZE_ENDED,
        actor=actor.actor,
        stream=unfreeze.containment.stream,
        object=f"unfreeze/{unfreeze.pk}",
    ):
        _, _, current = _open(unfreeze)
        refuse(containment_permissions.against_declining(actor, current, selectors.seat_of(actor)))
        current.ended_by = actor
        _close(actor.actor, current, UnfreezeState.DECLINED, reason.strip())
    return current


def end_with_agent(*, actor: Actor, agent: Agent) -> int:
    """The agent is over for good, and so is what froze it. Returns how many ended.

    Must run inside the transaction in which it ends, with the agent locked.
    """
    rows = Containment.objects.select_for_update(of=("self",), no_key=True)
    held = list(rows.filter(agent=agent, state=ContainmentState.IN_FORCE).order_by("pk"))
    for containment in held:
        for unfreeze in containment.unfreezes.filter(state=UnfreezeState.REQUESTED):
            _close(actor, unfreeze, UnfreezeState.VOIDED, "The agent is over.")
        _end(actor, containment, ContainmentState.KILLED)
    return len(held)


def sweep() -> int:
    """Close the requests that nobody confirmed in time. Returns how many."""
    over = Unfreeze.objects.filter(state=UnfreezeState.REQUESTED, expires_at__lte=timezone.now())
    closed = 0
    for unfreeze in over.select_related("containment"):
        with transaction.atomic():
            try:
                _, _, current = _open(unfreeze)
            except Conflict:
                continue
            _close(SWEEPER, current, UnfreezeState.EXPIRED, "Nobody confirmed it in time.")
            closed += 1
    return closed


def _held(containment: Containment) -> tuple[Agent | None, Containment]:
    """Agent first, as everywhere."""
    agent = locks.agent(containment.agent_id) if containment.agent_id else None
    rows = Containment.objects.select_for_update(of=("self",), no_key=True)
    held = rows.select_related("agent_instance", "person").get(pk=containment.pk)
    held.agent = agent
    return agent, held


def _open(unfreeze: Unfreeze) -> tuple[Agent | None, Containment, Unfreeze]:
    """
    Raises:
        Conflict: it is over.
    """
    agent, containment = _held(unfreeze.containment)
    current = Unfreeze.objects.select_for_update(no_key=True).get(pk=unfreeze.pk)
    current.containment = containment
    _require_in_force(containment)
    if current.state != UnfreezeState.REQUESTED:
        raise Conflict(OVER)
    return agent, containment, current


def _require_in_force(containment: Containment) -> None:
    if containment.state != ContainmentState.IN_FORCE:
        raise Conflict(OVER)


def _why_lapsed(unfreeze: Unfreeze, agent: Agent | None) -> tuple[UnfreezeState, str] | None:
    if unfreeze.expires_at <= timezone.now():
        return UnfreezeState.EXPIRED, "Nobody confirmed it in time."
    if unfreeze.digest != digest_of(unfreeze.containment, agent):
        return UnfreezeState.VOIDED, "What would come back has changed since it was asked for."
    if not unfreeze.requested_by.is_active:
        return UnfreezeState.VOIDED, "Who asked for it has left."
    return None


def _lift(actor: Person, containment: Containment, agent: Agent | None) -> None:
    _end(actor.actor, containment, ContainmentState.LIFTED)
    if containment.level == ContainmentLevel.AGENT and agent is not None:
        containing.let_go(actor=actor.actor, agent=agent, before=containment.before)


def _end(actor: Actor, containment: Containment, state: ContainmentState) -> None:
    containment.state, containment.ended_at = state, timezone.now()
    containment.save(update_fields=["state", "ended_at"])
    history.record(
        changed=[containment],
        stream=containment.stream,
        action=Action.CONTAINMENT_ENDED,
        actor=actor,
        object=f"containment/{containment.pk}",
        body={"level": containment.level, "of": containment.of, "state": state.value},
    )


def _close(actor: Actor, unfreeze: Unfreeze, state: UnfreezeState, note: str, **more: object) -> None:
    unfreeze.state, unfreeze.note, unfreeze.ended_at = state, note, timezone.now()
    unfreeze.save(update_fields=["state", "note", "ended_at", "ended_by"])
    _record(Action.UNFREEZE_ENDED, actor, unfreeze, state=state.value, note=note, **more)
    telling_requests.unfreeze_ended(unfreeze=unfreeze, actor=actor)


def _record(action: Action, actor: Actor, unfreeze: Unfreeze, **more: object) -> None:
    history.record(
        changed=[unfreeze],
        stream=unfreeze.containment.stream,
        action=action,
        actor=actor,
        object=f"unfreeze/{unfreeze.pk}",
        body={
            "containment": str(unfreeze.containment_id),
            "of": unfreeze.containment.of,
            "reason": unfreeze.reason,
            "digest": unfreeze.digest,
            **more,  # type: ignore[dict-item]
        },
    )
