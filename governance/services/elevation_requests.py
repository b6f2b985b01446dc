"""Asking for write elevation: by those who answer for the agent, or by a copy of the agent itself.

Both open the same request. An edit while nobody has decided asks anew: another revision, other bytes,
no votes.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from agents.models import Agent, AgentInstance, Person, ProposedAction
from agents.permissions import why_not_act
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services.attempts import attempt, refuse
from governance import contents, control, elevation_selectors, elevation_terms, permissions, role_selectors
from governance.choices import ApprovalState, ApprovalSubject
from governance.elevation_terms import Wanted
from governance.models import AccessRequest, Approval, Decision, Elevation
from governance.services import elevation_states, locks, requests, telling

REVISED = ("resource", "intent", "minutes", "uses", "latest_end")


def request(
    *,
    actor: Person,
    agent: Agent,
    action: str,
    resource: str,
    intent: str,
    minutes: int,
    uses: int,
    latest_end: datetime | None = None,
    proposal: ProposedAction | None = None,
) -> Elevation:
    """Ask for write access for a time and a number of uses: to one resource, or to a whole class of them.

    Raises:
        Denied: the actor is neither the agent's owner nor a deputy; or the agent may not act at all.
        Invalid: not a write of the approved version, or outside the limits; `fields` says which.
        Conflict: what runs is not what was approved, or the proposal is not waiting.
    """
    wanted = Wanted(action, resource, intent, minutes, uses, latest_end).tidied()
    with attempt(
        action=Action.ELEVATION_REQUESTED,
        actor=actor.actor,
        stream=agent.stream,
        object=f"agent/{agent.pk}",
    ):
        agent = locks.agent(agent.pk)
        refuse(permissions.against_requesting_elevation(actor, agent))
        refuse(why_not_act(agent))
        refuse(role_selectors.why_not_ask(agent, action, resource))
        terms = elevation_terms.terms(agent)
        held = _held(proposal, agent, wanted)
        elevation_terms.check(wanted, agent, terms["max_minutes"])
        elevation = Elevation(agent=agent, proposal=held, requested_by=actor)
        _put(elevation, wanted)
        elevation.save(force_insert=True)
        elevation_states.record(
            action=Action.ELEVATION_REQUESTED,
            actor=actor.actor,
            elevation=elevation,
            minutes=minutes,
            uses=uses,
        )
        _ask(elevation, actor.actor, terms)
    return elevation


def request_by_copy(
    *, actor: AgentInstance, denial: Decision, wanted: Wanted, key: str, digest: str
) -> AccessRequest:
    """Ask as a copy of the agent itself, after a denial that may be asked about; its owner answers for that.

    Args:
        key: its `Idempotency-Key`; `digest` is the SHA-256 of what was asked under it.

    Raises:
        Denied: the agent may not act at all, or the denial is another's.
        Invalid: not a write of the approved version, or outside the limits; `fields` says which.
        Conflict: what runs is not what was approved.
        IntegrityError: the key or the denial was used before.
    """
    with attempt(
        action=Action.ELEVATION_REQUESTED,
        actor=actor.actor,
        stream=actor.agent.stream,
        object=f"agent/{actor.agent_id}",
    ):
        agent = locks.agent(actor.agent_id)
        refuse(permissions.against_asking_as_copy(actor, denial, wanted.action))
        refuse(why_not_act(agent))
        refuse(role_selectors.why_not_ask(agent, wanted.action, wanted.resource))
        if actor.version_id != agent.active_version_id:
            raise Conflict("This copy does not run the active version of the agent.")
        terms = elevation_terms.terms(agent)
        waiting = elevation_selectors.proposal_of(agent, wanted.call_digest)
        held = _held(waiting, agent, wanted)
        elevation_terms.check(wanted, agent, terms["max_minutes"])
        elevation = Elevation(agent=agent, proposal=held, requested_by=agent.owner, asked_by=actor)
        _put(elevation, wanted)
        elevation.save(force_insert=True)
        asked = AccessRequest(
            elevation=elevation, asked_by=actor, decision=denial, idempotency_key=key, digest=digest
        )
        asked.save(force_insert=True)
        elevation_states.record(
            action=Action.ELEVATION_REQUESTED,
            actor=actor.actor,
            elevation=elevation,
            also=[asked],
            minutes=wanted.minutes,
            uses=wanted.uses,
            evaluation=str(denial.pk),
        )
        _ask(elevation, actor.actor, terms)
        telling.elevation_asked_by_copy(elevation=elevation)
    return asked


def revise(
    *,
    actor: Person,
    elevation: Elevation,
    revision: int,
    resource: str,
    intent: str,
    minutes: int,
    uses: int,
    latest_end: datetime | None = None,
) -> Elevation:
    """Ask for something else instead, while nobody has decided: the votes on the wording before are void.

    Args:
        revision: the one that the actor was shown.

    Raises:
        Denied: the actor is neither the agent's owner nor a deputy; or the agent may not act at all.
        Invalid: outside the limits; `fields` says which.
        Conflict: it is decided, was revised meanwhile, or nothing is different.
    """
    with attempt(
        action=Action.ELEVATION_REVISED,
        actor=actor.actor,
        stream=elevation.agent.stream,
        object=f"elevation/{elevation.pk}",
    ):
        agent = locks.agent(elevation.agent_id)
        refuse(permissions.against_requesting_elevation(actor, agent))
        refuse(why_not_act(agent))
        approval = locks.pending_approval(ApprovalSubject.ELEVATION, elevation.pk)
        current = locks.elevation(elevation.pk)
        if approval is None or current.revision != revision:
            raise Conflict("It was decided or revised meanwhile. Look at its page again.")
        wanted = Wanted(
            current.action, resource, intent, minutes, uses, latest_end, current.call_digest
        ).tidied()
        _check_revision(current, wanted)
        terms = elevation_terms.terms(agent)
        elevation_terms.check(wanted, agent, terms["max_minutes"])
        current.agent = approval.agent = agent
        _put(current, wanted)
        current.revision += 1
        current.save(update_fields=[*REVISED, "revision"])
        requests.close(
            actor=actor.actor,
            approval=approval,
            state=ApprovalState.VOIDED,
            reason=f"The request was edited. Revision {current.revision} is asked for instead.",
        )
        elevation_states.record(
            action=Action.ELEVATION_REVISED, actor=actor.actor, elevation=current, minutes=minutes, uses=uses
        )
        _ask(current, actor.actor, terms)
    return current


def _put(elevation: Elevation, wanted: Wanted) -> None:
    for name in ("action", "resource", "intent", "minutes", "uses", "latest_end", "call_digest"):
        setattr(elevation, name, getattr(wanted, name))


def _ask(elevation: Elevation, actor: Actor, terms: dict[str, Any]) -> Approval:
    agent = elevation.agent
    return requests.open_request(
        actor=elevation.requested_by,
        by=actor,
        agent=agent,
        subject=ApprovalSubject.ELEVATION,
        subject_id=elevation.pk,
        revision=elevation.revision,
        title=f"{agent.name}: {elevation}"[:300],
        described=contents.elevation(elevation, agent),
        terms=terms,
        expires_at=timezone.now() + timedelta(hours=settings.ELEVATION_DECISION_HOURS),
        authors=Person.objects.filter(pk__in=control.controlled(elevation.requested_by_id, agent)),
    )


def _held(proposal: ProposedAction | None, agent: Agent, wanted: Wanted) -> ProposedAction | None:
    if proposal is None:
        return None
    rows = ProposedAction.objects.select_for_update(of=("self",), no_key=True).select_related("finding")
    row = rows.get(pk=proposal.pk)
    elevation_terms.check_proposal(row, agent, wanted)
    return row


def _check_revision(current: Elevation, wanted: Wanted) -> None:
    if all(getattr(current, name) == getattr(wanted, name) for name in REVISED):
        raise Conflict("Nothing is different: the request stays as it is.")
    if current.proposal_id and wanted.resource != current.resource:
        raise Invalid(
            "It is for exactly one proposed action.", fields={"resource": "It stays the proposal's own."}
        )
