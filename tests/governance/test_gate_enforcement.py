"""The board is asked once the gates that the risk class demands are met, and decides on how they stood."""

import json

import pytest

from agents.models import Agent, AgentVersion, Person
from audits import evidence
from audits.errors import Conflict, Invalid
from audits.evidence import Artefact, Missing, Scope
from governance import contents
from governance.choices import ApprovalState, Gate, GateState
from governance.erasure import SeatErasure
from governance.models import Approval, GateSignature
from governance.services import approvals, dossiers, gates, risk
from tests.conftest import ANSWERS
from tests.governance import ready
from tests.governance.story import cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(olivia: Person, sasha: Person, analyst: Agent, analyst_version: AgentVersion) -> AgentVersion:
    ready.demand_gates()
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    return analyst_version


@pytest.fixture
def asked(olivia: Person, sasha: Person, analyst: Agent, version: AgentVersion) -> Approval:
    """Before the board with everything that is demanded."""
    ready.make_ready(analyst, version, owner=olivia, member=sasha)
    return dossiers.submit(actor=olivia, version=version)


def test_the_refusal_says_by_gate_what_is_missing(olivia: Person, version: AgentVersion) -> None:
    with pytest.raises(Invalid, match="deployment checklist") as caught:
        dossiers.submit(actor=olivia, version=version)
    assert set(caught.value.fields) == {gate.value for gate in ready.unmet(version.agent, version)}
    assert "Prompt injection: no run on this version" in caught.value.fields[Gate.TESTING.value]
    assert not Approval.objects.exists()


def test_a_class_demands_which_gates(olivia: Person, version: AgentVersion) -> None:
    ready.demand_gates([Gate.PROVENANCE, Gate.IDENTITY_AND_ACCESS])
    approval = dossiers.submit(actor=olivia, version=version)
    frozen = contents.read(approval)["gates"]
    assert [row["gate"] for row in frozen] == Gate.values
    assert {row["gate"] for row in frozen if row["demanded"]} == {Gate.PROVENANCE, Gate.IDENTITY_AND_ACCESS}


def test_how_the_gates_stood_is_frozen_with_the_request(asked: Approval) -> None:
    rows = {row["gate"]: row for row in contents.read(asked)["gates"]}
    after = {Gate.COMPLIANCE_EVIDENCE.value, Gate.POST_DEPLOYMENT.value}
    assert {name for name, row in rows.items() if row["state"] == GateState.AFTER_APPROVAL} == after
    assert {row["state"] for name, row in rows.items() if name not in after} == {GateState.MET.value}
    signature = GateSignature.objects.get(gate=Gate.MONITORING)
    assert rows[Gate.MONITORING]["evidence"][0]["reference"] == f"gate_signature/{signature.pk}"
    assert contents.is_intact(asked)


def test_more_evidence_does_not_void_the_request(asked: Approval, olivia: Person, carla: Person) -> None:
    version = asked.agent.versions.get()
    ready.record(olivia.actor, version, "safety")
    cast(carla, asked)
    asked.refresh_from_db()
    assert asked.state == ApprovalState.PENDING


def test_a_test_that_failed_meanwhile_voids_the_request(
    asked: Approval, olivia: Person, carla: Person
) -> None:
    version = asked.agent.versions.get()
    ready.record(olivia.actor, version, "functional", outcome="failed", failed=2)
    with pytest.raises(Conflict, match="Testing is not met any more"):
        cast(carla, asked)
    asked.refresh_from_db()
    assert asked.state == ApprovalState.VOIDED


def test_a_signature_that_was_taken_back_voids_the_request(asked: Approval, sasha: Person) -> None:
    signature = GateSignature.objects.get(gate=Gate.MONITORING)
    gates.revoke_signature(actor=sasha, signature=signature, reason="I overlooked a limit.")
    asked.refresh_from_db()
    assert (asked.state, approvals.sweep()) == (ApprovalState.VOIDED, 0)
    assert "Monitoring is not met any more" in asked.reason


def test_the_sweep_voids_what_a_failed_test_has_overtaken(asked: Approval, olivia: Person) -> None:
    version = asked.agent.versions.get()
    ready.record(olivia.actor, version, "functional", outcome="failed", failed=2)
    assert approvals.sweep() == 1


def test_the_evidence_tells_of_tests_and_signatures(asked: Approval, sasha: Person) -> None:
    stream = asked.agent.stream
    found = {item.path: item.read() for item in evidence.collect(Scope(stream)) if isinstance(item, Artefact)}
    tests = json.loads(found["artefacts/agents/tests.json"])
    signatures = json.loads(found["artefacts/governance/gatesignature.json"])
    assert {row["kind"] for row in tests} == {"functional", "prompt_injection"}
    assert {row["gate"] for row in signatures} == {"monitoring", "post_deployment"}
    missing = [item.sentence for item in evidence.collect(Scope(stream)) if isinstance(item, Missing)]
    assert missing == []
    exported = SeatErasure().export(f"person/{sasha.pk}")
    assert [row["gate"] for row in exported["gates"]] == ["monitoring"]  # type: ignore[index, union-attr, call-overload]
