"""An assignment of a role is looked at before it is made: what it gives and cannot; what was shown binds."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from agents.models import Agent, Person
from audits.errors import Conflict, Denied, Invalid
from audits.models import Event
from governance.choices import AssignmentKind, Sensitivity, Withholding
from governance.models import AgentRole, Grant, RoleAssignment
from governance.services import agent_roles, resources, role_assignments, scope_exceptions
from governance.services.assignment_plans import Plan
from governance.services.role_assignments import Terms
from tests.governance.roles import (
    ASKS,
    READS,
    assign,
    catalogue,
    change,
    conditional,
    resource,
    role,
)
from tests.governance.story import LOOKUP, TICKET
from tests.governance.test_admin import page, sign_in
from tests.portal import work

pytestmark = pytest.mark.django_db
ASSESSED = "assess_vulnerability on endpoint/assessments"
LOOKED_UP, ASKED = " on ".join(LOOKUP[:2]), "open_ticket on finding/{finding_id}"


@pytest.fixture
def agent(active_analyst: Agent, stella: Person) -> Agent:
    catalogue(stella)
    return active_analyst


def plan(steward: Person, agent: Agent, of: AgentRole, **terms: Any) -> Plan:
    return role_assignments.plan(actor=steward, agent=agent, terms=Terms(role=of, **terms))


def withheld(found: Plan) -> list[tuple[Withholding, str, str]]:
    return [(each.reason, each.action, each.resource) for each in found.withheld]


# --- What it says -------------------------------------------------------------------------------------------
def test_reads_that_stay_end_and_begin(agent: Agent, stella: Person) -> None:
    found = plan(stella, agent, role(stella, "analyst", conditional(READS, ["within_task"])))
    assert [str(grant) for grant in found.effect.ended] == [LOOKED_UP]
    assert [grant.conditions for grant in found.effect.begins] == [["within_task"]]
    assert [str(grant) for grant in found.stays] == [ASSESSED]
    assert (found.asks, found.lost, found.withheld) == ((), (), ())
    elsewhere = plan(stella, agent, role(stella, "opener", ASKS))
    assert [str(grant) for grant in elsewhere.stays] == [ASSESSED, LOOKED_UP]
    assert not elsewhere.effect.begins


def test_a_write_is_asked_for_and_never_standing(agent: Agent, stella: Person) -> None:
    found = plan(stella, agent, role(stella, "opener", conditional(ASKS, ["within_task"])))
    assert [(str(right), right.conditions) for right in found.asks] == [(ASKED, ("within_task",))]
    assert withheld(found) == [(Withholding.STANDING_WRITE, TICKET, "finding/{finding_id}")]
    assert not found.lost


def test_what_may_not_be_asked_for_any_more_is_said(agent: Agent, stella: Person) -> None:
    found = plan(stella, agent, role(stella, "reader", {"resource": "findings", "actions": ["read"]}))
    assert [str(right) for right in found.lost] == [ASKED]
    assert [reason for reason, _, _ in withheld(found)] == [Withholding.NOT_APPROVED]
    assign(stella, agent, role(stella, "opener", ASKS))
    assert not plan(stella, agent, AgentRole.objects.get(name="reader")).lost


def test_a_wildcard_without_an_exception_gives_nothing(agent: Agent, stella: Person, ada: Person) -> None:
    until = timezone.now() + timedelta(days=2)
    leave = scope_exceptions.grant(actor=ada, reference="endpoint/*", reason="A migration.", until=until)
    resource(stella, "everything", "endpoint/*")
    wide = role(stella, "wide", {"resource": "everything", "actions": ["read"]})
    found = plan(stella, agent, wide)
    assert {grant.ends_at for grant in found.effect.begins} == {until}
    assert not found.withheld
    scope_exceptions.end(actor=ada, exception=leave, reason="Done.")
    found = plan(stella, agent, wide)
    assert withheld(found) == [(Withholding.WILDCARD, "", "endpoint/*")]
    assert found.withheld[0].message == "Nobody has granted an exception for endpoint/*, or it is over."
    assert not found.effect.begins


@pytest.mark.parametrize(("limit", "is_above"), [("public", True), ("internal", False)])
def test_what_is_above_the_class_that_it_allows_is_said(
    agent: Agent, stella: Person, limit: str, *, is_above: bool
) -> None:
    found = plan(
        stella, agent, role(stella, "careful", conditional(READS, [f"sensitivity_at_most({limit})"]))
    )
    said = [(Withholding.SENSITIVITY, LOOKUP[0], "endpoint/nvd")]
    assert withheld(found) == (said if is_above else [])


def test_of_a_template_the_most_sensitive_part_counts(agent: Agent, stella: Person) -> None:
    resource(stella, "secret_finding", "finding/1", sensitivity=Sensitivity.RESTRICTED)
    limited = conditional(ASKS, ["sensitivity_at_most(confidential)"])
    found = plan(stella, agent, role(stella, "opener", limited))
    [above] = [each for each in found.withheld if each.reason == Withholding.SENSITIVITY]
    assert above.message == (
        "It, or some of it, is restricted: sensitivity_at_most(confidential) is not met there."
    )


def test_what_the_board_did_not_approve_or_the_catalogue_lost_is_said(agent: Agent, stella: Person) -> None:
    payroll = resource(stella, "payroll", "table/payroll")
    curious = role(stella, "curious", {"resource": "payroll", "actions": ["read"]}, READS)
    found = plan(stella, agent, curious)
    assert withheld(found) == [(Withholding.NOT_APPROVED, "", "table/payroll")]
    change(stella, curious, READS)
    resources.end(actor=stella, resource=payroll, reason="It is gone.")
    tampered = curious.versions.get(number=1)
    AgentRole.objects.filter(pk=curious.pk).update(current=tampered)
    curious.refresh_from_db()
    assert withheld(plan(stella, agent, curious)) == [(Withholding.UNKNOWN, "", "payroll")]


def test_without_an_approval_nothing_is_given(stella: Person, olivia: Person) -> None:
    catalogue(stella)
    found = plan(stella, work.agent(olivia), role(stella))
    assert withheld(found) == [(Withholding.NOT_APPROVED, "", "endpoint/nvd")]
    assert not found.effect.begins


def test_a_hybrid_is_looked_at_with_both_roles(agent: Agent, stella: Person) -> None:
    found = plan(
        stella, agent, role(stella), addition=role(stella, "opener", ASKS), kind=AssignmentKind.HYBRID,
        conditions=["intent_is(Incident)"],
    )  # fmt: skip
    assert [right.conditions for right in found.asks] == [("intent_is(Incident)",)]
    assert len(found.effect.begins) == 1


# --- It is bound to what was shown --------------------------------------------------------------------------
def test_exactly_what_was_shown_is_assigned(agent: Agent, stella: Person) -> None:
    made, before = role(stella), Event.objects.count()
    digest = plan(stella, agent, made).digest
    assert plan(stella, agent, made).digest == digest
    assert (Event.objects.count(), RoleAssignment.objects.count()) == (before, 0)
    terms: dict[str, Any] = {
        "actor": stella,
        "agent": agent,
        "terms": Terms(role=made),
        "reason": "Its work.",
    }
    change(stella, made, conditional(READS, ["within_task"]))
    with pytest.raises(Conflict, match="look again"):
        role_assignments.assign(**terms, expected=digest)
    made.refresh_from_db()
    terms["terms"] = Terms(role=made)
    role_assignments.assign(**terms, expected=plan(stella, agent, made).digest)
    assert Grant.objects.get(assignment__isnull=False).conditions == ["within_task"]


@pytest.mark.parametrize(
    "other",
    [
        {"ends_at": timezone.now() + timedelta(days=3)},
        {"starts_at": timezone.now() + timedelta(days=3)},
        {"kind": AssignmentKind.DYNAMIC, "conditions": ["within_task"]},
    ],
)
def test_other_terms_are_another_plan(agent: Agent, stella: Person, other: Mapping[str, Any]) -> None:
    made = role(stella)
    assert plan(stella, agent, made, **other).digest != plan(stella, agent, made).digest


def test_who_may_not_assign_is_shown_nothing(
    agent: Agent, *, stella: Person, olivia: Person, aude: Person
) -> None:
    made = role(stella)
    for person in (olivia, aude):
        with pytest.raises(Denied):
            plan(person, agent, made)
    with pytest.raises(Invalid):
        plan(stella, agent, made, conditions=["within_task"])
    assign(stella, agent, made)
    with pytest.raises(Conflict, match="already"):
        plan(stella, agent, made)
    other = role(stella, "other", ASKS)
    agent_roles.end(actor=stella, role=other, reason="No.")
    other.refresh_from_db()
    with pytest.raises(Invalid, match="has ended"):
        plan(stella, agent, other)


# --- On the page --------------------------------------------------------------------------------------------
def digest_in(text: str) -> str:
    return text.split('name="expected" value="')[1].split('"', maxsplit=1)[0]


def given(agent: Agent, of: AgentRole) -> dict[str, str]:
    return {"agent": agent.slug, "role": str(of.pk), "kind": "static", "reason": work.HOSTILE}


def test_the_page_shows_it_before_anything_is_saved(agent: Agent, stella: Person) -> None:
    client = sign_in(stella)
    made = role(stella, "analyst", conditional(READS, ["within_task"]), ASKS)
    before = Event.objects.count()
    text = client.post(page("roleassignment_add"), given(agent, made)).content.decode()
    for words in (LOOKED_UP, "within_task", "The board", "Ends", "Begins", ASKED, "No standing write"):
        assert words in text
    assert "Assign exactly this" in text
    assert "<script>alert(1)" not in text
    assert (Event.objects.count(), RoleAssignment.objects.count()) == (before, 0)
    answered = client.post(page("roleassignment_add"), given(agent, made) | {"expected": digest_in(text)})
    assert answered.headers["Location"] == page("roleassignment_change", RoleAssignment.objects.get().pk)


def test_what_was_not_shown_is_not_assigned(agent: Agent, stella: Person) -> None:
    client, made, other = sign_in(stella), role(stella), role(stella, "opener", ASKS)
    text = client.post(page("roleassignment_add"), given(agent, made)).content.decode()
    changed = given(agent, other) | {"expected": digest_in(text)}
    text = client.post(page("roleassignment_add"), changed).content.decode()
    assert "Stays" in text
    assert not RoleAssignment.objects.exists()
    change(stella, other, ASKS, READS)
    text = client.post(
        page("roleassignment_add"), given(agent, other) | {"expected": digest_in(text)}
    ).content.decode()
    assert "Begins" in text
    assert not RoleAssignment.objects.exists()


def test_a_role_that_gives_nothing_says_so(client: Client, stella: Person, olivia: Person) -> None:
    catalogue(stella)
    agent, made = work.agent(olivia), role(stella)
    text = sign_in(stella).post(page("roleassignment_add"), given(agent, made)).content.decode()
    assert "None, and this role gives none." in text
    assert "The board did not approve it" in text
