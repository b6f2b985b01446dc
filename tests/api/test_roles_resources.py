"""Roles of agents, assignments and the resource catalogue over the API."""

import io
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent, Person
from governance.models import Grant, Resource, RoleAssignment
from governance.services import scope_exceptions
from tests.api.calling import Caller, caller, problem
from tests.api.test_resources import made, read
from tests.governance.roles import ASKS, READS, assign, catalogue, conditional, role
from tests.governance.story import LOOKUP

pytestmark = pytest.mark.django_db
READING = [{"resource": "nvd", "actions": ["read"], "conditions": ["within_task"]}]
SALES: dict[str, Any] = {
    "name": "sales_database",
    "title": "Sales",
    "kind": "database",
    "type": "table",
    "identifier": "sales",
    "operations": ["read"],
    "sensitivity": "confidential",
    "owner": "stella",
}


@pytest.fixture
def steward(stella: Person) -> Caller:
    return caller(stella)


def test_the_catalogue(steward: Caller, aude: Person) -> None:
    row = made(steward.post("resources", SALES))
    assert (row["sensitivity"], row["owner"]["username"]) == ("confidential", "stella")
    assert read(caller(aude).get("resources", {"sensitivity": "confidential"}))["results"] == [row]
    changed = read(steward.patch("resources/sales_database", {"sensitivity": "restricted"}))
    assert changed["sensitivity"] == "restricted"
    problem(caller(aude).post("resources", SALES), 403, "denied")
    problem(steward.post("resources", SALES), 409, "conflict")
    told = problem(steward.post("resources", SALES | {"name": "all", "identifier": "*"}), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == ["/identifier"]
    assert read(steward.post("resources/sales_database/end", {"reason": "Gone."}))["ended_at"]


def test_a_role_is_made_looked_at_changed_and_ended(steward: Caller, stella: Person) -> None:
    catalogue(stella)
    row = made(
        steward.post("agent-roles", {"name": "analyst", "permissions": READING, "reason": "It reads."})
    )
    assert (row["version"], row["permissions"]) == (1, READING)
    permissions = [{"resource": "nvd", "actions": ["read"]}]
    plan = read(steward.post("agent-roles/analyst/plan", {"permissions": permissions}))
    assert plan["effects"] == []
    given = {"permissions": permissions, "reason": "Simpler.", "expected": plan["digest"]}
    assert read(steward.post("agent-roles/analyst/change", given))["version"] == 2
    problem(steward.post("agent-roles/analyst/change", given), 409, "conflict")
    assert read(steward.post("agent-roles/analyst/end", {"reason": "Gone."}))["ended_at"]


@pytest.mark.parametrize(
    ("permission", "pointer"),
    [
        ({"resource": "nowhere", "actions": ["read"]}, "/permissions/0/resource"),
        ({"resource": "nvd", "actions": ["delete"]}, "/permissions/0/actions"),
        ({"resource": "nvd", "actions": ["*"]}, "/permissions/0/actions"),
        ({"resource": "nvd", "actions": ["read"], "conditions": ["x"]}, "/permissions/0/conditions"),
        ({"resource": "nvd", "actions": ["read"], "when": "x"}, "/permissions/0/when"),
    ],
)
def test_what_is_wrong_in_a_permission_is_pointed_at(
    steward: Caller, stella: Person, permission: dict[str, Any], pointer: str
) -> None:
    catalogue(stella)
    given = {"name": "analyst", "permissions": [permission], "reason": "It reads."}
    told = problem(steward.post("agent-roles", given), 422, "invalid")
    assert pointer in [error["pointer"] for error in told["errors"]]


def test_an_assignment(steward: Caller, stella: Person, olivia: Person, active_analyst: Agent) -> None:
    catalogue(stella)
    role(stella)
    given = {
        "agent": active_analyst.slug,
        "role": "analyst",
        "kind": "dynamic",
        "conditions": ["within_task"],
        "reason": "Its work.",
    }
    problem(caller(olivia).post("role-assignments", given), 403, "denied")
    row = made(steward.post("role-assignments", given))
    assert (row["role"], row["conditions"], row["agent"]["slug"]) == (
        "analyst", ["within_task"], active_analyst.slug,
    )  # fmt: skip
    (grant,) = read(steward.get("grants", {"assignment": row["id"]}))["results"]
    assert (grant["conditions"], grant["action"]) == (["within_task"], LOOKUP[0])
    problem(steward.post("role-assignments", given), 409, "conflict")
    ended = read(caller(olivia).post(f"role-assignments/{row['id']}/end", {"reason": "No."}))
    assert ended["end_reason"] == "No."
    assert not Grant.objects.filter(assignment=row["id"], ends_at=None).exists()


def test_an_assignment_is_looked_at_first(
    steward: Caller, stella: Person, olivia: Person, active_analyst: Agent
) -> None:
    catalogue(stella)
    role(stella, "analyst", conditional(READS, ["sensitivity_at_most(public)"]), ASKS)
    terms = {"agent": active_analyst.slug, "role": "analyst"}
    problem(caller(olivia).post("role-assignments/plan", terms), 403, "denied")
    told = problem(steward.post("role-assignments/plan", terms | {"kind": "dynamic"}), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == ["/conditions"]
    plan = read(steward.post("role-assignments/plan", terms))
    assert [row["action"] for row in plan["stays"]] == ["assess_vulnerability"]
    assert [row["conditions"] for row in plan["ends"]] == [[]]
    assert [row["conditions"] for row in plan["begins"]] == [["sensitivity_at_most(public)"]]
    assert [row["action"] for row in plan["asks"]] == ["open_ticket"]
    assert [(row["reason"], row["action"]) for row in plan["withheld"]] == [
        ("sensitivity", LOOKUP[0]),
        ("standing_write", "open_ticket"),
    ]
    assert not RoleAssignment.objects.exists()
    given = terms | {"reason": "Its work."}
    problem(steward.post("role-assignments", given | {"expected": "0" * 64}), 409, "conflict")
    row = made(steward.post("role-assignments", given | {"expected": plan["digest"]}))
    assert row["role"] == "analyst"
    problem(steward.post("role-assignments/plan", terms), 409, "conflict")


def test_exceptions_are_read_and_not_granted(steward: Caller, ada: Person) -> None:
    until = timezone.now() + timedelta(days=1)
    scope_exceptions.grant(actor=ada, reference="table/*", reason="A migration.", until=until)
    (row,) = read(steward.get("scope-exceptions"))["results"]
    assert (row["reference"], row["granted_by"]["username"]) == ("table/*", "ada")
    assert caller(ada).post("scope-exceptions", {}).status_code == 405


def test_files_go_out_and_in(steward: Caller, stella: Person, active_analyst: Agent) -> None:
    catalogue(stella)
    assign(stella, active_analyst, role(stella))
    for name, word in (("resources", "internal"), ("agent-roles", "[read]")):
        exported = steward.get(f"{name}/export").content.decode()
        assert word in exported
        file = io.BytesIO(exported.encode())
        file.name = "x.yaml"
        given = {"file": file, "format": "yaml", "dry_run": "true"}
        told = read(steward.send(f"{name}/import", given))
        assert {change["verb"] for change in told["changes"]} == {"unchanged"}
    assert Resource.objects.count() == 2
