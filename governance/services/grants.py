"""What an agent may do. Grants come from approvals only, and end where these end."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from agents.choices import Access
from agents.models import Agent
from audits.actor import Actor
from audits.choices import Action
from audits.services import history
from governance.models import Approval, Elevation, Grant


def add_reads(
    *, actor: Actor, agent: Agent, approval: Approval, functions: Iterable[dict[str, str]]
) -> list[Grant]:
    """A standing read grant for each function, as the approved dossier lists them."""
    return [
        add(
            actor=actor,
            grant=Grant(
                agent=agent,
                action=function["action"],
                resource=function["resource"],
                access=Access.READ,
                approval=approval,
            ),
        )
        for function in functions
    ]


def add_write(*, actor: Actor, elevation: Elevation, approval: Approval) -> Grant:
    """The one write grant of an elevation; it ends when the elevation does."""
    grant = Grant(
        agent=elevation.agent,
        action=elevation.action,
        resource=elevation.resource,
        access=Access.WRITE,
        elevation=elevation,
        approval=approval,
        ends_at=elevation.ends_at,
    )
    return add(actor=actor, grant=grant)


def end_reads(
    *,
    actor: Actor,
    agent: Agent,
    at: datetime,
    of: Approval | None = None,
    but: Approval | None = None,
) -> int:
    """End the standing reads of an agent: all, those `of` one approval, or all `but` those of one."""
    reads = Grant.objects.filter(agent=agent, access=Access.READ)
    if of is not None:
        reads = reads.filter(approval=of)
    if but is not None:
        reads = reads.exclude(approval=but)
    return end(actor=actor, rows=reads, at=at)


def end_write(*, actor: Actor, elevation: Elevation, at: datetime) -> int:
    """End the grant of an elevation now, even where its time was over already."""
    return end(actor=actor, rows=Grant.objects.filter(elevation=elevation), at=at)


def shrink(*, actor: Actor, grant: Grant, resource: str, at: datetime) -> Grant | None:
    """End a grant; where a resource is left of it, a narrower one takes its place, of the same approval."""
    end(actor=actor, rows=Grant.objects.filter(pk=grant.pk), at=at)
    if not resource:
        return None
    narrower = Grant(
        agent=grant.agent,
        action=grant.action,
        resource=resource,
        access=grant.access,
        approval=grant.approval,
    )
    return add(actor=actor, grant=narrower)


def add(*, actor: Actor, grant: Grant) -> Grant:
    """One grant, as a service has made it out. The agent's row is locked by the caller."""
    grant.save(force_insert=True)
    history.record(
        changed=[grant],
        stream=grant.agent.stream,
        action=Action.GRANT_ADDED,
        actor=actor,
        object=f"grant/{grant.pk}",
        body={
            "action": grant.action,
            "resource": grant.resource,
            "access": str(grant.access),
            "approval": str(grant.approval_id),
            "elevation": str(grant.elevation_id) if grant.elevation_id else None,
            "assignment": str(grant.assignment_id) if grant.assignment_id else None,
            "conditions": grant.conditions,
            "ends_at": grant.ends_at.isoformat() if grant.ends_at else None,
        },
    )
    return grant


def end(*, actor: Actor, rows: QuerySet[Grant], at: datetime) -> int:
    """End those of these that are open, and say how many. The agents' rows are locked by the caller."""
    open_grants = list(rows.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=at)).select_related("agent"))
    Grant.objects.filter(pk__in=[grant.pk for grant in open_grants]).update(ends_at=at)
    for grant in open_grants:
        history.record(
            changed=[grant],
            stream=grant.agent.stream,
            action=Action.GRANT_ENDED,
            actor=actor,
            object=f"grant/{grant.pk}",
            body={"action": grant.action, "resource": grant.resource, "access": grant.access},
        )
    return len(open_grants)
