"""What says offline why an agent had a right by a role: what roles said when, and the catalogue they name.

Roles, resources and exceptions are the portal's own stream's, so each state of them names its event, and the
words that are erased there (reasons) are left out.
"""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from audits import history
from audits.evidence import Artefact, Scope, table
from audits.history import KEPT
from governance import resource_pattern
from governance.models import AgentRole, AgentRoleVersion, Grant, Resource, RoleAssignment, ScopeException

ROLES = ("id", "name", "current_id", "added_by", "ended_at")
VERSIONS = ("id", "role_id", "number", "permissions", "sha256", "made_at", "made_by")
RESOURCES = (
    "id", "name", "title", "kind", "type", "identifier", "operations", "sensitivity", "personal_data",
    "data_categories", "owner_id", "added_by", "ended_at",
)  # fmt: skip
EXCEPTIONS = ("id", "reference", "granted_by_id", "granted_at", "until", "ended_at", "ended_by")
CHUNK = 1_000


def of_agent(agent_id: UUID, scope: Scope) -> Iterator[Artefact]:
    """Tables of the roles that the agent held and of what they rest on, up to the end of the scope."""
    held = RoleAssignment.objects.filter(agent=agent_id)
    given = Grant.objects.filter(agent=agent_id)
    if scope.until:
        held, given = held.filter(starts_at__lt=scope.until), given.filter(starts_at__lt=scope.until)
    roles = AgentRole.objects.filter(
        Q(pk__in=held.order_by().values("role")) | Q(pk__in=held.order_by().values("addition"))
    )
    versions = AgentRoleVersion.objects.filter(role__in=roles.order_by().values("pk"))
    if scope.until:
        versions = versions.filter(made_at__lt=scope.until)
    resources = Resource.objects.filter(pk__in=_spoken_of(versions, given))
    exceptions = ScopeException.objects.filter(pk__in=given.order_by().values("exception"))
    tables: tuple[tuple[str, QuerySet[Any]], ...] = (
        ("agentrole", history.states(roles, scope).values(*KEPT, *ROLES)),
        ("agentroleversion", versions.order_by("role", "number").values(*VERSIONS)),
        ("resource", history.states(resources, scope).values(*KEPT, *RESOURCES)),
        ("scopeexception", history.states(exceptions, scope).values(*KEPT, *EXCEPTIONS)),
    )
    for name, rows in tables:
        yield table(f"artefacts/governance/{name}.json", rows.iterator(CHUNK))


def _spoken_of(versions: QuerySet[AgentRoleVersion], grants: QuerySet[Grant]) -> list[UUID]:
    """The entries of the catalogue that these permissions name, and those that mean what was granted: how
    sensitive a resource is, the strictest of them says."""
    names = {
        permission["resource"]
        for permissions in versions.values_list("permissions", flat=True)
        for permission in permissions
    }
    granted = _by_type(grants.order_by().values_list("resource", flat=True).distinct())
    rows = Resource.objects.only("name", "type", "identifier")
    return [row.pk for row in rows.iterator(CHUNK) if row.name in names or _meets(row, granted)]


def _by_type(references: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for reference in references:
        found.setdefault(reference.partition("/")[0], []).append(reference)
    return found


def _meets(row: Resource, granted: dict[str, list[str]]) -> bool:
    return any(resource_pattern.meet(row.reference, one) for one in granted.get(row.type, ()))
