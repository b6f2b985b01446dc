"""What roles make of the reads that the board approved: grants under conditions, and with an end.

A role never widens what was approved: its grants are made of the approved functions alone, each belongs to
its approval and ends with it. **What a role speaks of, it decides**: the approval's own standing read of such
a function ends, and does not come back when the assignment does; the board's next approval gives it again.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from agents.choices import Access
from agents.models import Agent
from agents.services import register
from audits.actor import Actor
from audits.canonical import JSON
from governance import contents, resource_pattern, role_selectors
from governance.models import Approval, Grant, RoleAssignment
from governance.role_rules import Permission
from governance.role_selectors import Holding
from governance.services import grants

Function = Mapping[str, str]


@dataclass(slots=True)
class Effect:
    """What ends, and when, and what begins for one agent."""

    agent: Agent
    ends: list[tuple[Grant, datetime]] = field(default_factory=list)
    begins: list[Grant] = field(default_factory=list)

    @property
    def ended(self) -> list[Grant]:
        return [grant for grant, _ in self.ends]

    @property
    def told(self) -> list[JSON]:
        """As it is digested: what ends and begins, whenever it is asked."""
        return [str(self.agent.pk), _told(self.ended), _told(self.begins)]


def _told(rows: Iterable[Grant]) -> list[JSON]:
    return [*sorted([grant.action, grant.resource, *grant.conditions] for grant in rows)]


def add_reads(
    *, actor: Actor, agent: Agent, approval: Approval, functions: Sequence[Function]
) -> list[Grant]:
    """The reads of an approval: by the agent's roles where they speak of a function, else standing.

    The agent's row is locked by the caller.
    """
    held = role_selectors.holdings(agent)
    alone = [dict(each) for each in functions if not _speaking_of(each, held)]
    standing = grants.add_reads(actor=actor, agent=agent, approval=approval, functions=alone)
    by_role = [grants.add(actor=actor, grant=grant) for grant in _wanted(agent, approval, functions, held)]
    return [*standing, *by_role]


def effect(
    agent: Agent,
    *,
    instead: Mapping[UUID, Sequence[Permission]] | None = None,
    also: Sequence[RoleAssignment] = (),
    without: UUID | None = None,
) -> Effect:
    """What would end and begin for the agent; nothing is done.

    `instead` are the permissions of roles as they would be, `also` an assignment as it would be made, and
    `without` one as if it had ended.
    """
    found = Effect(agent)
    held = [
        each
        for each in role_selectors.holdings(agent, instead=instead, also=also)
        if each.assignment.pk != without
    ]
    for approval in role_selectors.approvals_in_force(agent):
        functions = contents.read(approval)["reads"]
        wanted = {_key(grant): grant for grant in _wanted(agent, approval, functions, held)}
        there = _open(agent, approval)
        known = {_key(grant) for grant in there}
        found.begins += [grant for key, grant in wanted.items() if key not in known]
        ends = _ends_of_standing(functions, held)
        for grant in there:
            at = _end_of(grant, wanted.keys(), ends)
            if at is not None and (grant.ends_at is None or grant.ends_at > at):
                found.ends.append((grant, at))
    return found


def renew(*, actor: Actor, agent: Agent) -> Effect:
    """Make the agent's grants what its roles say now. Where something ends, its credentials end with it.

    The agent's row is locked by the caller.
    """
    found = effect(agent)
    for at in sorted({at for _, at in found.ends}):
        ending = [grant.pk for grant, when in found.ends if when == at]
        grants.end(actor=actor, rows=Grant.objects.filter(pk__in=ending), at=at)
    for grant in found.begins:
        grants.add(actor=actor, grant=grant)
    if found.ends:
        register.raise_epoch(actor=actor, agent=agent)
    return found


def _speaking_of(function: Function, held: Sequence[Holding]) -> list[Holding]:
    return [each for each in held if each.held.speaks_of(function["resource"])]


def _ends_of_standing(
    functions: Iterable[Function], held: Sequence[Holding]
) -> dict[tuple[str, str], datetime]:
    """By action and resource, when the approval's own read gives way to the first role that speaks of it."""
    now = timezone.now()
    return {
        (each["action"], each["resource"]): max(now, min(one.assignment.starts_at for one in speaking))
        for each in functions
        if (speaking := _speaking_of(each, held))
    }


def _end_of(
    grant: Grant, wanted: Collection[tuple[object, ...]], standing: Mapping[tuple[str, str], datetime]
) -> datetime | None:
    """When an open grant ends by what the roles say; None where they leave it."""
    if grant.assignment_id is None:
        return standing.get((grant.action, grant.resource))
    return None if _key(grant) in wanted else timezone.now()


def _wanted(
    agent: Agent, approval: Approval, functions: Iterable[Function], held: Sequence[Holding]
) -> list[Grant]:
    """The grants of these functions that the roles give; not saved."""
    now = timezone.now()
    made: dict[tuple[object, ...], Grant] = {}
    for function in functions:
        for each in _speaking_of(function, held):
            if each.gives_nothing or not each.held.gives(function["action"], Access.READ):
                continue
            within = resource_pattern.within(function["resource"], each.held.pattern)
            grant = Grant(
                agent=agent,
                action=function["action"],
                resource=function["resource"] if within else each.held.pattern,
                access=Access.READ,
                approval=approval,
                assignment=each.assignment,
                exception=each.exception,
                conditions=list(each.held.conditions),
                starts_at=max(now, each.assignment.starts_at),
                ends_at=each.ends_at,
            )
            made.setdefault(_key(grant), grant)
    return list(made.values())


def _key(grant: Grant) -> tuple[object, ...]:
    return (
        grant.assignment_id,
        grant.action,
        grant.resource,
        tuple(grant.conditions),
        grant.exception_id,
        grant.ends_at,
    )


def _open(agent: Agent, approval: Approval) -> list[Grant]:
    now = timezone.now()
    rows = Grant.objects.filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=now), agent=agent, approval=approval, access=Access.READ
    )
    return list(rows.select_related("agent", "assignment__role"))
