"""Governance by API: it asks and takes away; what gives needs a person at the portal."""

from dataclasses import replace
from typing import Any

import pytest

from agents.analyst import provenance
from agents.choices import TokenScope
from agents.models import Agent, AgentVersion, Person
from agents.services import register
from governance.choices import AssessmentKind, Gate
from governance.models import Approval, GateSignature, ImpactAssessment, Mitigation, Pipeline, Release
from governance.services import assessments, dossiers
from tests.api.calling import Caller, caller, problem
from tests.api.test_resources import made, read
from tests.governance.story import cast, describe, edit
from tests.portal import work

NEWER = "sha256:" + "2" * 64
REASON = {"reason": "It is not needed."}
CHANGE = {
    "kinds": ["model"],
    "summary": "A newer model.",
    "impact": "Whoever reads it.",
    "monitoring_plan": "Corrections.",
    "rollback_plan": "Roll it back.",
}


@pytest.fixture
def owner(olivia: Person) -> Caller:
    return caller(olivia)


@pytest.fixture
def reader(olivia: Person) -> Caller:
    return caller(olivia, TokenScope.READ)


@pytest.fixture
def auditor(aude: Person) -> Caller:
    return caller(aude)


@pytest.fixture
def outsider(oscar: Person) -> Caller:
    return caller(oscar)


# --- Changes and releases -----------------------------------------------------------------------------------
def test_a_change_is_described(
    owner: Caller, auditor: Caller, reader: Caller, outsider: Caller, analyst_version: AgentVersion
) -> None:
    path = f"agents/{analyst_version.agent.slug}/versions/{analyst_version.label}/change"
    problem(owner.get(path), 404, "not-found")
    problem(auditor.put(path, CHANGE), 403, "denied")
    problem(reader.put(path, CHANGE), 403, "insufficient-scope")
    problem(outsider.put(path, CHANGE), 404, "not-found")
    told = problem(owner.put(path, CHANGE | {"summary": " ", "kinds": ["mood"]}), 422, "invalid")
    assert {error["pointer"] for error in told["errors"]} == {"/summary", "/kinds/0"}
    described = read(owner.put(path, CHANGE))
    assert described["requested_by"]["username"] == "olivia"
    assert read(auditor.get(path)) == described
    assert read(owner.put(path, CHANGE | {"kinds": ["data"]}))["kinds"] == ["data"]


def test_a_change_before_the_board_stands(owner: Caller, submitted: Approval) -> None:
    problem(owner.put(f"agents/{submitted.agent.slug}/versions/1.0.0/change", CHANGE), 409, "conflict")


@pytest.fixture
def release(active_analyst: Agent, olivia: Person, members: list[Person]) -> Release:
    """A successor that the board has just approved."""
    version = register.add_version(
        actor=olivia,
        agent=active_analyst,
        label="1.1.0",
        provenance=replace(provenance.current(), image_digest=NEWER),
    )
    describe(olivia, version)
    approval = dossiers.submit(actor=olivia, version=version)
    for member in members:
        cast(member, approval)
    return Release.objects.get()


def test_a_release_is_read_and_taken_back(
    owner: Caller, auditor: Caller, reader: Caller, release: Release, sasha: Person
) -> None:
    slug, path = release.agent.slug, f"releases/{release.pk}"
    (row,) = read(auditor.get(f"agents/{slug}/releases", {"state": "under_way"}))["results"]
    assert (row["version"], row["previous"]) == ("1.1.0", "1.0.0")
    assert read(auditor.get(path)).items() >= row.items()
    agent = read(owner.get(f"agents/{slug}"))
    assert (agent["candidate"], agent["candidate_percent"]) == ("1.1.0", row["percent"])
    problem(auditor.post(f"{path}/rollback", REASON), 403, "denied")
    problem(reader.post(f"{path}/rollback", REASON), 403, "insufficient-scope")
    problem(owner.post(f"{path}/rollback"), 422, "invalid")
    # The board may, too: it takes access away.
    assert read(caller(sasha).post(f"{path}/rollback", REASON))["state"] == "rolled_back"
    problem(owner.post(f"{path}/rollback", REASON), 409, "conflict")
    assert read(owner.get(f"agents/{slug}"))["candidate"] is None


def test_nobody_takes_back_what_they_may_not_see(outsider: Caller, release: Release) -> None:
    problem(outsider.get(f"releases/{release.pk}"), 404, "not-found")
    problem(outsider.post(f"releases/{release.pk}/rollback", REASON), 404, "not-found")


def test_no_token_promotes(owner: Caller, release: Release, ada: Person) -> None:
    for person in (owner, caller(ada)):
        problem(person.post(f"releases/{release.pk}/promotion"), 403, "needs-a-person")
    percent = release.percent
    release.refresh_from_db()
    assert release.percent == percent


# --- The checklist ------------------------------------------------------------------------------------------
def test_the_ten_gates_with_what_is_missing(
    owner: Caller, outsider: Caller, analyst_version: AgentVersion
) -> None:
    path = f"agents/{analyst_version.agent.slug}/versions/{analyst_version.label}/gates"
    gates = read(owner.get(path))["gates"]
    assert [gate["gate"] for gate in gates] == Gate.values
    risk = next(gate for gate in gates if gate["gate"] == "risk_assessment")
    assert risk["state"] == "missing"
    assert risk["missing"][0]["sentence"]
    problem(outsider.get(path), 404, "not-found")
    problem(owner.get(path.replace("1.0.0", "9")), 404, "not-found")


def test_a_signature_is_taken_back(
    owner: Caller, auditor: Caller, reader: Caller, outsider: Caller, analyst_version: AgentVersion
) -> None:
    agent = analyst_version.agent
    signature = GateSignature.objects.create(
        agent=agent, version=analyst_version, gate="runbooks", statement="So it is.", person=agent.owner,
        signed_as="owner", digest="a" * 64,
    )  # fmt: skip
    path = f"agents/{agent.slug}/gate-signatures"
    (row,) = read(auditor.get(path, {"gate": "runbooks"}))["results"]
    assert read(owner.get(f"{path}/{signature.pk}")) == row
    problem(owner.post(path, {"gate": "runbooks"}), 405, "method-not-allowed")
    revocation = f"{path}/{signature.pk}/revocation"
    problem(auditor.post(revocation, REASON), 403, "denied")
    problem(reader.post(revocation, REASON), 403, "insufficient-scope")
    problem(outsider.post(revocation, REASON), 404, "not-found")
    assert read(owner.post(revocation, REASON))["end_reason"] == REASON["reason"]
    problem(owner.post(revocation, REASON), 409, "conflict")


# --- Assessments --------------------------------------------------------------------------------------------
def test_an_assessment_is_begun_and_written_and_never_signed(
    owner: Caller, auditor: Caller, reader: Caller, analyst: Agent, ada: Person
) -> None:
    path = f"agents/{analyst.slug}/assessments"
    problem(auditor.post(path, {"kind": "privacy"}), 403, "denied")
    problem(reader.post(path, {"kind": "privacy"}), 403, "insufficient-scope")
    answered = owner.post(path, {"kind": "privacy"})
    one = f"{path}/{made(answered)['id']}"
    problem(owner.post(path, {"kind": "privacy"}), 409, "conflict")
    draft = read(auditor.get(one))
    assert draft["state"] == "draft"
    assert draft["missing"]
    plan = [
        {"risk": "A leak", "measure": "Mask it.", "owner": draft["written_by"]["id"], "due": "2099-01-01"}
    ]
    given = {"answers": draft["answers"], "plan": plan, "revision": draft["revision"]}
    problem(auditor.put(one, given), 403, "denied")
    written = read(owner.put(one, given))
    assert (written["plan"], written["revision"]) == (plan, draft["revision"] + 1)
    problem(owner.put(one, given), 409, "conflict")
    problem(owner.post(f"{one}/signature"), 404, "not-found")
    elsewhere = work.agent(ada)
    problem(owner.get(f"agents/{elsewhere.slug}/assessments/{draft['id']}"), 404, "not-found")
    assert read(owner.post(f"{one}/withdrawal", REASON))["state"] == "withdrawn"
    assert ImpactAssessment.objects.get().signed_at is None


def test_what_is_wrong_in_an_assessment_is_pointed_at(owner: Caller, olivia: Person, analyst: Agent) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=AssessmentKind.PRIVACY)
    path = f"agents/{analyst.slug}/assessments/{draft.pk}"
    wrong = {"answers": {"nothing": {"such": "is"}}, "plan": [], "revision": 0}
    told = problem(owner.put(path, wrong), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == ["/answers/nothing/such"]
    told = problem(
        owner.put(path, {"answers": {}, "plan": [{"due": "tomorrow"}], "revision": 0}), 422, "invalid"
    )
    assert [error["pointer"] for error in told["errors"]] == ["/plan"]


def test_a_mitigation_is_closed_by_its_owner(
    auditor: Caller, reader: Caller, outsider: Caller, analyst: Agent, olivia: Person
) -> None:
    owner = caller(olivia)
    draft = assessments.begin(actor=olivia, agent=analyst, kind=AssessmentKind.PRIVACY)
    promised = Mitigation.objects.create(
        assessment=draft, position=0, risk="A leak", measure="Mask it.", owner=olivia, due=work.NOON.date()
    )
    path, note = f"mitigations/{promised.pk}", {"note": "Masked."}
    (row,) = read(auditor.get("mitigations", {"state": "open", "owner": "olivia"}))["results"]
    assert read(owner.get(path)) == row
    problem(auditor.post(f"{path}/closing", note), 403, "denied")
    problem(reader.post(f"{path}/closing", note), 403, "insufficient-scope")
    problem(outsider.post(f"{path}/closing", note), 404, "not-found")
    assert read(owner.post(f"{path}/closing", note))["state"] == "done"
    problem(owner.post(f"{path}/closing", note), 409, "conflict")


# --- Risk ---------------------------------------------------------------------------------------------------
def test_a_class_says_everything_that_it_demands(auditor: Caller) -> None:
    for row in read(auditor.get("risk-classes"))["results"]:
        assert row["rollout_steps"][-1] == 100
        assert row["review_days"] > 0
        assert {"assessments", "tests", "gates", "exercise", "owner_grace_minutes"} <= set(row)


def test_another_class_is_asked_for_and_changes_nothing(
    owner: Caller, auditor: Caller, reader: Caller, outsider: Caller, active_analyst: Agent
) -> None:
    path = f"agents/{active_analyst.slug}/risk-override"
    (before,) = read(owner.get(f"agents/{active_analyst.slug}/risk-assessments"))["results"]
    other = "low" if before["risk_class"] == "high" else "high"
    wanted: dict[str, Any] = {"level": other, "reason": "It sees more."}
    problem(auditor.post(path, wanted), 403, "denied")
    problem(reader.post(path, wanted), 403, "insufficient-scope")
    problem(outsider.post(path, wanted), 404, "not-found")
    told = problem(owner.post(path, wanted | {"level": before["risk_class"]}), 422, "invalid")
    assert [error["pointer"] for error in told["errors"]] == ["/level"]
    approval = made(owner.post(path, wanted))
    assert (approval["subject"], approval["state"]) == ("risk_override", "pending")
    problem(owner.post(path, wanted), 409, "conflict")
    assert read(owner.get(f"agents/{active_analyst.slug}/risk-assessments"))["results"] == [before]


# --- Requests and what was approved -------------------------------------------------------------------------
def test_a_request_is_withdrawn_by_those_who_asked(
    owner: Caller, auditor: Caller, reader: Caller, outsider: Caller, submitted: Approval
) -> None:
    path = f"approvals/{submitted.pk}/withdrawal"
    problem(auditor.post(path, REASON), 403, "denied")
    problem(reader.post(path, REASON), 403, "insufficient-scope")
    problem(outsider.post(path, REASON), 404, "not-found")
    problem(owner.post(path), 422, "invalid")
    withdrawn = read(owner.post(path, REASON))
    assert (withdrawn["state"], withdrawn["reason"]) == ("withdrawn", REASON["reason"])
    problem(owner.post(path, REASON), 409, "conflict")
    assert read(owner.get(f"agents/{submitted.agent.slug}"))["state"] == "draft"


def test_what_was_approved_is_put_back(
    owner: Caller, auditor: Caller, outsider: Caller, active_analyst: Agent, olivia: Person
) -> None:
    path = f"agents/{active_analyst.slug}/put-back"
    problem(owner.post(path), 409, "conflict")
    edit(olivia, active_analyst, purpose="Something else.")
    problem(auditor.post(path), 403, "denied")
    problem(outsider.post(path), 404, "not-found")
    answered = read(owner.post(path))
    assert (answered["still_differs"], answered["agent"]["edited"]) == ([], [])
    assert answered["agent"]["purpose"] != "Something else."


def test_pipelines_without_their_secrets(ada: Person, owner: Caller, analyst: Agent) -> None:
    pipeline = Pipeline.objects.create(
        name="shop-ci", created_at=work.NOON, created_by="person/x", credential_sha256="a" * 64
    )
    pipeline.agents.add(analyst)
    administrator = caller(ada)
    (row,) = read(administrator.get("pipelines"))["results"]
    assert row["agents"] == [analyst.slug]
    assert read(administrator.get(f"pipelines/{pipeline.pk}")) == row
    assert not [name for name in row if "credential" in name or "secret" in name]
    problem(owner.get("pipelines"), 403, "denied")
    problem(owner.get(f"pipelines/{pipeline.pk}"), 404, "not-found")


# --- The description ----------------------------------------------------------------------------------------
def test_what_pipelines_ask_is_described_with_their_own_credential(owner: Caller) -> None:
    document = owner.get("openapi.json").json()
    for path in ("/api/v1/tests", "/api/v1/gate"):
        assert document["paths"][path]["post"]["security"] == [{"pipeline": []}]
        problem(owner.post(path, {}), 401, "invalid-token")
    assert set(document["components"]["securitySchemes"]) == {"token", "pipeline"}
