"""Roles of agents: what they give within what the board approved, under which conditions, and until when."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents import decision_point
from agents.choices import Access
from agents.decision_point import Answer
from agents.models import Agent, AgentInstance, Person, Revocation
from agents.services import lifecycle
from audits.errors import Conflict, Denied, Invalid
from governance.catalogue import live_resources
from governance.choices import AssignmentKind
from governance.models import Approval, Grant, RoleAssignment
from governance.services import agent_roles, resources, role_assignments, scope_exceptions
from governance.services.role_assignments import Terms
from tests.governance import roles
from tests.governance.roles import ASKS, READS, assign, catalogue, change, conditional, permissions, role
from tests.governance.story import (
    LOOKUP,
    TICKET,
    cast,
    elevate,
    events,
    question,
    read,
    request,
    resource,
    start_instance,
    write,
)

pytestmark = pytest.mark.django_db
OTHER = {"resource": "findings", "actions": ["read"]}


@pytest.fixture
def instance(active_analyst: Agent, stella: Person) -> AgentInstance:
    catalogue(stella)
    return start_instance(active_analyst)


def asked(instance: AgentInstance, *, intent: str = "Look it up.", **context: Any) -> Answer:
    said = replace(question(instance), intent=intent, context=context)
    return decision_point.decide(said)


def open_reads(agent: Agent) -> dict[str, bool]:
    """What the agent may look up at any time, and whether a role gives it."""
    rows = Grant.objects.filter(agent=agent, action=LOOKUP[0], access=Access.READ, ends_at__isnull=True)
    return {grant.resource: grant.assignment_id is not None for grant in rows}


def revoked(agent: Agent) -> int:
    """How often something of the agent's access has ended."""
    return Revocation.objects.filter(level="agent", subject=agent.slug).count()


def test_what_a_role_speaks_of_it_decides(instance: AgentInstance, stella: Person) -> None:
    assert open_reads(instance.agent) == {"endpoint/nvd": False}
    assign(stella, instance.agent, role(stella, "analyst", conditional(READS, ["intent_is(Look it up.)"])))
    assert open_reads(instance.agent) == {"endpoint/nvd": True}
    assert asked(instance).allowed
    refused = asked(instance, intent="Something else.")
    assert (refused.allowed, refused.reason, refused.requestable) == (False, "condition_not_met", False)
    assert refused.message == "A condition is not met: intent_is(Look it up.) of its role analyst."


def test_what_no_role_speaks_of_stays_as_the_board_approved_it(
    instance: AgentInstance, stella: Person
) -> None:
    assign(stella, instance.agent, role(stella, "elsewhere", OTHER))
    assert open_reads(instance.agent) == {"endpoint/nvd": False}
    assert read(instance).allowed


def test_a_role_never_widens_what_was_approved(instance: AgentInstance, stella: Person) -> None:
    roles.resource(stella, "payroll", "table/payroll")
    assign(stella, instance.agent, role(stella, "curious", {"resource": "payroll", "actions": ["read"]}))
    said = replace(question(instance), action="read_payroll", resource="table/payroll")
    answer = decision_point.decide(said)
    assert (answer.allowed, answer.reason) == (False, "function_not_in_manifest")
    assert set(open_reads(instance.agent)) == {"endpoint/nvd"}


def test_an_action_that_the_role_leaves_out_is_not_given(instance: AgentInstance, stella: Person) -> None:
    assign(stella, instance.agent, role(stella, "searcher", {"resource": "nvd", "actions": ["search"]}))
    answer = read(instance)
    assert (answer.allowed, answer.reason) == (False, "no_grant")


def test_it_ends_with_the_assignment_and_does_not_come_back(instance: AgentInstance, stella: Person) -> None:
    agent = instance.agent
    held = assign(stella, agent, role(stella))
    assert read(instance).allowed
    agent.refresh_from_db()
    before = revoked(agent)
    role_assignments.end(actor=stella, assignment=held, reason="The project is over.")
    assert not read(instance).allowed
    assert revoked(agent) == before + 1
    with pytest.raises(Conflict, match="over already"):
        role_assignments.end(actor=stella, assignment=held, reason="Again.")


def test_it_begins_and_ends_at_its_times(instance: AgentInstance, stella: Person) -> None:
    agent, now = instance.agent, timezone.now()
    until = now + timedelta(hours=2)
    assign(stella, agent, role(stella), starts_at=now + timedelta(hours=1), ends_at=until)
    standing = Grant.objects.get(agent=agent, assignment=None, action=LOOKUP[0])
    assert standing.ends_at == now + timedelta(hours=1)  # The board's own read stays until the role begins.
    assert read(instance).allowed
    Grant.objects.filter(pk=standing.pk).update(ends_at=now)
    assert not read(instance).allowed
    given = Grant.objects.exclude(assignment=None).get()
    assert (given.starts_at, given.ends_at) == (now + timedelta(hours=1), until)
    Grant.objects.filter(pk=given.pk).update(starts_at=now)
    answer = read(instance)
    assert (answer.allowed, answer.ends_at) == (True, until)


def test_a_dynamic_role_counts_while_its_conditions_hold(instance: AgentInstance, stella: Person) -> None:
    assign(
        stella,
        instance.agent,
        role(stella),
        kind=AssignmentKind.DYNAMIC,
        conditions=["intent_is(Incident)", "within_task"],
    )
    assert asked(instance, intent="Incident").allowed
    assert asked(instance, intent="Curiosity").reason == "condition_not_met"


def test_a_hybrid_role_has_a_base_and_an_addition(instance: AgentInstance, stella: Person) -> None:
    base = role(stella, "base", conditional(READS, ["max_records(10)"]))
    more = role(stella, "more", READS)
    terms: dict[str, Any] = {"kind": AssignmentKind.HYBRID, "conditions": ["intent_is(Incident)"]}
    assign(stella, instance.agent, base, addition=more, **terms)
    assert asked(instance, records=10).allowed
    assert not asked(instance, records=11).allowed
    assert asked(instance, records=11, intent="Incident").allowed


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"kind": AssignmentKind.STATIC, "conditions": ["within_task"]}, "conditions"),
        ({"kind": AssignmentKind.DYNAMIC}, "conditions"),
        ({"kind": AssignmentKind.DYNAMIC, "conditions": ["whenever"]}, "conditions"),
        ({"kind": AssignmentKind.HYBRID, "conditions": ["within_task"]}, "addition"),
        ({"ends_at": timezone.now() - timedelta(days=1)}, "ends_at"),
    ],
)
def test_an_assignment_says_how_it_holds(
    instance: AgentInstance, stella: Person, terms: Mapping[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as caught:
        assign(stella, instance.agent, role(stella), **terms)
    assert field in caught.value.fields


def test_who_may_assign(instance: AgentInstance, stella: Person, olivia: Person, oscar: Person) -> None:
    made, agent = role(stella), instance.agent
    for person in (olivia, oscar):
        with pytest.raises(Denied):
            assign(person, agent, made)
    agent.deputies.add(stella)
    with pytest.raises(Denied, match="Nobody gives a role to their own"):
        assign(stella, agent, made)
    assert len(events("role.assigned", "denied")) == 3
    assert not RoleAssignment.objects.exists()


def test_the_owner_may_take_a_role_away_and_an_outsider_not(
    instance: AgentInstance, stella: Person, olivia: Person, oscar: Person
) -> None:
    held = assign(stella, instance.agent, role(stella))
    with pytest.raises(Denied):
        role_assignments.end(actor=oscar, assignment=held, reason="I want it.")
    role_assignments.end(actor=olivia, assignment=held, reason="It does not need it.")


def test_nobody_holds_a_role_twice(instance: AgentInstance, stella: Person) -> None:
    made = role(stella)
    held = assign(stella, instance.agent, made, ends_at=timezone.now() + timedelta(days=1))
    with pytest.raises(Conflict, match="holds analyst already"):
        assign(stella, instance.agent, made)
    assert held.ends_at


# --- Changes of a role ------------------------------------------------------------------------------------
def test_a_change_shows_whom_it_affects_and_takes_effect_on_them_at_once(
    instance: AgentInstance, stella: Person
) -> None:
    made, agent = role(stella), instance.agent
    assign(stella, agent, made)
    agent.refresh_from_db()
    before = revoked(agent)
    harder = conditional(READS, ["intent_is(Incident)"])
    plan = agent_roles.plan(actor=stella, role=made, permissions=permissions(harder))
    (effect,) = plan.effects
    assert effect.agent == agent
    assert [grant.conditions for grant in effect.ended] == [[]]
    assert [grant.conditions for grant in effect.begins] == [["intent_is(Incident)"]]
    assert read(instance).allowed  # Nothing was done yet.
    change(stella, made, harder, expected=plan.digest)
    assert read(instance).reason == "condition_not_met"
    assert revoked(agent) == before + 1
    made.refresh_from_db()
    assert made.current is not None
    assert (made.current.number, made.versions.count()) == (2, 2)
    assert events("agent_role.changed")[-1].object == f"agent_role/{made.pk}"


def test_a_change_does_what_was_shown_or_nothing(instance: AgentInstance, stella: Person) -> None:
    made = role(stella)
    harder = conditional(READS, ["intent_is(Incident)"])
    plan = agent_roles.plan(actor=stella, role=made, permissions=permissions(harder))
    assign(stella, instance.agent, made)
    with pytest.raises(Conflict, match="look again"):
        change(stella, made, harder, expected=plan.digest)
    assert read(instance).allowed
    with pytest.raises(Conflict, match="says this already"):
        change(stella, made, READS)


def test_a_role_speaks_of_the_catalogue_alone(instance: AgentInstance, stella: Person) -> None:
    with pytest.raises(Invalid) as caught:
        role(stella, "lost", {"resource": "nowhere", "actions": ["read"]})
    assert caught.value.fields == {"0.resource": "nowhere does not exist in the resource catalogue"}
    with pytest.raises(Invalid) as caught:
        role(stella, "lost", {"resource": "nvd", "actions": ["read", "delete"]})
    assert caught.value.fields == {"0.actions": "delete cannot be done on nvd; it offers read"}


def test_what_is_in_use_does_not_end(instance: AgentInstance, stella: Person) -> None:
    made = role(stella)
    nvd = live_resources().get(name="nvd")
    with pytest.raises(Conflict, match="Roles speak of nvd: analyst"):
        resources.end(actor=stella, resource=nvd, reason="It is gone.")
    held = assign(stella, instance.agent, made)
    with pytest.raises(Conflict, match="1 agents hold analyst"):
        agent_roles.end(actor=stella, role=made, reason="Nobody needs it.")
    role_assignments.end(actor=stella, assignment=held, reason="Over.")
    agent_roles.end(actor=stella, role=made, reason="Nobody needs it.")
    with pytest.raises(Invalid, match="has ended"):
        assign(stella, instance.agent, made)


@pytest.mark.parametrize("name", ["olivia", "oscar", "aude"])
def test_others_keep_no_roles(instance: AgentInstance, name: str, request: pytest.FixtureRequest) -> None:
    person = request.getfixturevalue(name)
    with pytest.raises(Denied):
        role(person)
    with pytest.raises(Denied):
        roles.resource(person, "theirs", "table/theirs")


# --- Writing ----------------------------------------------------------------------------------------------
def test_a_role_gives_the_right_to_ask_and_no_write(
    instance: AgentInstance, stella: Person, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    assign(stella, instance.agent, role(stella, "opener", ASKS))
    refused = write(instance, on)
    assert (refused.reason, refused.requestable) == ("no_elevation", True)
    elevate(olivia, instance.agent, on, members[:2])
    assert write(instance, on).allowed
    assert not Grant.objects.filter(access=Access.WRITE).exclude(assignment=None).exists()


def test_without_that_right_nothing_is_asked_for(
    instance: AgentInstance, stella: Person, olivia: Person
) -> None:
    assign(stella, instance.agent, role(stella, "reader", OTHER))
    refused = write(instance, resource())
    assert (refused.reason, refused.requestable) == ("not_in_role", False)
    with pytest.raises(Denied, match="do not give the right to ask for open_ticket"):
        request(olivia, instance.agent, resource())


def test_conditions_bind_a_write_under_an_elevation_too(
    instance: AgentInstance, stella: Person, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    assign(stella, instance.agent, role(stella, "opener", conditional(ASKS, ["same_department_only"])))
    elevate(olivia, instance.agent, on, members[:2])
    asking = question(instance, TICKET, on, Access.WRITE)
    refused = decision_point.decide(asking)
    assert (refused.reason, refused.requestable) == ("condition_not_met", False)
    said = {"department": instance.agent.business_unit}
    assert decision_point.decide(replace(asking, context=said)).allowed


# --- The board's next approval, and the end ---------------------------------------------------------------
def test_an_approval_gives_by_role_what_roles_speak_of(
    submitted: Approval, members: list[Person], stella: Person
) -> None:
    catalogue(stella)
    assign(stella, submitted.agent, role(stella, "analyst", conditional(READS, ["within_task"])))
    for member in members:
        cast(member, submitted)
    agent = Agent.objects.get(pk=submitted.agent_id)
    (grant,) = Grant.objects.filter(agent=agent, action=LOOKUP[0])
    assert (grant.conditions, grant.approval) == (["within_task"], submitted)
    instance = start_instance(agent)
    assert read(instance).allowed
    assert decision_point.decide(replace(question(instance), task_id=None)).reason == "condition_not_met"


def test_a_retired_agent_holds_no_role(instance: AgentInstance, stella: Person, olivia: Person) -> None:
    held = assign(stella, instance.agent, role(stella))
    lifecycle.retire(actor=olivia, agent=instance.agent, reason="Replaced.")
    held.refresh_from_db()
    assert held.ended_at is not None
    with pytest.raises(Conflict, match="is retired"):
        assign(stella, instance.agent, role(stella, "another"))


# --- Wildcards --------------------------------------------------------------------------------------------
def test_a_wildcard_needs_an_exception_and_ends_with_it(
    instance: AgentInstance, stella: Person, ada: Person
) -> None:
    with pytest.raises(Invalid, match="is a wildcard"):
        roles.resource(stella, "everything", "endpoint/*")
    until = timezone.now() + timedelta(days=3)
    with pytest.raises(Denied):
        scope_exceptions.grant(actor=stella, reference="endpoint/*", reason="I like it.", until=until)
    leave = scope_exceptions.grant(actor=ada, reference="endpoint/*", reason="A migration.", until=until)
    roles.resource(stella, "everything", "endpoint/*")
    assign(stella, instance.agent, role(stella, "all", {"resource": "everything", "actions": ["read"]}))
    grant = Grant.objects.exclude(assignment=None).get(action=LOOKUP[0])
    assert (grant.resource, grant.ends_at, grant.exception) == ("endpoint/nvd", until, leave)
    assert read(instance).allowed
    scope_exceptions.end(actor=ada, exception=leave, reason="The migration is done.")
    assert not read(instance).allowed


@pytest.mark.parametrize(
    ("reference", "days", "field"),
    [
        ("endpoint/nvd", 1, "reference"),
        ("*", 1, "reference"),
        ("*/x", 1, "reference"),
        ("a b/*", 1, "reference"),
        ("endpoint/*", 0, "until"),
        ("endpoint/*", 91, "until"),
    ],
)
def test_an_exception_is_narrow_and_ends(ada: Person, reference: str, days: int, field: str) -> None:
    until = timezone.now() + timedelta(days=days)
    with pytest.raises(Invalid) as caught:
        scope_exceptions.grant(actor=ada, reference=reference, reason="Why not.", until=until)
    assert set(caught.value.fields) == {field}


def test_looking_at_an_assignment_changes_nothing(instance: AgentInstance, stella: Person) -> None:
    harder = role(stella, "analyst", conditional(READS, ["within_task"]))
    effect = role_assignments.plan(actor=stella, agent=instance.agent, terms=Terms(role=harder)).effect
    assert [(grant.action, grant.conditions) for grant in effect.ended] == [(LOOKUP[0], [])]
    assert [(grant.action, grant.conditions) for grant in effect.begins] == [(LOOKUP[0], ["within_task"])]
    assert open_reads(instance.agent) == {"endpoint/nvd": False}
