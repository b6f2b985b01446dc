"""Which agent holds which role (S2-6): given by a person with the right, for a reason, and never for writing.

A role gives reading within what the board approved, and for the rest the right to ask for write elevation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils import timezone

from agents.choices import AgentState
from agents.models import Agent, Person
from agents.services import fields
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import attempt, refuse
from governance import conditions, role_permissions, role_selectors
from governance.choices import AssignmentKind
from governance.models import AgentRole, RoleAssignment
from governance.role_rules import MAX_CONDITIONS
from governance.services import assignment_plans, locks, role_grants
from governance.services.actors import SWEEPER
from governance.services.assignment_plans import Plan


@dataclass(frozen=True, slots=True)
class Terms:
    """Which role, how it is held, and from when until when; without a beginning from now on."""

    role: AgentRole
    kind: AssignmentKind = AssignmentKind.STATIC
    addition: AgentRole | None = None
    conditions: Sequence[str] = ()
    starts_at: datetime | None = None
    ends_at: datetime | None = None


def plan(*, actor: Person, agent: Agent, terms: Terms) -> Plan:
    """What the assignment would give, against what the agent has now. Nothing is changed.

    Raises:
        Denied: the actor may not assign.
        Invalid, Conflict: as `assign`.
    """
    refuse(role_permissions.against_assigning(actor, agent))
    made = _prepared(actor, agent, terms)
    _require_room(agent, made.role)
    return assignment_plans.of(made)


def assign(*, actor: Person, agent: Agent, terms: Terms, reason: str, expected: str = "") -> RoleAssignment:
    """Give an agent a role; what the role speaks of, it decides from now on.

    Args:
        expected: the digest of the plan that was shown; empty where none was.

    Raises:
        Denied: the actor keeps no roles, or stands on the agent's own side; recorded.
        Invalid: there is no reason, the times are none, or kind, addition and conditions do not fit.
        Conflict: the agent holds the role already, is retired or only discovered, a role has ended, or it
            would now do something else than what was shown.
    """
    said = fields.sentence(reason, field="reason")
    with attempt(
        action=Action.ROLE_ASSIGNED, actor=actor.actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        agent = locks.agent(agent.pk)
        refuse(role_permissions.against_assigning(actor, agent))
        made = _prepared(actor, agent, _held(terms))
        made.reason = said
        _require_room(agent, made.role)
        if expected and assignment_plans.of(made).digest != expected:
            raise Conflict("Something has changed since this was shown. Nothing was saved: look again.")
        _close_past(agent, made.role)
        made.save(force_insert=True)
        _record(Action.ROLE_ASSIGNED, actor.actor, made)
        role_grants.renew(actor=actor.actor, agent=agent)
    return made


def end(*, actor: Person, assignment: RoleAssignment, reason: str) -> RoleAssignment:
    """Take the role away; what the agent could read by it ends at once.

    Raises:
        Invalid: no reason.
        Denied: the actor is neither of the owner's side, nor steward, nor board, nor administrator; recorded.
        Conflict: it is over already.
    """
    said = fields.sentence(reason, field="reason")
    with attempt(
        action=Action.ROLE_ASSIGNMENT_ENDED,
        actor=actor.actor,
        stream=assignment.agent.stream,
        object=f"role_assignment/{assignment.pk}",
    ):
        agent = locks.agent(assignment.agent_id)
        refuse(role_permissions.against_ending_assignment(actor, agent))
        held = _open(assignment)
        if held.ends_at is not None and held.ends_at <= timezone.now():
            raise Conflict("This assignment is over already.")
        _finish(actor.actor, held, said)
        role_grants.renew(actor=actor.actor, agent=agent)
    return held


def end_all(*, actor: Actor, agent: Agent, reason: str) -> int:
    """End every assignment of an agent that is retired. The agent's row is locked by the caller."""
    live = RoleAssignment.objects.filter(agent=agent, ended_at__isnull=True)
    rows = list(live.select_related("role", "addition", "agent"))
    for row in rows:
        _finish(actor, row, reason)
    return len(rows)


def _prepared(actor: Person, agent: Agent, terms: Terms) -> RoleAssignment:
    """The assignment as it would be made, checked and not saved."""
    now = timezone.now()
    begins = max(now, terms.starts_at) if terms.starts_at else now
    kept, wrong = _conditions(terms.conditions)
    if terms.role.ended_at:
        wrong["role"] = "has ended"
    if terms.addition and terms.addition.ended_at:
        wrong["addition"] = "has ended"
    if (terms.kind == AssignmentKind.HYBRID) != (terms.addition is not None) or terms.addition == terms.role:
        wrong["addition"] = "is another role, which a hybrid assignment has, and no other"
    if (terms.kind == AssignmentKind.STATIC) != (not terms.conditions):
        wrong["conditions"] = "are what a dynamic or hybrid assignment has, and a static one has not"
    if terms.ends_at is not None and terms.ends_at <= begins:
        wrong["ends_at"] = "must come after the beginning, and after now"
    if wrong:
        raise Invalid(" ".join(f"{name}: {text}." for name, text in wrong.items()), fields=wrong)
    return RoleAssignment(
        agent=agent,
        role=terms.role,
        kind=terms.kind,
        addition=terms.addition,
        conditions=kept,
        assigned_by=actor,
        starts_at=begins,
        ends_at=terms.ends_at,
    )


def _require_room(agent: Agent, role: AgentRole) -> None:
    """
    Raises:
        Conflict: the agent is given no role, or holds this one.
    """
    if agent.state in {AgentState.RETIRED, AgentState.DISCOVERED}:
        raise Conflict(f"{agent} is {agent.get_state_display().lower()}: it is given no role.")
    if role_selectors.live_assignments().filter(agent=agent, role=role).exists():
        raise Conflict(f"{agent} holds {role} already. End that assignment first.")


def _conditions(given: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    if len(given) > MAX_CONDITIONS:
        return [], {"conditions": f"at most {MAX_CONDITIONS}"}
    try:
        return list(dict.fromkeys(str(conditions.read(text)) for text in given)), {}
    except conditions.ConditionError as error:
        return [], {"conditions": str(error)}


def _held(terms: Terms) -> Terms:
    """With the roles as they are now, which nobody changes until the transaction ends."""
    named = {role.pk for role in (terms.role, terms.addition) if role}
    rows = AgentRole.objects.select_for_update(of=("self",), no_key=True).select_related("current")
    held = {role.pk: role for role in rows.filter(pk__in=named).order_by("pk")}
    addition = held[terms.addition.pk] if terms.addition else None
    return replace(terms, role=held[terms.role.pk], addition=addition)


def _close_past(agent: Agent, role: AgentRole) -> None:
    """One that ran out makes room for another."""
    past = RoleAssignment.objects.filter(
        agent=agent, role=role, ended_at__isnull=True, ends_at__lte=timezone.now()
    )
    for row in past.select_related("role", "addition", "agent"):
        _finish(SWEEPER, row, "Its time was over.")


def _open(assignment: RoleAssignment) -> RoleAssignment:
    rows = RoleAssignment.objects.select_for_update(of=("self",), no_key=True).select_related(
        "role", "addition", "agent"
    )
    held = rows.get(pk=assignment.pk)
    if held.ended_at is not None:
        raise Conflict("This assignment is over already.")
    return held


def _finish(actor: Actor, assignment: RoleAssignment, reason: str) -> None:
    assignment.ended_at, assignment.ended_by, assignment.end_reason = timezone.now(), actor.ref, reason
    assignment.save(update_fields=["ended_at", "ended_by", "end_reason"])
    _record(Action.ROLE_ASSIGNMENT_ENDED, actor, assignment)


def _record(action: Action, actor: Actor, assignment: RoleAssignment) -> None:
    history.record(
        changed=[assignment],
        stream=assignment.agent.stream,
        action=action,
        actor=actor,
        object=f"role_assignment/{assignment.pk}",
        body={
            "role": assignment.role.name,
            "kind": str(assignment.kind),
            "addition": assignment.addition.name if assignment.addition else None,
            "conditions": assignment.conditions,
            "reason": assignment.end_reason or assignment.reason,
            "starts_at": assignment.starts_at.isoformat(),
            "ends_at": assignment.ends_at.isoformat() if assignment.ends_at else None,
        },
    )
