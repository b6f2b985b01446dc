"""Roles in tests: the analyst's two resources in the catalogue, and roles that speak of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from agents.models import Agent, Person
from governance import role_rules
from governance.choices import Operation, ResourceKind, Sensitivity
from governance.models import AgentRole, Resource, RoleAssignment
from governance.services import agent_roles, resources, role_assignments
from governance.services.role_assignments import Terms

READS = {"resource": "nvd", "actions": ["read"]}
ASKS = {"resource": "findings", "actions": ["create", "open_ticket"]}


def resource(steward: Person, name: str, reference: str, **more: Any) -> Resource:
    type_, _, identifier = reference.partition("/")
    given: dict[str, Any] = {
        "title": name.capitalize(),
        "kind": ResourceKind.API,
        "operations": list(Operation),
        "sensitivity": Sensitivity.INTERNAL,
        "owner": steward,
    }
    facts = resources.Facts(**(given | more))
    return resources.add(actor=steward, name=name, type=type_, identifier=identifier, facts=facts)


def catalogue(steward: Person) -> None:
    """What the analyst's functions act on."""
    resource(steward, "nvd", "endpoint/nvd", operations=[Operation.READ])
    resource(steward, "findings", "finding/{finding_id}", kind=ResourceKind.DATABASE)


def permissions(*records: Mapping[str, Any]) -> list[role_rules.Permission]:
    return [role_rules.Permission.of(record) for record in records]


def role(steward: Person, name: str = "analyst", *records: Mapping[str, Any]) -> AgentRole:
    given = permissions(*(records or (READS,)))
    return agent_roles.add(actor=steward, name=name, permissions=given, reason="It is what analysts do.")


def change(steward: Person, of: AgentRole, *records: Mapping[str, Any], **more: Any) -> AgentRole:
    return agent_roles.change(
        actor=steward, role=of, permissions=permissions(*records), reason="Something changed.", **more
    )


def assign(steward: Person, agent: Agent, to: AgentRole, **terms: Any) -> RoleAssignment:
    return role_assignments.assign(
        actor=steward, agent=agent, terms=Terms(role=to, **terms), reason="It is its work."
    )


def conditional(record: Mapping[str, Any], conditions: Sequence[str]) -> dict[str, Any]:
    return {**record, "conditions": list(conditions)}
