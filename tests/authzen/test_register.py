"""Agents of the register, asked about over HTTP: the same decisions as the product's own gateway gets."""

from typing import Any

import pytest
from django.utils import timezone

from agents.models import Agent, AgentInstance, Person
from governance.models import Decision, Elevation, EnforcementPoint, Grant
from governance.services import enforcement_points
from tests.authzen.asking import EVALUATION, SYSTEM, Asker
from tests.governance.story import TICKET, elevate, events, resource, start_instance

pytestmark = pytest.mark.django_db
LOOKUP = {"name": "get_vulnerability_info"}
NVD = {"type": "endpoint", "id": "nvd"}


@pytest.fixture
def instance(active_analyst: Agent) -> AgentInstance:
    return start_instance(active_analyst)


def subject(instance: AgentInstance) -> dict[str, str]:
    return {"type": "agent_instance", "id": instance.spiffe_id}


def named(agent: Agent, **properties: str) -> dict[str, Any]:
    return {"type": "agent", "id": agent.slug, "properties": properties}


def reason(
    asker: Asker, who: dict[str, Any], action: dict[str, Any] = LOOKUP, on: Any = NVD, **context: str
) -> str:
    answer = asker.ask(EVALUATION, {"subject": who, "action": action, "resource": on, "context": context})
    assert Decision.objects.get(pk=answer["context"]["evaluation_id"]).enforcement_point == asker.point
    return str(answer["context"]["reason"])


def ticket_on(on: str) -> dict[str, Any]:
    kind, _, name = on.partition("/")
    return {"action": {"name": TICKET}, "on": {"type": kind, "id": name}}


def test_an_agent_reads_what_it_was_granted(asker: Asker, instance: AgentInstance) -> None:
    assert reason(asker, subject(instance)) == "allowed_by_grant"
    assert reason(asker, named(instance.agent)) == "allowed_by_grant"
    assert reason(asker, named(instance.agent, instance=instance.spiffe_id)) == "allowed_by_grant"
    assert (
        reason(asker, named(instance.agent), on={"type": "endpoint", "id": "crm"})
        == "function_not_in_manifest"
    )
    assert reason(asker, named(instance.agent), {"name": "drop"}) == "function_not_in_manifest"


def test_a_write_needs_an_elevation_and_takes_a_use(
    asker: Asker, instance: AgentInstance, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    assert reason(asker, subject(instance), **ticket_on(on)) == "no_elevation"
    elevation = elevate(olivia, instance.agent, on, members[:2])
    assert reason(asker, subject(instance), **ticket_on(on)) == "allowed_by_elevation"
    assert Elevation.objects.get(pk=elevation.pk).used == 1
    assert reason(asker, subject(instance), **ticket_on(on)) == "budget_spent"


def test_a_write_is_not_a_read_because_the_caller_says_so(asker: Asker, instance: AgentInstance) -> None:
    lie = {"name": TICKET, "properties": {"access": "read"}}
    assert reason(asker, subject(instance), lie, {"type": "finding", "id": "1"}) == "function_not_in_manifest"


def test_a_requestable_denial_says_so(asker: Asker, instance: AgentInstance) -> None:
    body = {
        "subject": subject(instance),
        "action": {"name": TICKET},
        "resource": {"type": "finding", "id": "1"},
    }
    assert asker.ask(EVALUATION, body)["context"]["requestable"] is True


def test_agents_that_are_unknown_or_never_ran_may_nothing(asker: Asker, active_analyst: Agent) -> None:
    assert reason(asker, {"type": "agent", "id": "nobody"}) == "agent_unknown"
    assert reason(asker, {"type": "agent_instance", "id": "spiffe://nobody"}) == "agent_unknown"
    assert reason(asker, named(active_analyst)) == "instance_not_live"
    assert events("decision.made", "denied")[-1].stream == active_analyst.stream


def test_a_copy_that_ended_or_is_of_another_agent_may_nothing(asker: Asker, instance: AgentInstance) -> None:
    assert reason(asker, named(instance.agent, instance="spiffe://other")) == "instance_not_live"
    AgentInstance.objects.update(ended_at=timezone.now())
    assert reason(asker, subject(instance)) == "instance_not_live"
    assert reason(asker, named(instance.agent)) == "instance_not_live"


def test_an_owner_who_left_ends_it(asker: Asker, instance: AgentInstance) -> None:
    Person.objects.filter(pk=instance.agent.owner_id).update(is_active=False)
    assert reason(asker, subject(instance)) == "owner_not_active"


def test_policies_have_no_say_over_agents(asker: Asker, certified: object, instance: AgentInstance) -> None:
    record = {"type": "record", "id": "record-1"}
    assert reason(asker, subject(instance), {"name": "read"}, record) == "function_not_in_manifest"


def test_searches_over_agents(asker: Asker, instance: AgentInstance) -> None:
    slug = instance.agent.slug
    assert asker.finds("subject", subject={"type": "agent"}, action=LOOKUP, resource=NVD) == [slug]
    copies = asker.finds("subject", subject={"type": "agent_instance"}, action=LOOKUP, resource=NVD)
    assert copies == [instance.spiffe_id]
    assert (
        asker.finds("subject", subject={"type": "agent"}, action=LOOKUP, resource={"type": "x", "id": "y"})
        == []
    )
    found = asker.finds("resource", subject=subject(instance), action=LOOKUP, resource={"type": "endpoint"})
    assert found == ["nvd"]
    assert asker.finds("action", subject=subject(instance), resource=NVD) == ["get_vulnerability_info"]


def test_which_agents_can_write_here_spends_nothing(
    asker: Asker, instance: AgentInstance, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    who = {"subject": {"type": "agent"}, "action": {"name": TICKET}, "resource": ticket_on(on)["on"]}
    assert asker.finds("subject", **who) == []
    elevation = elevate(olivia, instance.agent, on, members[:2])
    before = Decision.objects.count()
    assert asker.finds("subject", **who) == [instance.agent.slug]
    assert Elevation.objects.get(pk=elevation.pk).used == 0
    assert Decision.objects.count() == before
    reaches = asker.finds(
        "resource", subject=subject(instance), action={"name": TICKET}, resource={"type": "finding"}
    )
    assert reaches == [ticket_on(on)["on"]["id"]]


def test_a_search_ends_with_the_grant(asker: Asker, instance: AgentInstance) -> None:
    Grant.objects.update(ends_at=timezone.now())
    assert asker.finds("subject", subject={"type": "agent"}, action=LOOKUP, resource=NVD) == []
    assert asker.finds("action", subject=subject(instance), resource=NVD) == []


def test_its_task_and_intent_are_kept(asker: Asker, instance: AgentInstance) -> None:
    task = "018f2f6e-7c1e-7000-8000-000000000001"
    reason(asker, subject(instance), task_id=task, intent="Look it up.")
    decision = Decision.objects.latest("decided_at")
    assert (str(decision.task_id), decision.intent) == (task, "Look it up.")
    reason(asker, subject(instance), task_id="no task")
    assert Decision.objects.latest("decided_at").task_id is None


# --- S4-5 ---------------------------------------------------------------------------------------------
ABAC = "/access/v1/abac"


def s45(agent: Agent, **changed: Any) -> dict[str, Any]:
    attributes = {
        "human_owner_id": agent.owner.username,
        "task_intent": "Incident_Remediation_Ticket_Update",
        "time_frame": "2025-10-15T14:00Z",
    }
    return {
        "Principal": agent.slug,
        "Action_Requested": LOOKUP["name"],
        "Context_Attribute": attributes | changed.pop("attributes", {}),
        "Policy_Decision": "ALLOW | DENY",
        **changed,
    }


def test_the_abac_shape_is_answered_with_its_decision(asker: Asker, instance: AgentInstance) -> None:
    question = s45(instance.agent)
    answer = asker.ask(ABAC, question)
    assert {name: answer[name] for name in question} == {**question, "Policy_Decision": "ALLOW"}
    decision = Decision.objects.get(pk=answer["Evaluation_Id"])
    assert (decision.resource, decision.intent) == ("endpoint/nvd", "Incident_Remediation_Ticket_Update")
    assert asker.ask(ABAC, s45(instance.agent, Principal=instance.spiffe_id))["Policy_Decision"] == "ALLOW"
    owner = {"human_owner_id": str(instance.agent.owner_id)}
    assert asker.ask(ABAC, s45(instance.agent, attributes=owner))["Policy_Decision"] == "ALLOW"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"attributes": {"human_owner_id": "user_A123"}}, "owner_differs"),
        ({"Principal": "ai_agent_001"}, "agent_unknown"),
        ({"Action_Requested": "WRITE_TO_CRM_DB"}, "function_not_in_manifest"),
        ({"Action_Requested": TICKET}, "function_not_in_manifest"),
        ({"Action_Requested": TICKET, "attributes": {"resource": "finding/1"}}, "no_elevation"),
        ({"attributes": {"resource": "endpoint/crm"}}, "function_not_in_manifest"),
    ],
)
def test_the_abac_shape_is_denied_by_default(
    changed: dict[str, Any], code: str, asker: Asker, instance: AgentInstance
) -> None:
    answer = asker.ask(ABAC, s45(instance.agent, **changed))
    assert (answer["Policy_Decision"], answer["Reason"]) == ("DENY", code)
    assert Decision.objects.get(pk=answer["Evaluation_Id"]).allowed is False


@pytest.mark.parametrize(
    "changed",
    [
        {"Principal": None},
        {"Principal": 1},
        {"Action_Requested": ""},
        {"Context_Attribute": None},
        {"Context_Attribute": {}},
        {"attributes": {"time_frame": "tomorrow"}},
        {"attributes": {"human_owner_id": ""}},
        {"attributes": {"task_intent": 1}},
        {"attributes": {"resource": "none"}},
        {"attributes": {"resource": 5}},
    ],
)
def test_the_abac_shape_is_read_strictly(
    changed: dict[str, Any], asker: Asker, instance: AgentInstance
) -> None:
    asker.refuses(ABAC, s45(instance.agent, **changed))
    assert not Decision.objects.exists()


def test_one_who_asks_is_seen(asker: Asker, instance: AgentInstance) -> None:
    assert asker.point.last_seen_at is None
    reason(asker, subject(instance))
    seen = EnforcementPoint.objects.get(pk=asker.point.pk).last_seen_at
    reason(asker, subject(instance))
    assert EnforcementPoint.objects.get(pk=asker.point.pk).last_seen_at == seen
    enforcement_points.revoke(actor=SYSTEM, point=asker.point)
    asker.refuses(EVALUATION, {}, status=401)
