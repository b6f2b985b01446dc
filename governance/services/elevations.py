"""Write elevation: time-boxed permission for one kind of write (S1-9, S4-2).

pending → active → ended. Any end takes effect at once: the grant ends, the decision point refuses, and
it is revoked, so that a credential minted for it is refused as well. One end is different:
when the last use is taken (`BUDGET`), the credential of exactly that allowed write is about to be used,
so that one stays good; the decision point refuses every further write all the same.

What people ask in the portal and what copies of agents ask over HTTP (`access_requests`) opens here.
"""

from django.db.models import F
from django.utils import timezone

from agents import oversight
from agents.choices import OPEN_PROPOSALS
from agents.models import Agent, Person
from agents.permissions import why_not_act
from agents.services import proposals
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services.attempts import attempt, refuse
from governance import contents, elevation_terms, permissions, selectors
from governance.choices import ApprovalState, ApprovalSubject, ElevationEnd, ElevationState
from governance.elevation_terms import MAX_USES, Wanted
from governance.models import Approval, Elevation
from governance.services import elevation_states, grants, locks, requests, telling
from governance.services.actors import BOARD, DECISION_POINT, SWEEPER
from governance.services.elevation_requests import request, request_by_copy, revise

__all__ = [
    "MAX_USES",
    "Wanted",
    "approved",
    "changed",
    "end",
    "end_all",
    "end_for_policy",
    "end_lapsed",
    "refused",
    "request",
    "request_by_copy",
    "revise",
    "sweep",
    "take_use",
]

REFUSALS = {
    ApprovalState.REJECTED: ElevationEnd.REJECTED,
    ApprovalState.EXPIRED: ElevationEnd.EXPIRED,
    ApprovalState.VOIDED: ElevationEnd.CHANGED,
    ApprovalState.CHANGES_REQUESTED: ElevationEnd.REJECTED,
    ApprovalState.WITHDRAWN: ElevationEnd.WITHDRAWN,
}


def end(*, actor: Actor, elevation: Elevation, reason: ElevationEnd) -> Elevation:
    """End an elevation now, or withdraw one that nobody has decided yet.

    Raises:
        Denied: a person who is neither on the owner's side, nor on the board, nor administrator; a copy of
            an agent that did not ask for it, or for which it has begun.
        Invalid: a person gave another reason than that they revoke it.
        Conflict: it is over already.
    """
    with attempt(
        action=Action.ELEVATION_ENDED,
        actor=actor,
        stream=elevation.agent.stream,
        object=f"elevation/{elevation.pk}",
    ):
        agent = locks.agent(elevation.agent_id)
        _check_ender(actor, elevation, agent, reason)
        approval = locks.pending_approval(ApprovalSubject.ELEVATION, elevation.pk)
        elevation = locks.elevation(elevation.pk)
        if elevation.state == ElevationState.PENDING and approval:
            approval.agent = agent
            requests.close(
                actor=actor,
                approval=approval,
                state=ApprovalState.WITHDRAWN,
                reason="The request was withdrawn.",
            )
            elevation_states.close(
                actor=actor,
                elevation=elevation,
                state=ElevationState.ENDED,
                reason=ElevationEnd.WITHDRAWN,
            )
        elif elevation.state == ElevationState.ACTIVE and actor.kind != "agent":
            elevation_states.finish(actor=actor, elevation=elevation, agent=agent, reason=reason)
        else:
            raise Conflict("This elevation is over already.")
    return elevation


def end_all(*, actor: Actor, agent: Agent, reason: ElevationEnd) -> int:
    """End every live elevation of an agent. The agent's row is locked by the caller."""
    live = list(selectors.live_elevations().filter(agent=agent))
    for elevation in live:
        elevation_states.finish(
            actor=actor, elevation=locks.elevation(elevation.pk), agent=agent, reason=reason
        )
    return len(live)


def end_lapsed(*, agent: Agent, resource: str = "") -> int:
    """End the live elevations of an agent that do not count any more. Its row is locked by the caller.

    `resource` is the one that is about to be written: it may have become more sensitive.
    """
    ended = 0
    for elevation in selectors.live_elevations().filter(agent=agent):
        written = resource if elevation_terms.is_for(elevation, resource) else ""
        reason = elevation_terms.why_over(elevation, agent, written)
        if reason is not None:
            held = locks.elevation(elevation.pk)
            elevation_states.finish(actor=SWEEPER, elevation=held, agent=agent, reason=reason)
            ended += 1
    return ended


def end_for_policy(*, actor: Actor) -> int:
    """The policies have changed: whatever was approved under others ends, in this transaction.

    Returns how many ended.
    """
    agents = selectors.live_elevations().order_by("agent").values_list("agent", flat=True).distinct()
    return sum(
        end_all(actor=actor, agent=locks.agent(agent_id), reason=ElevationEnd.POLICY)
        for agent_id in list(agents)
    )


def take_use(*, elevation: Elevation, agent: Agent) -> bool:
    """Take one use off the budget, exactly once for each allowed write; False where none is left."""
    now = timezone.now()
    taken = Elevation.objects.filter(
        pk=elevation.pk, state=ElevationState.ACTIVE, ends_at__gt=now, used__lt=F("uses")
    ).update(used=F("used") + 1)
    if not taken:
        return False
    elevation.refresh_from_db(fields=("used", "uses"))
    if elevation.used == elevation.uses:
        elevation_states.finish(
            actor=DECISION_POINT, elevation=elevation, agent=agent, reason=ElevationEnd.BUDGET
        )
    return True


def sweep() -> int:
    """End what is over: its time, its owner, its agent's right to act, its policies. Returns how many."""
    ended = 0
    for elevation in selectors.live_elevations().select_related("agent__owner"):
        reason = elevation_terms.why_over(elevation, elevation.agent)
        if reason is None:
            continue
        try:
            end(actor=SWEEPER, elevation=elevation, reason=reason)
        except Conflict:
            continue
        ended += 1
    return ended


def changed(approval: Approval, agent: Agent) -> str | None:
    """Why the request no longer fits what is there; None where it does."""
    if reason := why_not_act(agent) or oversight.why_contained(agent):
        return reason
    if selectors.approved_dossier(agent) is None:
        return "What the agent runs is not what the board approved."
    elevation = locks.elevation(approval.subject_id)
    if not contents.still_describes(approval, contents.elevation(elevation, agent)):
        return "The agent, its version, the policies, the resource or the request has changed since."
    if elevation.proposal and elevation.proposal.state not in OPEN_PROPOSALS:
        return "The proposal is not waiting for an elevation any more."
    if elevation.latest_end and elevation.latest_end <= timezone.now():
        return "The time that it was asked for is over."
    return None


def approved(approval: Approval, agent: Agent) -> None:
    """The approvers said yes: the clock starts, and an attached proposal goes its way.

    What they said yes to is compared once more, with everything held: nothing begins that has changed.
    """
    if reason := changed(approval, agent):
        raise Conflict(f"It cannot begin: {reason}")
    elevation = locks.elevation(approval.subject_id)
    now = timezone.now()
    ends_at = elevation_terms.ends_at(elevation, now)
    elevation_states.move(
        elevation, ElevationState.PENDING, state=ElevationState.ACTIVE, starts_at=now, ends_at=ends_at
    )
    elevation.agent = agent
    elevation_states.record(
        action=Action.ELEVATION_STARTED,
        actor=BOARD,
        elevation=elevation,
        approval=str(approval.pk),
        ends_at=ends_at.isoformat(),
    )
    grants.add_write(actor=BOARD, elevation=elevation, approval=approval)
    telling.elevation_started(elevation=elevation)
    if elevation.proposal:
        proposals.queue(actor=BOARD, proposal=elevation.proposal)


def refused(approval: Approval, agent: Agent, state: ApprovalState) -> None:
    """Rejected, expired or voided: nothing was opened."""
    elevation = locks.elevation(approval.subject_id)
    elevation.agent = agent
    reason = REFUSALS[state]
    if reason == ElevationEnd.CHANGED and not agent.owner.is_active:
        reason = ElevationEnd.OWNER
    rejected = reason == ElevationEnd.REJECTED
    elevation_states.close(
        actor=BOARD,
        elevation=elevation,
        state=ElevationState.REJECTED if rejected else ElevationState.ENDED,
        reason=reason,
    )


def _check_ender(actor: Actor, elevation: Elevation, agent: Agent, reason: ElevationEnd) -> None:
    if actor.kind == "system":
        return
    if actor.kind == "agent":
        refuse(permissions.against_cancelling_as_copy(actor, elevation))
        return
    person = Person.objects.get(pk=actor.id)
    refuse(permissions.against_ending_elevation(person, agent, selectors.seat_of(person)))
    if reason != ElevationEnd.REVOKED:
        raise Invalid(
            "A person revokes an elevation; the other reasons are facts.", fields={"reason": "revoked"}
        )
