"""Which roles an agent holds, what they say, and whom a change of one affects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from agents.choices import Access, AgentState
from agents.decision_point import Question
from agents.models import Agent
from governance import catalogue, conditions, resource_pattern, selectors
from governance.conditions import Circumstances, Window
from governance.models import AgentRole, Approval, RoleAssignment, ScopeException
from governance.role_rules import Held, Permission


@dataclass(frozen=True, slots=True)
class Holding:
    """One permission of a role that is assigned, with the exception that its wildcard needs."""

    held: Held
    assignment: RoleAssignment
    exception: ScopeException | None
    is_wildcard: bool

    @property
    def ends_at(self) -> datetime | None:
        """With its assignment, and no later than its exception."""
        ends = (self.assignment.ends_at, self.exception.until if self.exception else None)
        return min((end for end in ends if end is not None), default=None)

    @property
    def gives_nothing(self) -> bool:
        """Whether its wildcard has no live exception."""
        return self.is_wildcard and self.exception is None


def live_assignments(at: datetime | None = None) -> QuerySet[RoleAssignment]:
    """Those that are not over; some of them may yet have to begin."""
    now = at or timezone.now()
    return RoleAssignment.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=now), ended_at__isnull=True)


def assignments_of(role: AgentRole) -> QuerySet[RoleAssignment]:
    """The live ones that hold it, as a base or as an addition."""
    return live_assignments().filter(Q(role=role) | Q(addition=role)).select_related("agent", "role")


def permissions_of(role: AgentRole) -> list[Permission]:
    return [Permission.of(record) for record in role.current.permissions] if role.current else []


def holdings(
    agent: Agent,
    *,
    instead: Mapping[UUID, Sequence[Permission]] | None = None,
    also: Sequence[RoleAssignment] = (),
) -> list[Holding]:
    """Every permission that the agent holds by its live assignments.

    `instead` are the permissions of roles as they would be, and `also` assignments as they would be made.
    """
    rows = live_assignments().filter(agent=agent).select_related("role__current", "addition__current")
    said = [*_said(rows, instead or {}), *_said(also, instead or {})]
    if not said:
        return []
    names = {permission.resource for _, permission, _ in said}
    patterns = {row.name: row.reference for row in catalogue.live_resources().filter(name__in=names)}
    wild = [pattern for pattern in patterns.values() if resource_pattern.is_wildcard(pattern)]
    exceptions = catalogue.exceptions_for(wild) if wild else {}
    return [
        Holding(
            held=Held(assignment.pk, pattern, permission.actions, (*map(str, permission.conditions), *more)),
            assignment=assignment,
            exception=exceptions.get(pattern),
            is_wildcard=pattern in wild,
        )
        for assignment, permission, more in said
        if (pattern := patterns.get(permission.resource)) is not None
    ]


def _said(
    assignments: "Sequence[RoleAssignment] | QuerySet[RoleAssignment]",
    instead: Mapping[UUID, Sequence[Permission]],
) -> list[tuple[RoleAssignment, Permission, tuple[str, ...]]]:
    """Each permission of each, with the conditions of the assignment that it stands under."""
    found = []
    for assignment in assignments:
        contextual = tuple(assignment.conditions)
        base = () if assignment.addition else contextual
        parts = [
            (assignment.role, base),
            *([(assignment.addition, contextual)] if assignment.addition else []),
        ]
        for role, more in parts:
            given = instead[role.pk] if role.pk in instead else permissions_of(role)
            found += [(assignment, permission, more) for permission in given]
    return found


def approvals_in_force(agent: Agent) -> list[Approval]:
    """What the board approved and the agent runs: of its active version, and of its candidate."""
    if agent.state == AgentState.RETIRED:
        return []
    versions = [version for version in (agent.active_version, agent.candidate) if version]
    found = [selectors.approval_of(agent, version) for version in versions]
    return [approval for approval in found if approval is not None]


def circumstances(question: Question, agent: Agent, needed: Sequence[str]) -> Circumstances:
    """What conditions may ask about; the catalogue is only read where one of the `needed` asks for it."""
    known = catalogue.of(question.resource) if conditions.need_catalogue(needed) else None
    return Circumstances(
        now=timezone.now(),
        intent=question.intent,
        task_id=question.task_id,
        owner=agent.owner.username,
        environment=agent.environment,
        department=agent.business_unit,
        personal_data=known.personal_data if known else None,
        sensitivity=known.sensitivity if known else "",
        office=Window.read(*settings.OFFICE_HOURS),
        context=question.context,
    )


@dataclass(frozen=True, slots=True)
class RightToAsk:
    """What the agent's roles say about a write.

    `given`: no role speaks of the resource, or one gives the right to ask for this. `unmet` is the condition
    that stands against it, with its role.
    """

    given: bool = True
    unmet: str = ""


def right_to_ask(question: Question, agent: Agent) -> RightToAsk:
    """Whether the agent may ask for this write, and have it, at this moment."""
    speaking = _speaking_now(agent, question.resource)
    if not speaking:
        return RightToAsk()
    giving = [each for each in speaking if each.held.gives(question.action, Access.WRITE)]
    if not giving:
        return RightToAsk(given=False)
    texts = [text for each in giving for text in each.held.conditions]
    case = circumstances(question, agent, texts) if texts else None
    unmet = ""
    for each in giving:
        failed = conditions.first_unmet(each.held.conditions, case) if case else None
        if failed is None:
            return RightToAsk()
        unmet = unmet or f"{failed} of its role {each.assignment.role}"
    return RightToAsk(unmet=unmet)


def why_not_ask(agent: Agent, action: str, resource: str) -> str | None:
    """Why its roles give no right to ask for this write, under any condition; None where nothing does."""
    speaking = _speaking_now(agent, resource)
    if not speaking or any(each.held.gives(action, Access.WRITE) for each in speaking):
        return None
    names = ", ".join(sorted({each.assignment.role.name for each in speaking}))
    return f"Its roles ({names}) speak of this resource and do not give the right to ask for {action}."


def _speaking_now(agent: Agent, resource: str) -> list[Holding]:
    now = timezone.now()
    return [
        each
        for each in holdings(agent)
        if each.assignment.starts_at <= now
        and not each.gives_nothing
        and resource_pattern.covers(each.held.pattern, resource)
    ]
