"""Grants that nobody uses in full: what could be taken away without losing what was ever needed.

A proposal is proved by replay: every decision that was allowed in the days looked at, and that the grants of
today cover, is covered by what would be left. The reasoning is pure; the queries stand below it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from agents.choices import Access
from agents.models import Person
from governance import manifest
from governance.choices import ShrinkKind, ShrinkState
from governance.models import Decision, Grant, Shrinking

DAYS = 90
MIN_DAYS, MAX_DAYS = 1, 3650
LONGEST = 300
"""What a grant takes as its resource."""


@dataclass(frozen=True, slots=True)
class Shrink:
    """What could be left of a grant: nothing, or one resource of those that its template means."""

    kind: ShrinkKind
    resource: str = ""


def shrink(resource: str, others: Collection[str], used: Iterable[str]) -> Shrink | None:
    """What could be left of a grant for `resource`; None where all of it is needed.

    Args:
        others: the resources of the agent's other standing grants for the action.
        used: the resources on which the action was allowed.
    """
    needed = needs(resource, others, used)
    if not needed:
        return Shrink(ShrinkKind.END)
    only = next(iter(needed))
    if len(needed) == 1 and only != resource and len(only) <= LONGEST:
        return Shrink(ShrinkKind.NARROW, only)
    return None


def needs(resource: str, others: Collection[str], used: Iterable[str]) -> set[str]:
    """What was used that this grant covers, and no other."""
    return {
        one
        for one in used
        if manifest.covers(resource, one) and not any(manifest.covers(other, one) for other in others)
    }


def lost(resource: str, others: Collection[str], used: Iterable[str], left: Shrink) -> set[str]:
    """What was allowed and would be no more: the proof is that there is nothing."""
    remaining = [left.resource] if left.kind == ShrinkKind.NARROW else []
    return {
        one
        for one in needs(resource, others, used)
        if not any(manifest.covers(other, one) for other in remaining)
    }


def idle(*, days: int = DAYS) -> QuerySet[Grant]:
    """Standing reads older than `days` that were not used in them, or on one resource alone of a template."""
    since = timezone.now() - timedelta(days=days)
    used = Decision.objects.filter(grant=OuterRef("pk"), allowed=True, decided_at__gte=since).order_by(
        "resource"
    )
    return (
        standing()
        .filter(starts_at__lte=since)
        .annotate(
            lowest=Subquery(used.values("resource")[:1]),
            highest=Subquery(used.reverse().values("resource")[:1]),
        )
        .filter(Q(lowest__isnull=True) | Q(resource__contains="{", lowest=F("highest")))
    )


def standing() -> QuerySet[Grant]:
    """Reads that stay until something ends them. What a role gives is changed in the role."""
    return Grant.objects.filter(access=Access.READ, ends_at__isnull=True, assignment__isnull=True)


def proposals(grants: Sequence[Grant], *, days: int = DAYS) -> dict[Any, Shrink | None]:
    """What each could shrink to, by its key; two queries for all of them."""
    agents = {grant.agent_id for grant in grants}
    beside = defaultdict(list)
    for key, agent, action, resource in (
        standing().filter(agent__in=agents).values_list("pk", "agent_id", "action", "resource")
    ):
        beside[agent, action].append((key, resource))
    used = defaultdict(set)
    since = timezone.now() - timedelta(days=days)
    for agent, action, resource in (
        allowed(agents, since).values_list("agent_id", "action", "resource").distinct()
    ):
        used[agent, action].add(resource)
    return {
        grant.pk: shrink(
            grant.resource,
            [resource for key, resource in beside[grant.agent_id, grant.action] if key != grant.pk],
            used[grant.agent_id, grant.action],
        )
        for grant in grants
    }


def allowed(agents: Collection[Any], since: datetime) -> QuerySet[Decision]:
    """The reads that were allowed to these agents since then."""
    rows = Decision.objects.filter(agent__in=agents, access=Access.READ, allowed=True, decided_at__gte=since)
    return rows.order_by()


def waiting_for(person: Person) -> QuerySet[Shrinking]:
    """Proposals about this person's agents. An administrator may decide all of them, and is asked about those
    of agents that have no owner."""
    theirs = Q(grant__agent__owner=person) | Q(grant__agent__deputies=person)
    if person.is_superuser:
        theirs |= Q(grant__agent__ownerless_at__isnull=False)
    if not person.is_active:
        return Shrinking.objects.none()
    rows = Shrinking.objects.filter(state=ShrinkState.PROPOSED, grant__in=standing())
    return rows.filter(theirs).distinct()
