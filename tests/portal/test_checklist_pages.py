"""The deployment checklist by clicking: what is missing, with the way to mend it; signing; submitting."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from agents.analyst import provenance
from agents.models import Agent, AgentVersion, Person, VersionTest
from agents.services import register
from governance.choices import Gate
from governance.models import Approval, GateSignature, Pipeline
from governance.services import dossiers, risk
from tests.ci.asking import Asker, run_of
from tests.conftest import ANSWERS
from tests.governance import ready
from tests.governance.story import describe
from tests.portal import work

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(olivia: Person, analyst: Agent, analyst_version: AgentVersion) -> AgentVersion:
    """Of the analyst, assessed; nothing else is there yet, and its class demands all ten gates."""
    ready.demand_gates()
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    return analyst_version


def page(client: Client, person: Person, where: str) -> str:
    client.force_login(person)
    answered = client.get(where)
    assert answered.status_code == 200, answered
    return answered.content.decode()


def of(name: str, *arguments: Any) -> str:
    return reverse(f"admin:{name}", args=arguments)


def signing_page(version: AgentVersion, gate: Gate) -> str:
    return f"{of('governance_gatesignature_add')}?version={version.pk}&gate={gate}"


def post(client: Client, where: str, **fields: str) -> Any:
    return client.post(where, {"_form_submitted": "on", **fields})


def test_ten_rows_say_what_is_missing_and_where_it_is_mended(
    client: Client, olivia: Person, version: AgentVersion
) -> None:
    shown = page(client, olivia, of("agents_agent_change", version.agent_id))
    for gate in Gate:
        assert f"{gate.label}" in shown
    assert "7 gates must still be met before the board can be asked." in shown
    assert f"{of('agents_versiontest_add')}?version={version.pk}" in shown
    assert f"{of('agents_agentdocument_add')}?agent={version.agent_id}" in shown
    assert of("agents_agent_edit", version.agent_id) in shown
    assert "check_circle" in shown
    assert 'scope="row"' in shown
    assert page(client, olivia, of("agents_agentversion_change", version.pk)).count("cs-gate-state") == 10


def test_whoever_cannot_mend_it_is_not_sent_there(
    client: Client, aude: Person, version: AgentVersion
) -> None:
    shown = page(client, aude, of("agents_agent_change", version.agent_id))
    assert "no run on this version" in shown
    assert of("agents_versiontest_add") not in shown
    assert of("governance_gatesignature_add") not in shown


def test_the_signature_is_offered_to_who_may_sign(
    client: Client, olivia: Person, sasha: Person, version: AgentVersion
) -> None:
    Agent.objects.filter(pk=version.agent_id).update(monitoring_plan=ready.PLAN)
    where = of("agents_agent_change", version.agent_id)
    monitoring, after = (
        f"version={version.pk}&amp;gate={gate}" for gate in ("monitoring", "post_deployment")
    )
    assert monitoring in page(client, sasha, where)
    assert after not in page(client, sasha, where)
    assert monitoring not in page(client, olivia, where)
    assert after in page(client, olivia, where)


def test_a_member_signs_what_the_page_shows(client: Client, sasha: Person, version: AgentVersion) -> None:
    Agent.objects.filter(pk=version.agent_id).update(monitoring_plan=work.HOSTILE)
    where = signing_page(version, Gate.MONITORING)
    shown = page(client, sasha, where)
    assert "<script>alert(1)" not in shown
    assert "Untrusted text" in shown
    digest = shown.split('name="digest" value="')[1].split('"')[0]
    answered = client.post(
        where,
        {"version": version.pk, "gate": "monitoring", "digest": digest, "statement": "I have read it."},
    )
    signature = GateSignature.objects.get()
    assert answered.headers["Location"] == of("governance_gatesignature_change", signature.pk)
    assert (signature.person, signature.digest, signature.statement) == (sasha, digest, "I have read it.")
    assert "I have read it." in page(client, sasha, answered.headers["Location"])


def test_a_stale_page_is_not_signed(client: Client, sasha: Person, version: AgentVersion) -> None:
    client.force_login(sasha)
    where = signing_page(version, Gate.MONITORING)
    values = {"version": version.pk, "gate": "monitoring", "digest": "0" * 64, "statement": "Read."}
    assert b"read it anew" in client.post(where, values).content
    assert not GateSignature.objects.exists()


def test_the_owner_is_told_why_they_do_not_sign(
    client: Client, olivia: Person, version: AgentVersion
) -> None:
    shown = page(client, olivia, signing_page(version, Gate.MONITORING))
    assert "Nobody vouches for their own" in shown
    values = {"version": version.pk, "gate": "monitoring", "digest": "0" * 64, "statement": "Read."}
    assert b"Nobody vouches" in client.post(signing_page(version, Gate.MONITORING), values).content


def test_only_a_checklist_leads_to_signing(
    client: Client, sasha: Person, aude: Person, version: AgentVersion
) -> None:
    client.force_login(sasha)
    for wrong in ("", "?version=x", f"?version={version.pk}", f"?version={version.pk}&gate=testing"):
        answered = client.get(of("governance_gatesignature_add") + wrong)
        assert answered.headers["Location"] == of("governance_gatesignature_changelist")
    client.force_login(aude)
    assert client.get(signing_page(version, Gate.MONITORING)).status_code == 403


def test_a_signature_is_taken_back_by_clicking(
    client: Client, olivia: Person, sasha: Person, version: AgentVersion
) -> None:
    ready.make_ready(version.agent, version, owner=olivia, member=sasha)
    signature = GateSignature.objects.get(gate=Gate.MONITORING)
    client.force_login(sasha)
    answered = post(client, of("governance_gatesignature_revoke", signature.pk), reason="A limit is wrong.")
    assert answered.status_code == 302
    signature.refresh_from_db()
    assert signature.end_reason == "A limit is wrong."


def test_from_missing_to_submitted(
    client: Client, olivia: Person, sasha: Person, version: AgentVersion
) -> None:
    client.force_login(olivia)
    url = of("agents_agentversion_submit", version.pk)
    refused = post(client, url).content.decode()
    assert "Not yet met" in refused
    assert "Prompt injection: no run on this version" in refused
    ready.make_ready(version.agent, version, owner=olivia, member=sasha)
    shown = page(client, olivia, of("agents_agent_change", version.agent_id))
    assert "Nothing is missing before the board is asked." in shown
    assert f"{of('agents_agentversion_change', version.pk)}#submit" in shown
    answered = post(client, url)
    approval = Approval.objects.get()
    assert answered.headers["Location"] == of("governance_approval_change", approval.pk)
    frozen = page(client, sasha, answered.headers["Location"])
    assert "as it stood when the board was asked" in frozen
    assert frozen.count("cs-gate-state") == 10


def test_what_a_successor_changes_is_a_line_of_its_own(
    client: Client, active_analyst: Agent, olivia: Person, sasha: Person
) -> None:
    newer = register.add_version(
        actor=olivia, agent=active_analyst, label="2", provenance=provenance.current()
    )
    where = f"{of('agents_agent_change', active_analyst.pk)}?checklist={newer.pk}"
    add = f"{of('governance_changerequest_add')}?version={newer.pk}"
    shown = page(client, olivia, where)
    assert "It is not said yet what version 2 changes" in shown
    assert add in shown
    assert "#submit" not in shown
    assert f'value="{newer.pk}" selected' in page(client, olivia, add)
    assert add not in page(client, sasha, where)
    describe(olivia, newer)
    shown = page(client, olivia, where)
    assert "It is not said yet" not in shown
    assert "#submit" in shown


def test_the_board_does_not_submit(client: Client, sasha: Person, version: AgentVersion) -> None:
    url = of("agents_agentversion_submit", version.pk)
    assert url not in page(client, sasha, of("agents_agentversion_change", version.pk))
    assert post(client, url).status_code == 403
    assert not Approval.objects.exists()


def test_the_checklist_of_another_version_is_one_link_away(
    client: Client, olivia: Person, version: AgentVersion
) -> None:
    newer = work.version(version.agent)
    where = of("agents_agent_change", version.agent_id)
    shown = page(client, olivia, where)
    assert f"Deployment checklist of {newer.label}" in shown
    assert f"?checklist={version.pk}#checklist" in shown
    assert "Deployment checklist of 1.0.0" in page(client, olivia, f"{where}?checklist={version.pk}")


def test_a_request_of_before_shows_no_checklist(client: Client, submitted: Approval, sasha: Person) -> None:
    assert "cs-gate-state" in page(client, sasha, of("governance_approval_change", submitted.pk))
    assert dossiers.changed(submitted, submitted.agent) is None


def test_a_person_records_an_exercise(client: Client, olivia: Person, version: AgentVersion) -> None:
    client.force_login(olivia)
    answered = client.post(
        of("agents_versiontest_add"),
        {
            "version": version.pk, "kind": "tabletop", "suite": "tabletop/2026-03", "outcome": "passed",
            "passed": 3, "failed": 0, "skipped": 0, "started_at": "2026-03-01 10:00", "tool": "people",
            "ended_at": "2026-03-01 12:00", "run_id": "2026-03",
        },
    )  # fmt: skip
    test = VersionTest.objects.get()
    assert answered.headers["Location"] == of("agents_versiontest_change", test.pk)
    assert (test.kind, test.passed, test.recorded_by) == ("tabletop", 3, olivia.actor.ref)


def test_hostile_words_of_a_pipeline_are_shown_as_such(
    client: Client, aude: Person, analyst: Agent, analyst_version: AgentVersion
) -> None:
    sent = run_of(analyst_version, suite=work.HOSTILE, run_id=work.HOSTILE, tool=work.HOSTILE[:90])
    assert Asker(analyst).post("/api/v1/tests", sent).status_code == 201
    for where in (
        of("agents_versiontest_changelist"),
        of("agents_versiontest_change", VersionTest.objects.get().pk),
        of("agents_agentversion_change", analyst_version.pk),
        of("agents_agent_change", analyst.pk),
    ):
        assert "<script>alert(1)" not in page(client, aude, where)


def test_an_administrator_adds_rotates_and_revokes_a_pipeline(
    client: Client, ada: Person, analyst: Agent
) -> None:
    client.force_login(ada)
    added = client.post(
        of("governance_pipeline_add"), {"name": "shop-ci", "agents": [analyst.pk]}, follow=True
    )
    pipeline = Pipeline.objects.get()
    credential = f"cspipe_{pipeline.pk.hex}_"
    assert credential in added.content.decode()
    assert list(pipeline.agents.all()) == [analyst]
    assert credential not in page(client, ada, of("governance_pipeline_change", pipeline.pk))
    assert post(client, of("governance_pipeline_rotate", pipeline.pk)).status_code == 302
    assert credential in page(client, ada, of("governance_pipeline_change", pipeline.pk))
    assert post(client, of("governance_pipeline_revoke", pipeline.pk)).status_code == 302
    assert "Revoked" in page(client, ada, of("governance_pipeline_changelist"))


def test_others_do_not_add_pipelines(client: Client, olivia: Person, sasha: Person) -> None:
    for person in (olivia, sasha):
        client.force_login(person)
        assert client.get(of("governance_pipeline_add")).status_code == 403
