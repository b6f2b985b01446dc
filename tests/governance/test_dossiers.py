"""Submitting a dossier, and what the board's answer does."""

from dataclasses import replace

import orjson
import pytest

from agents.analyst import provenance
from agents.choices import AgentState
from agents.models import Agent, AgentVersion, Person
from agents.services import register
from audits import canonical
from audits.errors import Conflict, Denied, Invalid
from governance import contents, selectors
from governance.choices import ApprovalState, ElevationEnd, VoteChoice
from governance.models import Approval, Grant, RiskClass
from governance.services import dossiers, risk
from tests.conftest import ANSWERS
from tests.governance.story import cast, describe, elevate, events, resource, version_of

pytestmark = pytest.mark.django_db


def next_version(actor: Person, agent: Agent, **changes: str) -> AgentVersion:
    built = replace(provenance.current(), **({"image_digest": "sha256:" + "1" * 64} | changes))  # type: ignore[arg-type]
    version = register.add_version(actor=actor, agent=agent, label="1.1.0", provenance=built)
    describe(actor, version)
    return version


def test_submitting_freezes_the_dossier(submitted: Approval, analyst_version: AgentVersion) -> None:
    content = orjson.loads(submitted.content)
    assert canonical.dumps(content) == submitted.content.encode()
    assert canonical.digest(content) == submitted.digest
    assert content["agent"]["purpose"] == submitted.agent.purpose
    assert content["version"]["digest"] == analyst_version.digest
    assert [item["name"] for item in content["version"]["tool_manifest"]] == [
        item["name"] for item in analyst_version.tool_manifest
    ]
    assert [item["action"] for item in content["writes"]] == ["open_ticket"]
    assert content["risk"]["level"] == "medium"
    assert content["terms"]["rule"] == submitted.rule
    assert submitted.rule["quorum"] == 5


def test_submitting_puts_the_agent_in_review(submitted: Approval, olivia: Person, daniel: Person) -> None:
    assert Agent.objects.get(pk=submitted.agent_id).state == AgentState.IN_REVIEW
    assert set(submitted.excluded) == {str(olivia.pk), str(daniel.pk)}
    event = events("approval.requested")[-1]
    assert event.details["digest"] == submitted.digest
    assert event.details["excluded"] == submitted.excluded


def test_an_administrator_who_submits_is_excluded_too(
    ada: Person, analyst: Agent, analyst_version: AgentVersion, olivia: Person
) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    approval = dossiers.submit(actor=ada, version=analyst_version)
    assert str(ada.pk) in approval.excluded


def test_outsiders_do_not_submit(oscar: Person, analyst: Agent, analyst_version: AgentVersion) -> None:
    with pytest.raises(Denied):
        dossiers.submit(actor=oscar, version=analyst_version)
    assert events("version.submitted", "denied")[-1].object == f"version/{analyst_version.pk}"


def test_without_a_risk_assessment_there_is_nothing_to_submit(
    olivia: Person, analyst_version: AgentVersion
) -> None:
    with pytest.raises(Invalid, match="risk assessment"):
        dossiers.submit(actor=olivia, version=analyst_version)


def test_without_an_active_owner_either(
    daniel: Person, olivia: Person, analyst: Agent, analyst_version: AgentVersion
) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    Person.objects.filter(pk=olivia.pk).update(is_active=False)
    with pytest.raises(Denied, match="no owner, no access"):
        dossiers.submit(actor=daniel, version=analyst_version)


@pytest.mark.parametrize("state", [AgentState.FROZEN, AgentState.RETIRED])
def test_nothing_is_submitted_for_an_agent_that_is_out_of_use(
    state: AgentState, olivia: Person, analyst: Agent, analyst_version: AgentVersion
) -> None:
    Agent.objects.filter(pk=analyst.pk).update(state=state)
    with pytest.raises(Conflict, match=state.label.lower()):
        dossiers.submit(actor=olivia, version=analyst_version)


@pytest.mark.parametrize(
    "functions",
    [
        "everything",
        ["everything"],
        [{"name": "a", "access": "read", "resource": "r"}] * 2,
        [{"name": "", "access": "read", "resource": "r"}],
        [{"name": "a", "access": "admin", "resource": "r"}],
        [{"name": "a", "access": "read"}],
    ],
)
def test_a_manifest_that_cannot_be_read_is_refused(
    functions: object, olivia: Person, analyst: Agent, analyst_version: AgentVersion
) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    AgentVersion.objects.filter(pk=analyst_version.pk).update(tool_manifest=functions)
    with pytest.raises(Invalid, match="manifest") as refusal:
        dossiers.submit(actor=olivia, version=analyst_version)
    assert "tool_manifest" in refusal.value.fields


def test_what_cannot_be_written_canonically_is_refused(
    olivia: Person, analyst: Agent, analyst_version: AgentVersion
) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    Agent.objects.filter(pk=analyst.pk).update(data_categories=[0.5])
    with pytest.raises(Invalid, match="cannot be put before people"):
        dossiers.submit(actor=olivia, version=analyst_version)


def test_a_class_that_no_board_could_satisfy_is_refused(
    olivia: Person, analyst: Agent, analyst_version: AgentVersion
) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    RiskClass.objects.update(quorum=6)
    with pytest.raises(Invalid, match="quorum must be"):
        dossiers.submit(actor=olivia, version=analyst_version)


def test_the_same_dossier_is_not_submitted_twice(submitted: Approval, olivia: Person, sasha: Person) -> None:
    cast(sasha, submitted)
    with pytest.raises(Conflict, match="before the board already"):
        dossiers.submit(actor=olivia, version=AgentVersion.objects.get(pk=submitted.subject_id))
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.PENDING


def test_a_newer_submission_voids_the_older(submitted: Approval, olivia: Person) -> None:
    newer = dossiers.submit(actor=olivia, version=next_version(olivia, submitted.agent))
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.VOIDED
    assert newer.state == ApprovalState.PENDING
    assert Agent.objects.get(pk=submitted.agent_id).state == AgentState.IN_REVIEW


def test_an_approved_version_is_not_submitted_again_as_it_is(active_analyst: Agent, olivia: Person) -> None:
    with pytest.raises(Conflict, match="approved and active"):
        dossiers.submit(actor=olivia, version=version_of(active_analyst))


def test_an_approved_version_is_submitted_again_after_an_edit(active_analyst: Agent, olivia: Person) -> None:
    Agent.objects.filter(pk=active_analyst.pk).update(purpose="Something else.")
    approval = dossiers.submit(actor=olivia, version=version_of(active_analyst))
    assert [difference.path for difference in selectors.differences(approval)] == ["agent.purpose"]


def test_an_edit_voids_the_request_at_the_next_vote(submitted: Approval, sasha: Person, leo: Person) -> None:
    cast(sasha, submitted)
    Agent.objects.filter(pk=submitted.agent_id).update(purpose="Something wider.")
    with pytest.raises(Conflict, match="edited since"):
        cast(leo, submitted)
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.VOIDED
    assert Agent.objects.get(pk=submitted.agent_id).state == AgentState.DRAFT
    assert events("approval.resolved")[-1].details["state"] == "voided"


def test_another_owner_voids_the_request(submitted: Approval, oscar: Person, leo: Person) -> None:
    Agent.objects.filter(pk=submitted.agent_id).update(owner=oscar)
    with pytest.raises(Conflict, match="closed"):
        cast(leo, submitted)


def test_another_risk_class_voids_the_request(submitted: Approval, olivia: Person, leo: Person) -> None:
    graver = {**ANSWERS, "data_sensitivity": "special"}
    risk.assess(actor=olivia, agent=submitted.agent, answers=graver)
    with pytest.raises(Conflict, match="voided by an edit"):
        cast(leo, submitted)


def test_the_same_answers_again_change_nothing(submitted: Approval, olivia: Person, leo: Person) -> None:
    risk.assess(actor=olivia, agent=submitted.agent, answers=ANSWERS)
    cast(leo, submitted)


def test_a_name_that_is_shown_is_not_what_is_approved(
    submitted: Approval, olivia: Person, leo: Person
) -> None:
    Person.objects.filter(pk=olivia.pk).update(last_name="Married")
    cast(leo, submitted)


def test_a_rejected_version_leaves_an_active_agent_as_it_was(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    approval = dossiers.submit(actor=olivia, version=next_version(olivia, active_analyst))
    cast(members[0], approval, VoteChoice.REJECT)
    agent = Agent.objects.get(pk=active_analyst.pk)
    assert agent.state == AgentState.ACTIVE
    assert agent.active_version_id == active_analyst.active_version_id
    assert selectors.approved_dossier(agent) is not None


def test_a_new_version_replaces_grants_and_ends_writes(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    RiskClass.objects.update(rollout_steps=[100])
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    old = set(Grant.objects.filter(access="read").values_list("pk", flat=True))
    approval = dossiers.submit(actor=olivia, version=next_version(olivia, active_analyst))
    for member in members:
        cast(member, approval)
    elevation.refresh_from_db()
    assert elevation.end_reason == ElevationEnd.CHANGED
    assert not Grant.objects.filter(pk__in=old, ends_at__isnull=True).exists()
    assert Grant.objects.filter(ends_at__isnull=True, approval=approval).count() == 2
    assert not Grant.objects.filter(elevation=elevation, ends_at__gt=elevation.ended_at).exists()


def test_differences_name_fields_and_functions(active_analyst: Agent, olivia: Person) -> None:
    built = provenance.current()
    functions = [dict(item) for item in built.tool_manifest]
    functions[0]["description"] = "Something new."
    changed = replace(built, model_name="another-model", tool_manifest=functions)
    version = register.add_version(actor=olivia, agent=active_analyst, label="2.0.0", provenance=changed)
    describe(olivia, version)
    found = {
        item.path: item for item in selectors.differences(dossiers.submit(actor=olivia, version=version))
    }
    assert found["version.model_name"].after == "another-model"
    assert found["version.model_name"].before == built.model_name
    assert found[f"version.tool_manifest[{functions[0]['name']}].description"].after == "Something new."
    assert set(found) >= {"version.label", "version.id", "version.digest"}


def test_the_first_dossier_differs_from_nothing(submitted: Approval) -> None:
    assert selectors.differences(submitted) == []


def test_a_class_that_asks_for_less_changes_nothing_that_was_frozen(submitted: Approval) -> None:
    RiskClass.objects.update(quorum=1, seats=[])
    submitted.refresh_from_db()
    assert contents.is_intact(submitted)
    assert selectors.tally(submitted).missing_people == 5
