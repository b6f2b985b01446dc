"""No standing write (promise 2, S4-7): whoever inserts it, by whatever way, the database refuses it.

Grants, what roles give, and wildcards, by raw SQL, on PostgreSQL and on SQLite.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from agents.analyst import provenance
from agents.choices import Access
from agents.models import Agent, Person
from agents.services import register
from audits.errors import Invalid
from governance.choices import ElevationEnd
from governance.models import AgentRoleVersion, Approval, Elevation, Grant, RoleAssignment, ScopeException
from governance.services import dossiers, elevations, risk, scope_exceptions
from tests.conftest import ANSWERS
from tests.governance.roles import ASKS, assign, catalogue, role
from tests.governance.story import TICKET, elevate, resource, start_instance, write

pytestmark = pytest.mark.django_db
FAR = timezone.now() + timedelta(days=36_500)
NONE: dict[str, Any] = {"type": "object", "properties": {}}
LIKE_WRITING = ("write", "execute", "delete", "append", "WRITE", "Read", " read", "", "*")


@contextmanager
def refused() -> Iterator[None]:
    with pytest.raises(DatabaseError), transaction.atomic():
        yield


def insert(table: str, **values: Any) -> None:
    columns, places = ", ".join(f'"{name}"' for name in values), ", ".join(["%s"] * len(values))
    prepared = [_value(value) for value in values.values()]
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", prepared)  # noqa: S608 - the attack


def _value(value: Any) -> Any:
    if connection.vendor == "sqlite" and hasattr(value, "hex"):
        return value.hex
    if connection.vendor == "sqlite" and hasattr(value, "isoformat"):
        return str(value.replace(tzinfo=None))
    return value


def grant(agent: Agent, **changes: Any) -> None:
    values: dict[str, Any] = {
        "id": uuid4(),
        "agent_id": agent.pk,
        "action": TICKET,
        "resource": "finding/1",
        "access": "write",
        "approval_id": Approval.objects.filter(subject="agent_version").values_list("pk", flat=True)[0],
        "conditions": "[]",
        "starts_at": timezone.now(),
        "ends_at": FAR,
    }
    insert("governance_grant", **(values | changes))


@pytest.fixture
def elevation(active_analyst: Agent, olivia: Person, members: list[Person]) -> Elevation:
    return elevate(olivia, active_analyst, resource(), members[:2], uses=5)


def of(elevation: Elevation, **changes: Any) -> dict[str, Any]:
    """The columns of the one grant that the elevation may have."""
    return {
        "elevation_id": elevation.pk,
        "resource": elevation.resource,
        "ends_at": elevation.ends_at,
    } | changes


# --- Grants -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("access", LIKE_WRITING)
def test_a_grant_without_an_elevation(active_analyst: Agent, access: str) -> None:
    with refused():
        grant(active_analyst, access=access)
    with refused():
        grant(active_analyst, access=access, ends_at=None)


@pytest.mark.parametrize("access", LIKE_WRITING)
def test_a_read_that_becomes_more(active_analyst: Agent, access: str) -> None:
    with refused(), connection.cursor() as cursor:
        cursor.execute("UPDATE governance_grant SET access = %s", [access])
    with refused():
        Grant.objects.update(access=access, ends_at=FAR)
    assert set(Grant.objects.values_list("access", flat=True)) == {"read"}


def test_a_second_grant_of_an_elevation_is_nothing_more(active_analyst: Agent, elevation: Elevation) -> None:
    """The way to insert at all: what follows fails for what it changes, and for nothing else."""
    grant(active_analyst, **of(elevation))


@pytest.mark.parametrize(
    "changes",
    [
        {"resource": "finding/2"},
        {"resource": "finding/{finding_id}"},
        {"action": "close_ticket"},
        {"ends_at": None},
        {"ends_at": FAR},
        {"elevation_id": None},
        {"access": "delete"},
    ],
)
def test_a_grant_beside_what_was_elevated(
    active_analyst: Agent, elevation: Elevation, changes: dict[str, Any]
) -> None:
    with refused():
        grant(active_analyst, **of(elevation, **changes))


def test_a_grant_by_the_elevation_of_another_agent(elevation: Elevation, olivia: Person) -> None:
    other = Agent.objects.create(slug="other", name="Other", purpose="x", business_unit="x", owner=olivia)
    with refused():
        grant(other, **of(elevation))


def test_a_grant_by_an_elevation_that_is_over(
    active_analyst: Agent, elevation: Elevation, olivia: Person
) -> None:
    elevations.end(actor=olivia.actor, elevation=elevation, reason=ElevationEnd.REVOKED)
    with refused():
        grant(active_analyst, **of(elevation))
    with refused():
        Grant.objects.filter(elevation=elevation).update(ends_at=elevation.ends_at)
    assert not write(start_instance(active_analyst), elevation.resource).allowed


def test_a_grant_by_an_elevation_that_nobody_approved(active_analyst: Agent, olivia: Person) -> None:
    asked = elevations.request(
        actor=olivia,
        agent=active_analyst,
        action=TICKET,
        resource="finding/1",
        intent="To.",
        minutes=5,
        uses=1,
    )
    with refused():
        grant(active_analyst, elevation_id=asked.pk)


def test_a_write_that_is_stretched(elevation: Elevation) -> None:
    for changes in ({"ends_at": FAR}, {"ends_at": None}, {"resource": "finding/2"}, {"action": "other"}):
        with refused():
            Grant.objects.filter(elevation=elevation).update(**changes)


# --- Roles ------------------------------------------------------------------------------------------------
def test_a_role_gives_no_write_even_under_an_elevation(
    active_analyst: Agent, elevation: Elevation, stella: Person
) -> None:
    catalogue(stella)
    held = assign(stella, active_analyst, role(stella, "opener", ASKS))
    with refused():
        grant(active_analyst, **of(elevation), assignment_id=held.pk)
    with refused():
        Grant.objects.filter(elevation=elevation).update(assignment=held)
    with refused():
        Grant.objects.filter(access=Access.READ).update(assignment=held, access=Access.WRITE)


def test_an_assignment_by_hand_opens_nothing(active_analyst: Agent, stella: Person) -> None:
    """A row of its own gives no grant, and what it would give is the right to ask."""
    catalogue(stella)
    made, instance, on = role(stella, "opener", ASKS), start_instance(active_analyst), resource()
    insert(
        "governance_roleassignment",
        id=uuid4(), agent_id=active_analyst.pk, role_id=made.pk, kind="static", conditions="[]", reason="x",
        assigned_by_id=stella.pk, starts_at=timezone.now(), ended_by="", end_reason="",
    )  # fmt: skip
    answer = write(instance, on)
    assert (answer.allowed, answer.reason, answer.requestable) == (False, "no_elevation", True)
    assert not Grant.objects.filter(access=Access.WRITE).exists()


def test_what_was_assigned_and_what_a_role_said_does_not_change(
    active_analyst: Agent, stella: Person
) -> None:
    catalogue(stella)
    held = assign(stella, active_analyst, role(stella), ends_at=timezone.now() + timedelta(days=1))
    rows = RoleAssignment.objects.filter(pk=held.pk)
    for changes in (
        {"ends_at": FAR},
        {"ends_at": None},
        {"conditions": ["within_task"]},
        {"reason": "Other."},
    ):
        with refused():
            rows.update(**changes)
    with refused():
        AgentRoleVersion.objects.update(permissions=[ASKS])
    with refused():
        AgentRoleVersion.objects.all().delete()
    with refused():
        rows.delete()


# --- Wildcards --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("reference", ["*", "endpoint/*", "{type}/{id}", "finding/*/x"])
@pytest.mark.parametrize("ends_at", [None, FAR])
def test_a_wildcard_without_an_exception(active_analyst: Agent, reference: str, ends_at: object) -> None:
    with refused():
        grant(active_analyst, access="read", resource=reference, ends_at=ends_at)


def test_a_wildcard_beyond_its_exception(active_analyst: Agent, ada: Person) -> None:
    until = timezone.now() + timedelta(days=3)
    leave = scope_exceptions.grant(actor=ada, reference="endpoint/*", reason="A migration.", until=until)
    by_it: dict[str, Any] = {"access": "read", "exception_id": leave.pk}
    grant(active_analyst, **by_it, resource="endpoint/*", ends_at=until)
    for changes in ({"ends_at": FAR}, {"ends_at": None}, {"resource": "*"}, {"resource": "table/*"}):
        with refused():
            grant(active_analyst, **(by_it | {"resource": "endpoint/*", "ends_at": until} | changes))
    for name, value in (("until", FAR), ("reference", "*"), ("reason", "Other.")):
        with refused():
            ScopeException.objects.update(**{name: value})
    scope_exceptions.end(actor=ada, exception=leave, reason="It is done.")
    with refused():
        grant(active_analyst, **by_it, resource="endpoint/*", ends_at=until)


def test_the_board_is_not_asked_for_a_wildcard(olivia: Person, analyst: Agent) -> None:
    function = {"name": "read_all", "access": "read", "resource": "table/*", "description": "Reads."}
    version = register.add_version(
        actor=olivia,
        agent=analyst,
        label="2",
        provenance=replace(provenance.current(), tool_manifest=[function | {"parameters": NONE}]),
    )
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    with pytest.raises(Invalid) as caught:
        dossiers.submit(actor=olivia, version=version)
    assert "a resource without a wildcard" in caught.value.fields["tool_manifest"]
