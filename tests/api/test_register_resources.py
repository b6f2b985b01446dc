"""The register by API: entries, what they depend on, handovers, files, what people are told."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from agents.api.version_test import VersionTestGiven
from agents.choices import TokenScope
from agents.models import Agent, AgentVersion, Dependency, Handover, Notification, Person, ThirdParty, Tool
from agents.services import handovers
from audits.models import Event
from tests.api.calling import Caller, caller, problem
from tests.api.test_resources import AGENT, made, read
from tests.portal import work

TOOL = {
    "slug": "tickets",
    "name": "Tickets",
    "kind": "api",
    "endpoint": "https://t.example",
    "jurisdictions": ["DE"],
}

PARTY = {
    "slug": "cloud",
    "name": "Cloud",
    "provides": "Hosts.",
    "jurisdictions": ["EU"],
    "assess_again_by": "2099-01-01",
}


@pytest.fixture
def owner(olivia: Person) -> Caller:
    return caller(olivia)


@pytest.fixture
def auditor(aude: Person) -> Caller:
    return caller(aude)


@pytest.fixture
def steward(stella: Person) -> Caller:
    return caller(stella)


@pytest.fixture
def administrator(ada: Person) -> Caller:
    return caller(ada)


# --- Entries --------------------------------------------------------------------------------------------
def test_an_entry_with_every_field(owner: Caller, daniel: Person) -> None:
    given = AGENT | {
        "problem_class": "astrology", "environment": "test", "autonomy": "advises", "deputies": ["daniel"],
        "sponsor": "daniel", "data_categories": ["invoices"], "jurisdictions": ["de"], "frameworks": ["gdpr"],
        "runbook": "Freeze it.", "monitoring_plan": "Wrong sums.",
    }  # fmt: skip
    told = problem(owner.post("agents", given), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == ["/problem_class"]
    agent = made(owner.post("agents", given | {"problem_class": "general"}))
    assert (agent["environment"], agent["jurisdictions"], agent["frameworks"]) == ("test", ["DE"], ["GDPR"])
    assert agent["sponsor"]["username"] == "daniel"
    assert (agent["outside_agent_policy"], agent["candidate"], agent["edited"]) == ([], None, [])


def test_an_entry_is_amended_on_what_it_was_read_as(owner: Caller, active_analyst: Agent) -> None:
    path = f"agents/{active_analyst.slug}"
    tag = owner.get(path)["ETag"]
    answered = owner.patch(path, {"purpose": "Reads more."}, If_Match=tag)
    assert read(answered)["edited"] == ["agent.purpose"]
    assert answered["ETag"] == owner.get(path)["ETag"] != tag
    problem(owner.patch(path, {"purpose": "Mine."}, If_Match=tag), 412, "precondition-failed")
    problem(owner.patch(path, {"purpose": "Mine."}), 428, "precondition-required")
    active_analyst.refresh_from_db()
    assert active_analyst.purpose == "Reads more."


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"jurisdictions": ["Atlantis"]}, "/jurisdictions"),
        ({"environment": "moon"}, "/environment"),
        ({"sponsor": "nobody"}, "/sponsor"),
        ({"deputies": ["nobody"]}, "/deputies"),
        ({"name": " "}, "/name"),
        ({"slug": "other"}, "/slug"),
        ({"state": "active"}, "/state"),
    ],
)
def test_what_is_wrong_with_a_change(
    owner: Caller, analyst: Agent, changes: dict[str, Any], pointer: str
) -> None:
    told = problem(owner.patch(f"agents/{analyst.slug}", changes, If_Match="*"), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == [pointer]
    assert not Event.objects.filter(action="agent.amended", outcome="success").exists()


def test_others_amend_nothing(auditor: Caller, oscar: Person, olivia: Person, analyst: Agent) -> None:
    path, changes = f"agents/{analyst.slug}", {"name": "Mine"}
    problem(auditor.patch(path, changes, If_Match="*"), 403, "denied")
    problem(auditor.patch(path, changes, If_Match='"stale"'), 403, "denied")
    problem(caller(oscar).patch(path, changes, If_Match="*"), 404, "not-found")
    problem(caller(olivia, TokenScope.READ).patch(path, changes, If_Match="*"), 403, "insufficient-scope")
    analyst.refresh_from_db()
    assert analyst.name != "Mine"


def test_an_agent_is_retired_for_good(owner: Caller, auditor: Caller, active_analyst: Agent) -> None:
    path = f"agents/{active_analyst.slug}"
    problem(auditor.post(f"{path}/retirement", {"reason": "Enough."}), 403, "denied")
    problem(owner.post(f"{path}/retirement"), 422, "invalid")
    assert read(owner.post(f"{path}/retirement", {"reason": "Enough."}))["state"] == "retired"
    problem(owner.post(f"{path}/retirement", {"reason": "Again."}), 409, "conflict")
    problem(owner.patch(path, {"name": "Back"}, If_Match=owner.get(path)["ETag"]), 409, "conflict")


def test_the_agent_policy_that_counts(owner: Caller, oscar: Person) -> None:
    shown = read(owner.get("agent-policy"))
    assert shown["document"]["problem_classes"][0]["slug"] == "general"
    problem(caller(oscar).get("agent-policy"), 404, "not-found")


# --- What agents depend on ------------------------------------------------------------------------------
def test_stewards_keep_tools(steward: Caller, owner: Caller, auditor: Caller) -> None:
    problem(owner.post("tools", TOOL), 403, "denied")
    assert made(steward.post("tools", TOOL))["slug"] == "tickets"
    problem(steward.post("tools", TOOL), 409, "conflict")
    problem(auditor.patch("tools/tickets", {"name": "Mine"}), 403, "denied")
    changed = read(steward.patch("tools/tickets", {"endpoint": "https://t2.example"}))
    assert (changed["endpoint"], changed["name"]) == ("https://t2.example", "Tickets")
    told = problem(steward.patch("tools/tickets", {"jurisdictions": ["Atlantis"]}), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == ["/jurisdictions"]
    problem(auditor.post("tools/tickets/end", {"reason": "Gone."}), 403, "denied")
    assert read(steward.post("tools/tickets/end", {"reason": "Gone."}))["ended_at"]
    assert Tool.objects.get().ended_at


def test_stewards_keep_third_parties(steward: Caller, owner: Caller, stella: Person) -> None:
    problem(owner.post("third-parties", PARTY), 403, "denied")
    problem(caller(stella, TokenScope.READ).post("third-parties", PARTY), 403, "insufficient-scope")
    assert made(steward.post("third-parties", PARTY | {"high_risk": True}))["overdue"] == [
        "no penetration test",
        "no code review",
    ]
    changed = read(steward.patch("third-parties/cloud", {"high_risk": False}))
    assert (changed["overdue"], changed["name"]) == ([], "Cloud")
    told = problem(steward.patch("third-parties/cloud", {"assessed_on": "2199-01-01"}), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == ["/assessed_on"]
    problem(owner.post("third-parties/cloud/end", {"reason": "Gone."}), 403, "denied")
    assert read(steward.post("third-parties/cloud/end", {"reason": "Gone."}))["ended_at"]
    assert ThirdParty.objects.get().ended_at


def test_an_agent_depends_on_a_tool(owner: Caller, auditor: Caller, analyst: Agent, ada: Person) -> None:
    tool, path = work.tool(), f"agents/{analyst.slug}/dependencies"
    given = {"kind": "calls", "target": {"tool": tool.slug}, "purpose": "Opens tickets."}
    problem(auditor.post(path, given), 403, "denied")
    answered = owner.post(path, given)
    dependency = made(answered)
    assert (dependency["to_tool"], dependency["to_agent"]) == (tool.slug, None)
    assert read(owner.get(answered["Location"])) == dependency
    told = problem(owner.post(path, given), 409, "conflict")
    assert [error["pointer"] for error in told["errors"]] == ["/target"]
    one = f"{path}/{dependency['id']}"
    assert read(owner.patch(one, {"data_categories": ["findings"]}))["purpose"] == "Opens tickets."
    elsewhere = work.agent(ada)
    problem(owner.get(f"agents/{elsewhere.slug}/dependencies/{dependency['id']}"), 404, "not-found")
    problem(auditor.post(f"{one}/end", {"reason": "Not any more."}), 403, "denied")
    assert read(owner.post(f"{one}/end", {"reason": "Not any more."}))["ended_at"]


def test_a_dependency_leads_to_one_thing(owner: Caller, analyst: Agent) -> None:
    path, tool = f"agents/{analyst.slug}/dependencies", work.tool()
    for target in ({}, {"tool": tool.slug, "agent": analyst.slug}):
        told = problem(
            owner.post(path, {"kind": "calls", "target": target, "purpose": "It."}), 422, "invalid"
        )
        assert [error["pointer"] for error in told["errors"]] == ["/target"]
    itself = {"kind": "calls", "target": {"agent": analyst.slug}, "purpose": "It."}
    told = problem(owner.post(path, itself), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == ["/target"]
    assert not Dependency.objects.exists()


# --- Handovers --------------------------------------------------------------------------------------------
@pytest.fixture
def offered(olivia: Person, daniel: Person, analyst: Agent) -> Handover:
    return handovers.offer(actor=olivia, agent=analyst, to=daniel)


def test_an_offer_is_withdrawn(owner: Caller, auditor: Caller, offered: Handover) -> None:
    path = f"handovers/{offered.pk}"
    assert read(owner.get(path))["to"]["username"] == "daniel"
    problem(auditor.post(f"{path}/withdrawal"), 403, "denied")
    assert read(owner.post(f"{path}/withdrawal"))["state"] == "withdrawn"
    problem(owner.post(f"{path}/withdrawal"), 409, "conflict")


def test_an_offer_is_declined_by_whom_it_was_made_to(
    owner: Caller, offered: Handover, daniel: Person, oscar: Person
) -> None:
    path = f"handovers/{offered.pk}"
    problem(owner.post(f"{path}/declining"), 403, "denied")
    problem(caller(oscar).post(f"{path}/declining"), 404, "not-found")
    assert read(caller(daniel).post(f"{path}/declining", {"reason": "No time."}))["reason"] == "No time."


def test_nobody_gives_an_agent_away_by_api(owner: Caller, daniel: Person, offered: Handover) -> None:
    problem(owner.post("handovers", {"agent": offered.agent.slug, "to": "daniel"}), 405, "method-not-allowed")
    for verb in ("acceptance", "accept", "accepting"):
        problem(caller(daniel).post(f"handovers/{offered.pk}/{verb}"), 404, "not-found")
    offered.agent.refresh_from_db()
    assert offered.agent.owner.username == "olivia"


def test_what_was_found_is_claimed(owner: Caller, auditor: Caller, oscar: Person) -> None:
    found = {"slug": "shadow", "name": "Shadow", "found_by": "An invoice", "evidence": "Seats for forty."}
    problem(auditor.post("discoveries", found), 403, "denied")
    problem(caller(oscar).post("discoveries", found), 403, "denied")
    agent = made(owner.post("discoveries", found))
    assert (agent["state"], agent["owner"]["username"]) == ("discovered", "olivia")
    claim = {"owner": "olivia", "purpose": "Summarises.", "business_unit": "Sales"}
    problem(auditor.post("agents/shadow/claim", claim), 403, "denied")
    problem(caller(oscar).post("agents/shadow/claim", claim), 404, "not-found")
    assert read(owner.post("agents/shadow/claim", claim))["state"] == "draft"
    problem(owner.post("agents/shadow/claim", claim), 409, "conflict")
    assert read(owner.get("discoveries"))["results"] == []


# --- Tests, notifications, directories ----------------------------------------------------------------------
def test_test_records_are_read(
    owner: Caller, analyst: Agent, analyst_version: AgentVersion, ada: Person
) -> None:
    record, elsewhere = work.version_test(analyst), work.version_test(work.agent(ada))
    path = f"agents/{analyst.slug}/tests"
    rows = read(owner.get(path, {"kind": "prompt_injection", "outcome": "failed"}))["results"]
    assert [row["id"] for row in rows] == [str(record.pk)]
    assert read(owner.get(f"{path}/{record.pk}")) == rows[0]
    assert (rows[0]["version"], rows[0]["failed"]) == (analyst_version.label, 1)
    problem(owner.get(f"{path}/{elsewhere.pk}"), 404, "not-found")


def test_people_record_tests(owner: Caller, auditor: Caller, analyst_version: AgentVersion) -> None:
    path = f"agents/{analyst_version.agent.slug}/tests"
    given = VersionTestGiven.example | {"version": analyst_version.label}
    problem(auditor.post(path, given), 403, "denied")
    answered = owner.post(path, given)
    record = made(answered)
    assert (record["kind"], record["version_digest"]) == ("tabletop", analyst_version.digest)
    assert read(owner.get(answered["Location"])) == record
    assert made(owner.post(path, given))["id"] == record["id"]
    problem(owner.post(path, given | {"passed": 5}), 409, "conflict")
    told = problem(owner.post(path, given | {"version": "9"}), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == ["/version"]


def test_notifications_are_ones_own(owner: Caller, olivia: Person, ada: Person) -> None:
    mine, others = work.notification(olivia), work.notification(ada)
    assert [row["id"] for row in read(owner.get("notifications"))["results"]] == [str(mine.pk)]
    problem(owner.get(f"notifications/{others.pk}"), 404, "not-found")
    problem(owner.post(f"notifications/{others.pk}/reading"), 404, "not-found")
    problem(
        caller(olivia, TokenScope.READ).post(f"notifications/{mine.pk}/reading"), 403, "insufficient-scope"
    )
    assert read(owner.post(f"notifications/{mine.pk}/reading"))["read_at"]
    assert read(owner.get("notifications", {"unread": "true"}))["results"] == []
    assert Notification.objects.get(pk=others.pk).read_at is None


def test_provisioning_clients_without_their_secrets(administrator: Caller, owner: Caller) -> None:
    work.fill(Person.objects.get(username="olivia"), 1)
    (client,) = read(administrator.get("scim-clients"))["results"]
    assert read(administrator.get(f"scim-clients/{client['id']}")) == client
    assert not [name for name in client if "credential" in name or "secret" in name]
    problem(owner.get("scim-clients"), 403, "denied")
    problem(owner.get(f"scim-clients/{client['id']}"), 404, "not-found")


# --- Files ------------------------------------------------------------------------------------------------
def file_of(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("register.yaml", content)


def test_what_is_exported_is_imported(owner: Caller, analyst: Agent, oscar: Person) -> None:
    exported = owner.get("register/export").content
    assert analyst.slug.encode() in exported
    assert owner.get("register/export", {"format": "csv"}).content.startswith(b"slug,")
    problem(owner.get("register/export", {"format": "xlsx"}), 400, "bad-parameter")
    problem(caller(oscar).get("register/export"), 404, "not-found")
    changed = exported.replace(analyst.name.encode(), b"Another name")
    form = {"file": file_of(changed), "format": "yaml", "dry_run": "true"}
    shown = read(owner.send("register/import", form))
    assert [(each["slug"], each["verb"]) for each in shown["changes"]] == [(analyst.slug, "amend")]
    assert shown["problems"] == []
    analyst.refresh_from_db()
    assert analyst.name != "Another name"
    done = {"file": file_of(changed), "format": "yaml", "expected": shown["digest"]}
    assert not read(owner.send("register/import", done))["dry_run"]
    analyst.refresh_from_db()
    assert analyst.name == "Another name"
    assert Event.objects.filter(action="register.imported", outcome="success").count() == 1
    again = {"file": file_of(exported), "format": "yaml", "expected": shown["digest"]}
    problem(owner.send("register/import", again), 409, "conflict")


def test_an_import_that_is_refused(auditor: Caller, olivia: Person, daniel: Person, analyst: Agent) -> None:
    exported = caller(olivia).get("register/export").content
    form = {"file": file_of(exported), "format": "yaml"}
    problem(auditor.send("register/import", form), 403, "denied")
    problem(
        caller(olivia, TokenScope.READ).send("register/import", form | {"file": file_of(exported)}),
        403,
        "insufficient-scope",
    )
    broken = {"file": file_of(b"agents: 7"), "format": "yaml"}
    told = problem(caller(olivia).send("register/import", broken), 422, "invalid")
    assert all(error["pointer"].startswith("/file") for error in told["errors"])
    dry = {"file": file_of(b"agents: 7"), "format": "yaml", "dry_run": "true"}
    assert read(caller(olivia).send("register/import", dry))["problems"]
