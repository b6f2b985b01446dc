"""Write elevation: time-boxed permission for one kind of write on one resource (S1-9, S4-2).

pending → active → ended. Any end takes effect at once: the grant ends, the decision point refuses, and
the agent's epoch rises, so that a credential minted before is refused as well. One end is different:
when the last use is taken (`BUDGET`), the credential of exactly that allowed write is about to be used,
so the epoch stays; the decision point refuses every further write all the same.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from agents.choices import OPEN_PROPOSALS, Access, AgentState
from agents.models import Agent, Person, ProposedAction
from agents.permissions import why_not_act
from agents.services import proposals, register
from agents.services.attempts import attempt, refuse
from audits import canonical
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.services import history
from governance import contents, manifest, permissions, selectors
from governance.choices import ApprovalState, ApprovalSubject, ElevationEnd, ElevationState
from governance.models import Approval, Elevation
from governance.quorum import Rule
from governance.services import grants, locks, requests
from governance.services.actors import BOARD, DECISION_POINT, SWEEPER

MAX_USES = 100
MAX_RESOURCE = 300

REFUSALS = {
    ApprovalState.REJECTED: ElevationEnd.REJECTED,
    ApprovalState.EXPIRED: ElevationEnd.EXPIRED,
    ApprovalState.VOIDED: ElevationEnd.CHANGED,
}


def request(
    *,
    actor: Person,
    agent: Agent,
    action: str,
    resource: str,
    intent: str,
    minutes: int,
    uses: int,
    proposal: ProposedAction | None = None,
) -> Elevation:
    """Ask for write access to one resource for a time and a number of uses.

    Raises:
        Denied: the actor is neither the agent's owner nor a deputy; or the agent may not act at all.
        Invalid: not a write of the approved version, or outside the limits; `fields` says which.
        Conflict: what runs is not what was approved, or the proposal is not waiting.
    """
    with attempt(
        action=Action.ELEVATION_REQUESTED,
        actor=actor.actor,
        stream=agent.stream,
        object=f"agent/{agent.pk}",
    ):
        agent = locks.agent(agent.pk)
        refuse(permissions.against_requesting_elevation(actor, agent))
        refuse(why_not_act(agent))
        terms = _terms(agent)
        elevation = Elevation(
            agent=agent,
            proposal=_waiting(proposal, agent, action, resource),
            action=action,
            resource=resource,
            intent=intent.strip(),
            minutes=minutes,
            uses=uses,
            requested_by=actor,
        )
        _check(elevation, agent, terms["max_minutes"])
        elevation.save(force_insert=True)
        _record(Action.ELEVATION_REQUESTED, actor.actor, elevation, minutes=minutes, uses=uses)
        requests.open_request(
            actor=actor,
            agent=agent,
            subject=ApprovalSubject.ELEVATION,
            subject_id=elevation.pk,
            title=f"{agent.name}: {elevation}"[:300],
            described=contents.elevation(elevation, agent),
            terms=terms,
            expires_at=timezone.now() + timedelta(hours=settings.ELEVATION_DECISION_HOURS),
        )
    return elevation


def end(*, actor: Actor, elevation: Elevation, reason: ElevationEnd) -> Elevation:
    """End an elevation now, or withdraw one that nobody has decided yet.

    Raises:
        Denied: a person who is neither on the owner's side, nor on the board, nor administrator.
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
        _check_ender(actor, agent, reason)
        elevation = locks.elevation(elevation.pk)
        if elevation.state == ElevationState.PENDING:
            _withdraw(actor, elevation)
        elif elevation.state == ElevationState.ACTIVE:
            _finish(actor, elevation, agent, reason)
        else:
            raise Conflict("This elevation is over already.")
    return elevation


def end_all(*, actor: Actor, agent: Agent, reason: ElevationEnd) -> int:
    """End every live elevation of an agent. The agent's row is locked by the caller."""
    live = list(selectors.live_elevations().filter(agent=agent))
    for elevation in live:
        _finish(actor, locks.elevation(elevation.pk), agent, reason)
    return len(live)


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
        _finish(DECISION_POINT, elevation, agent, ElevationEnd.BUDGET)
    return True


def sweep() -> int:
    """End what is over: its time, its owner, or its agent's right to act. Returns how many ended."""
    over = selectors.live_elevations().filter(
        Q(ends_at__lte=timezone.now()) | Q(agent__owner__is_active=False) | ~Q(agent__state=AgentState.ACTIVE)
    )
    ended = 0
    for elevation in over.select_related("agent__owner"):
        try:
            end(actor=SWEEPER, elevation=elevation, reason=_why_over(elevation))
        except Conflict:
            continue
        ended += 1
    return ended


def changed(approval: Approval, agent: Agent) -> str | None:
    """Why the request no longer fits what is there; None where it does."""
    if reason := why_not_act(agent):
        return reason
    if selectors.approved_dossier(agent) is None:
        return "What the agent runs is not what the board approved."
    elevation = locks.elevation(approval.subject_id)
    if not contents.still_describes(approval, contents.elevation(elevation, agent)):
        return "The agent, its version or the request has changed since it was made."
    if elevation.proposal and elevation.proposal.state not in OPEN_PROPOSALS:
        return "The proposal is not waiting for an elevation any more."
    return None


def approved(approval: Approval, agent: Agent) -> None:
    """The approvers said yes: the clock starts, and an attached proposal goes its way."""
    elevation = locks.elevation(approval.subject_id)
    now = timezone.now()
    ends_at = now + timedelta(minutes=elevation.minutes)
    _move(elevation, ElevationState.PENDING, state=ElevationState.ACTIVE, starts_at=now, ends_at=ends_at)
    elevation.agent = agent
    _record(
        Action.ELEVATION_STARTED, BOARD, elevation, approval=str(approval.pk), ends_at=ends_at.isoformat()
    )
    grants.add_write(actor=BOARD, elevation=elevation, approval=approval)
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
    _close(BOARD, elevation, ElevationState.REJECTED if rejected else ElevationState.ENDED, reason)


def _terms(agent: Agent) -> dict[str, Any]:
    """What a write needs: the stricter of what the board approved and what the risk class asks now."""
    approval = selectors.approved_dossier(agent)
    risk_class = selectors.risk_class_of(agent)
    if approval is None or risk_class is None:
        raise Conflict("What the agent runs is not what the board approved. Submit it again first.")
    frozen = contents.read(approval)["terms"]["writes"]
    rule = Rule.read(frozen["rule"]).strictest(contents.elevation_rule(risk_class))
    return {
        "rule": rule.frozen(),
        "max_minutes": min(frozen["max_minutes"], risk_class.elevation_max_minutes),
    }


def _waiting(
    proposal: ProposedAction | None, agent: Agent, action: str, resource: str
) -> ProposedAction | None:
    if proposal is None:
        return None
    rows = ProposedAction.objects.select_for_update(of=("self",), no_key=True).select_related("finding")
    row = rows.get(pk=proposal.pk)
    if (row.agent_id, row.function, row.resource) != (agent.pk, action, resource):
        raise Invalid("The proposal asks for something else.", fields={"proposal": "Choose its own action."})
    if row.state not in OPEN_PROPOSALS:
        raise Conflict("The proposal is not waiting for an elevation.")
    if canonical.digest(row.content) != row.digest:
        raise Conflict("The proposal is not what its digest says. Let the agent propose it again.")
    if row.elevations.filter(state__in=(ElevationState.PENDING, ElevationState.ACTIVE)).exists():
        raise Conflict("An elevation for this proposal is under way already.")
    return row


def _check(elevation: Elevation, agent: Agent, max_minutes: int) -> None:
    functions = agent.active_version.tool_manifest if agent.active_version else []
    function = manifest.entry(functions, elevation.action)
    wrong: dict[str, str] = {}
    if function is None or function.get("access") != Access.WRITE:
        wrong["action"] = "The approved version has no such write."
    elif len(elevation.resource) > MAX_RESOURCE or not manifest.covers(
        str(function["resource"]), elevation.resource
    ):
        wrong["resource"] = f"It must be one resource of the form {function['resource']}."
    if not elevation.intent:
        wrong["intent"] = "Say what it is for."
    if not 1 <= elevation.minutes <= max_minutes:
        wrong["minutes"] = f"From 1 to {max_minutes} minutes."
    if not 1 <= elevation.uses <= MAX_USES:
        wrong["uses"] = f"From 1 to {MAX_USES} uses."
    if wrong:
        raise Invalid(" ".join(wrong.values()), fields=wrong)


def _check_ender(actor: Actor, agent: Agent, reason: ElevationEnd) -> None:
    if actor.kind == "system":
        return
    if actor.kind != "person":
        raise Denied("An agent does not decide about its own access.")
    person = Person.objects.get(pk=actor.id)
    refuse(permissions.against_ending_elevation(person, agent, selectors.seat_of(person)))
    if reason != ElevationEnd.REVOKED:
        raise Invalid(
            "A person revokes an elevation; the other reasons are facts.", fields={"reason": "revoked"}
        )


def _withdraw(actor: Actor, elevation: Elevation) -> None:
    approval = (
        Approval.objects.select_for_update(of=("self",), no_key=True)
        .select_related("agent")
        .get(subject=ApprovalSubject.ELEVATION, subject_id=elevation.pk, state=ApprovalState.PENDING)
    )
    requests.close(
        actor=actor, approval=approval, state=ApprovalState.VOIDED, reason="The request was withdrawn."
    )
    _close(actor, elevation, ElevationState.ENDED, ElevationEnd.WITHDRAWN)


def _finish(actor: Actor, elevation: Elevation, agent: Agent, reason: ElevationEnd) -> None:
    elevation.agent = agent
    now = timezone.now()
    _move(elevation, ElevationState.ACTIVE, state=ElevationState.ENDED, ended_at=now, end_reason=reason)
    _record(Action.ELEVATION_ENDED, actor, elevation, reason=reason.value, used=elevation.used)
    grants.end_write(actor=actor, elevation=elevation, at=now)
    if reason != ElevationEnd.BUDGET:
        register.raise_epoch(actor=actor, agent=agent)


def _close(actor: Actor, elevation: Elevation, state: ElevationState, reason: ElevationEnd) -> None:
    _move(
        elevation,
        ElevationState.PENDING,
        state=state,
        ended_at=timezone.now(),
        end_reason=reason,
    )
    _record(Action.ELEVATION_ENDED, actor, elevation, reason=reason.value, used=0)


def _move(elevation: Elevation, before: ElevationState, **after: Any) -> None:
    if not Elevation.objects.filter(pk=elevation.pk, state=before).update(**after):
        raise Conflict("Somebody else has moved this elevation on. Look at its page again.")
    for name, value in after.items():
        setattr(elevation, name, value)


def _why_over(elevation: Elevation) -> ElevationEnd:
    if elevation.ends_at and elevation.ends_at <= timezone.now():
        return ElevationEnd.TIME
    return ElevationEnd.CHANGED if elevation.agent.owner.is_active else ElevationEnd.OWNER


def _record(action: Action, actor: Actor, elevation: Elevation, **more: Any) -> None:
    history.record(
        changed=[elevation],
        stream=elevation.agent.stream,
        action=action,
        actor=actor,
        object=f"elevation/{elevation.pk}",
        body={
            "action": elevation.action,
            "resource": elevation.resource,
            "intent": elevation.intent,
            "proposal": str(elevation.proposal_id) if elevation.proposal_id else None,
        }
        | more,
    )
