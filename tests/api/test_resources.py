"""Each resource works, and asks what the portal asks."""

import json
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile

from agents.choices import TokenScope
from agents.models import Agent, AgentDocument, AgentVersion, Finding, Person, ProposedAction, Report, Run
from audits.models import Bundle, Event
from audits.services import bundles, sealing
from governance.api.elevation import ElevationGiven
from governance.models import Approval, Elevation, RiskAssessment
from tests.api.calling import Caller, caller, problem
from tests.conftest import ANSWERS
from tests.epochs import epoch_of
from tests.portal import work

REPORT = json.dumps(
    {
        "SchemaVersion": 2,
        "ArtifactName": "shop:1",
        "Results": [
            {
                "Target": "shop",
                "Vulnerabilities": [
                    {"VulnerabilityID": "CVE-2021-44228", "PkgName": "log4j", "Severity": "CRITICAL"}
                ],
            }
        ],
    }
).encode()
AGENT = {
    "slug": "invoice-reader",
    "name": "Invoice reader",
    "purpose": "Reads invoices.",
    "business_unit": "Finance",
    "owner": "olivia",
}


@pytest.fixture
def owner(olivia: Person) -> Caller:
    return caller(olivia)


@pytest.fixture
def auditor(aude: Person) -> Caller:
    return caller(aude)


@pytest.fixture
def administrator(ada: Person) -> Caller:
    return caller(ada)


def made(answered: Any) -> dict[str, Any]:
    assert answered.status_code == 201, answered.content
    body: dict[str, Any] = answered.json()
    return body


def read(answered: Any) -> dict[str, Any]:
    assert answered.status_code == 200, answered.content
    body: dict[str, Any] = answered.json()
    return body


# --- The register -----------------------------------------------------------------------------------------
def test_who_one_is(owner: Caller, olivia: Person) -> None:
    me = read(owner.get("me"))
    assert (me["person"]["username"], me["person"]["groups"]) == ("olivia", ["Owners"])
    assert (me["token"]["scope"], me["token"]["prefix"][:4]) == ("write", "cst_")
    assert "secret" not in str(me)


def test_an_agent_from_registering_to_the_board(owner: Caller, daniel: Person) -> None:
    answered = owner.post("agents", AGENT | {"deputies": ["daniel"], "data_categories": ["invoices"]})
    agent = made(answered)
    assert answered["Location"] == "/api/v1/agents/invoice-reader"
    assert (agent["state"], agent["owner"]["username"]) == ("draft", "olivia")
    assert [deputy["name"] for deputy in agent["deputies"]] == ["Daniel Deputy"]
    assert read(owner.get(answered["Location"])) == agent
    version = made(owner.post("agents/invoice-reader/versions", _version()))
    assert version["tool_manifest"][0]["name"] == "get_invoice"
    assert AgentVersion.objects.get(pk=version["id"]).digest == version["digest"]
    assert read(owner.get("agents/invoice-reader/versions/1.0.0")) == version
    assessment = made(owner.post("agents/invoice-reader/risk-assessments", {"answers": ANSWERS}))
    assert RiskAssessment.objects.get(pk=assessment["id"]).risk_class_id == assessment["risk_class"]
    approval = made(owner.post("agents/invoice-reader/versions/1.0.0/submission"))
    assert (approval["state"], approval["subject_id"]) == ("pending", version["id"])
    assert read(owner.get("agents/invoice-reader"))["state"] == "in_review"


def _version(**more: Any) -> dict[str, Any]:
    function = {
        "name": "get_invoice",
        "access": "read",
        "resource": "invoices/{number}",
        "parameters": {"type": "object"},
    }
    return {
        "label": "1.0.0",
        "model_provider": "example",
        "model_name": "large",
        "prompt_digest": "a" * 64,
        "tool_manifest": [function],
    } | more


def test_who_will_not_answer_for_an_agent_does_not_register_it(olivia: Person, daniel: Person) -> None:
    problem(caller(daniel).post("agents", AGENT), 403, "denied")
    assert Event.objects.filter(action="agent.registered", outcome="denied").exists()
    assert not Agent.objects.exists()


def test_who_may_not_register_in_the_portal_does_not_here(oscar: Person, olivia: Person) -> None:
    problem(caller(oscar).post("agents", AGENT | {"owner": "oscar"}), 403, "denied")
    assert not Agent.objects.exists()


def test_what_is_there_already_is_a_conflict(owner: Caller, analyst: Agent) -> None:
    told = problem(owner.post("agents", AGENT | {"slug": analyst.slug}), 409, "conflict")
    assert told["errors"] == [{"pointer": "/slug", "detail": "taken"}]


def test_another_persons_agent_takes_no_version(analyst: Agent, aude: Person, oscar: Person) -> None:
    problem(caller(aude).post(f"agents/{analyst.slug}/versions", _version()), 403, "denied")
    problem(caller(oscar).post(f"agents/{analyst.slug}/versions", _version()), 404, "not-found")
    assert not AgentVersion.objects.exists()


def test_the_questionnaire_and_what_is_wrong_with_its_answers(owner: Caller, analyst: Agent) -> None:
    questions = read(owner.get("risk-questionnaire"))["questions"]
    assert [question["id"] for question in questions] == list(ANSWERS)
    answers = {**ANSWERS, "scale": "galaxy"}
    told = problem(
        owner.post(f"agents/{analyst.slug}/risk-assessments", {"answers": answers}), 422, "invalid"
    )
    assert [error["pointer"] for error in told["errors"]] == ["/answers/scale"]


def test_a_version_without_an_assessment_is_not_submitted(
    owner: Caller, analyst_version: AgentVersion
) -> None:
    path = f"agents/{analyst_version.agent.slug}/versions/{analyst_version.label}/submission"
    problem(owner.post(path), 422, "invalid")
    problem(owner.post(path.replace("1.0.0", "9")), 404, "not-found")


def test_documents(owner: Caller, auditor: Caller, analyst: Agent) -> None:
    path = f"agents/{analyst.slug}/documents"
    file = SimpleUploadedFile("policy.txt", b"It may read.")
    answered = owner.send(path, {"kind": "policy", "title": "What it may do", "file": file})
    document = made(answered)
    kept = AgentDocument.objects.get(pk=document["id"])
    assert document["sha256"] == kept.sha256
    downloaded = auditor.get(answered["Location"])
    assert (downloaded.content, downloaded["Content-Type"]) == (b"It may read.", "application/octet-stream")
    assert downloaded["Content-Disposition"].startswith("attachment;")
    assert [row["id"] for row in read(auditor.get(path))["results"]] == [document["id"]]
    again = owner.send(
        path, {"kind": "policy", "title": "Again", "file": SimpleUploadedFile("a", b"It may read.")}
    )
    problem(again, 409, "conflict")
    empty = owner.send(path, {"kind": "policy", "title": "Empty", "file": SimpleUploadedFile("a", b"")})
    assert problem(empty, 422, "invalid")["errors"][0]["pointer"] == "/file"
    problem(auditor.send(path, {"kind": "policy", "title": "Mine", "file": file}), 403, "denied")


# --- Reports and what the analyst does with them ------------------------------------------------------------
def test_a_report_as_a_form_and_as_a_body_is_one(owner: Caller, active_analyst: Agent) -> None:
    form = {
        "report": SimpleUploadedFile("shop.json", REPORT),
        "format": "trivy",
        "agent": active_analyst.slug,
    }
    report = made(owner.send("reports", form))
    assert (report["target"], report["file_name"]) == ("shop:1", "shop.json")
    raw = owner.post("reports?file_name=other.json", REPORT, content_type="application/octet-stream")
    assert made(raw)["id"] == report["id"]
    assert Report.objects.count() == 1
    found = read(owner.get("findings", {"report": report["id"]}))["results"]
    assert [finding["vulnerability_ids"] for finding in found] == [["CVE-2021-44228"]]


def test_a_report_that_cannot_be_read(owner: Caller) -> None:
    answered = owner.post("reports", b"<html>", content_type="application/octet-stream")
    problem(answered, 422, "unreadable-report")
    assert not Report.objects.exists()


def test_a_report_beyond_the_cap_is_not_read(owner: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.api.report.Reports.max_body_bytes", 100)
    answered = owner.post("reports", b"x" * 101, content_type="application/octet-stream")
    problem(answered, 413, "too-large")


def test_bringing_reports_takes_what_it_takes_in_the_portal(oscar: Person) -> None:
    answered = caller(oscar).post("reports", REPORT, content_type="application/octet-stream")
    problem(answered, 403, "denied")


def test_a_run_is_queued_once(owner: Caller, auditor: Caller, active_analyst: Agent) -> None:
    report = work.report()
    run = made(owner.post("runs", {"report": str(report.pk)}))
    assert (run["state"], run["agent"]["slug"]) == ("queued", active_analyst.slug)
    assert read(owner.get(f"runs/{run['id']}")) == run
    problem(owner.post("runs", {"report": str(report.pk)}), 409, "conflict")
    problem(auditor.post("runs", {"report": str(report.pk)}), 403, "denied")
    assert Run.objects.count() == 1


@pytest.mark.parametrize("resource", ["findings", "proposals", "tickets", "reports", "runs"])
def test_what_the_analyst_left_behind_is_read(owner: Caller, analyst: Agent, resource: str) -> None:
    run = work.run(analyst, work.report())
    work.ticket(Finding.objects.get())
    rows = read(owner.get(resource))["results"]
    assert len(rows) == 1
    assert read(owner.get(f"{resource}/{rows[0]['id']}")).items() >= rows[0].items()
    assert run.pk


# --- Governance ---------------------------------------------------------------------------------------------
def test_an_approval_with_its_content_tally_and_votes(auditor: Caller, active_analyst: Agent) -> None:
    approval = Approval.objects.get()
    shown = read(auditor.get(f"approvals/{approval.pk}"))
    assert shown["content_text"] == approval.content
    assert shown["content"]["agent"]["slug"] == active_analyst.slug
    assert shown["tally"] == {"approvals": 5, "missing_people": 0, "missing_seats": []}
    assert {vote["person"]["username"] for vote in shown["votes"]} >= {"sasha", "carla"}
    assert read(auditor.get("approvals", {"state": "pending"}))["results"] == []


def test_an_elevation_is_asked_for_and_ended_and_never_opened(
    owner: Caller, auditor: Caller, active_analyst: Agent
) -> None:
    run = work.run(active_analyst, work.report())
    proposal = ProposedAction.objects.get(run=run)
    asked = ElevationGiven.example | {"resource": proposal.resource}
    elevation = made(owner.post("elevations", asked))
    assert elevation["state"] == "pending"
    assert read(owner.get("grants", {"access": "write"}))["results"] == []
    problem(auditor.post("elevations", asked), 403, "denied")
    problem(auditor.post(f"elevations/{elevation['id']}/revocation"), 403, "denied")
    ended = read(owner.post(f"elevations/{elevation['id']}/revocation"))
    assert (ended["state"], ended["end_reason"]) == ("ended", "withdrawn")
    problem(owner.post(f"elevations/{elevation['id']}/revocation"), 409, "conflict")
    assert Elevation.objects.count() == 1


def test_an_elevation_outside_its_limits(owner: Caller, active_analyst: Agent) -> None:
    asked = ElevationGiven.example | {"action": "get_vulnerability_info", "minutes": 9_999}
    told = problem(owner.post("elevations", asked), 422, "invalid")
    assert {error["pointer"] for error in told["errors"]} == {"/action", "/minutes"}


def test_what_stands_of_governance(auditor: Caller, active_analyst: Agent) -> None:
    assert len(read(auditor.get("seats"))["results"]) == 5
    assert {row["level"] for row in read(auditor.get("risk-classes"))["results"]} == {"low", "medium", "high"}
    grants = read(auditor.get("grants", {"agent": active_analyst.slug, "access": "read"}))["results"]
    assert {grant["action"] for grant in grants} == {"assess_vulnerability", "get_vulnerability_info"}
    assert read(auditor.get(f"grants/{grants[0]['id']}")) == grants[0]


# --- People -------------------------------------------------------------------------------------------------
NORA = {"username": "nora", "first_name": "Nora", "last_name": "Newcomer", "email": "nora@example.org"}


def test_people_are_added_without_a_password_or_power(administrator: Caller) -> None:
    nora = made(administrator.post("people", NORA | {"groups": ["Owners"]}))
    assert (nora["groups"], nora["is_superuser"]) == (["Owners"], False)
    assert not Person.objects.get(username="nora").has_usable_password()
    for more in ({"is_administrator": True}, {"is_superuser": True}, {"password": "a-long-enough-one"}):
        problem(administrator.post("people", NORA | {"username": "eve"} | more), 422, "invalid")
    assert not Person.objects.filter(username="eve").exists()


def test_a_person_is_deactivated_and_reactivated(administrator: Caller, active_analyst: Agent) -> None:
    olivia = active_analyst.owner
    epoch = epoch_of(active_analyst)
    assert not read(administrator.post(f"people/{olivia.pk}/deactivation"))["is_active"]
    active_analyst.refresh_from_db()
    assert epoch_of(active_analyst) == epoch + 1
    problem(administrator.post(f"people/{olivia.pk}/deactivation"), 409, "conflict")
    assert read(administrator.post(f"people/{olivia.pk}/reactivation"))["is_active"]


def test_only_administrators_touch_people(auditor: Caller, olivia: Person) -> None:
    problem(auditor.post("people", NORA), 403, "denied")
    problem(auditor.post(f"people/{olivia.pk}/deactivation"), 403, "denied")
    problem(caller(olivia).post(f"people/{olivia.pk}/deactivation"), 404, "not-found")
    olivia.refresh_from_db()
    assert olivia.is_active


# --- Evidence -----------------------------------------------------------------------------------------------
def test_reading_the_ledger_is_recorded(auditor: Caller, aude: Person, analyst: Agent) -> None:
    shown = read(auditor.get("ledger/events", {"stream": analyst.stream}))["results"]
    assert [event["action"] for event in shown] == ["agent.registered"]
    one = read(auditor.get(f"ledger/events/{shown[0]['id']}"))
    assert one["body"]["slug"] == analyst.slug
    assert one["header"]["action"] == "agent.registered"
    reads = Event.objects.filter(action="ledger.read", actor=aude.actor.ref)
    assert [event.object for event in reads.order_by("id")] == ["ledger", f"event/{shown[0]['id']}"]
    with_reads = read(auditor.get("ledger/events", {"action": "ledger.read"}))["results"]
    assert len(with_reads) == 2


def test_the_board_reads_pseudonyms_and_no_payloads(sasha: Person, analyst: Agent, olivia: Person) -> None:
    board = caller(sasha)
    event = Event.objects.get(action="agent.registered")
    shown = read(board.get(f"ledger/events/{event.pk}"))
    assert shown["actor"].startswith("Person ")
    assert shown["actor"] == shown["actor_name"]
    assert shown["body"] is None
    assert str(olivia.pk) not in json.dumps(shown)
    by_pseudonym = read(board.get("ledger/events", {"actor": shown["actor"]}))["results"]
    assert shown["id"] in {event["id"] for event in by_pseudonym}
    by_id = read(board.get("ledger/events", {"actor": olivia.actor.ref}))["results"]
    assert by_id == []


def test_the_ledger_is_not_for_everybody(owner: Caller, analyst: Agent) -> None:
    event = Event.objects.filter(action="agent.registered").get()
    problem(owner.get("ledger/events"), 403, "denied")
    problem(owner.get(f"ledger/events/{event.pk}"), 404, "not-found")
    problem(owner.get("ledger/checkpoint"), 404, "not-found")


def test_pages_of_the_ledger_join(auditor: Caller, active_analyst: Agent) -> None:
    whole = read(auditor.get("ledger/events", {"page_size": 200}))["results"]
    answered = read(auditor.get("ledger/events", {"page_size": 3}))
    seen = answered["results"]
    while answered["next"]:
        answered = read(auditor.get(answered["next"]))
        seen += answered["results"]
    assert [event["id"] for event in seen] == [event["id"] for event in whole]


@pytest.mark.django_db(transaction=True)
def test_the_newest_checkpoint(aude: Person) -> None:
    auditor = caller(aude)
    sealing.seal()
    shown = read(auditor.get("ledger/checkpoint"))
    assert shown["note"].splitlines()[1] == str(shown["size"])


@pytest.mark.django_db(transaction=True)
def test_a_bundle_is_asked_for_and_taken_away(aude: Person, analyst: Agent, settings: LazySettings) -> None:
    auditor = caller(aude)
    answered = auditor.post("bundles", {"kind": "agent", "agent": analyst.slug})
    bundle = made(answered)
    assert bundle["streams"] == [analyst.stream]
    row = Bundle.objects.get(pk=bundle["id"])
    if row.state == "queued":
        problem(auditor.get(f"{answered['Location']}/file"), 409, "conflict")
        bundles.build(bundle_id=row.pk)
    file = auditor.get(f"{answered['Location']}/file")
    assert b"".join(file.streaming_content)[:2] == b"PK"
    assert Event.objects.filter(action="bundle.downloaded", actor=aude.actor.ref).count() == 1
    assert read(auditor.get(answered["Location"]))["state"] == "ready"


def test_a_bundle_says_what_belongs_to_it(auditor: Caller, owner: Caller, analyst: Agent) -> None:
    told = problem(auditor.post("bundles", {"kind": "agent"}), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == ["/agent"]
    told = problem(auditor.post("bundles", {"kind": "period", "agent": analyst.slug}), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == ["/agent"]
    problem(auditor.post("bundles", {"kind": "framework"}), 422, "invalid")
    problem(owner.post("bundles", {"kind": "agent", "agent": analyst.slug}), 403, "denied")
    problem(owner.get("bundles"), 403, "denied")


def test_a_token_that_may_only_read_changes_nothing(olivia: Person) -> None:
    reader = caller(olivia, TokenScope.READ)
    answered = reader.post("agents", AGENT)
    problem(answered, 403, "insufficient-scope")
    assert 'error="insufficient_scope"' in answered["WWW-Authenticate"]
    assert read(reader.get("agents"))["results"] == []
