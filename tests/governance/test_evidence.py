"""What governance puts into a bundle."""

import hashlib
from datetime import timedelta

import orjson
import pytest
from django.utils import timezone

from agents.models import Agent, Person
from audits import evidence
from audits.evidence import Artefact, Missing, Scope
from governance.choices import AssessmentKind
from governance.models import Approval
from tests.governance.papers import signed
from tests.governance.story import elevate, read, resource, start_instance

pytestmark = pytest.mark.django_db


def collected(scope: Scope) -> dict[str, bytes]:
    return {
        artefact.path: artefact.read()
        for artefact in evidence.collect(scope)
        if isinstance(artefact, Artefact)
        and artefact.path.startswith(("approvals/", "assessments/", "artefacts/governance/"))
    }


def test_the_exact_bytes_that_were_approved_are_there(active_analyst: Agent) -> None:
    files = collected(Scope(stream=active_analyst.stream))
    content = files[f"approvals/{active_analyst.approved_digest}.json"]
    assert hashlib.sha256(content).hexdigest() == active_analyst.approved_digest


def test_the_exact_bytes_that_were_signed_are_there_and_count_as_risk_assessments(
    analyst: Agent, olivia: Person, sasha: Person
) -> None:
    lacks = [
        found.sentence
        for found in evidence.collect(Scope(stream=analyst.stream))
        if isinstance(found, Missing)
    ]
    assert any("Risk assessment" in sentence for sentence in lacks)
    made = signed(olivia, sasha, analyst, AssessmentKind.SECURITY)
    collected_now = list(evidence.collect(Scope(stream=analyst.stream)))
    lacks = [found.sentence for found in collected_now if isinstance(found, Missing)]
    assert not any("Risk assessment" in sentence for sentence in lacks)
    content = collected(Scope(stream=analyst.stream))[f"assessments/{made.sha256}.json"]
    assert hashlib.sha256(content).hexdigest() == made.sha256


def test_tables_tell_who_decided_what(active_analyst: Agent, olivia: Person, members: list[Person]) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    read(start_instance(active_analyst))
    files = collected(Scope(stream=active_analyst.stream))
    tables = {
        path.removeprefix("artefacts/governance/"): orjson.loads(content)
        for path, content in files.items()
        if path.startswith("artefacts/")
    }
    assert set(tables) == {
        "approval.json", "vote.json", "riskassessment.json", "grant.json", "elevation.json", "decision.json",
        "changerequest.json", "release.json",
        "impactassessment.json", "mitigation.json", "gatesignature.json", "decisionoutcome.json",
        "containment.json", "unfreeze.json",
        "accessrequest.json", "breakglass.json", "approvalopening.json",
        "roleassignment.json", "agentrole.json", "agentroleversion.json", "resource.json",
        "scopeexception.json",
    }  # fmt: skip
    assert {row["person_id"] for row in tables["vote.json"]} == {str(member.pk) for member in members}
    assert [row["id"] for row in tables["elevation.json"]] == [str(elevation.pk)]
    assert len(tables["grant.json"]) == 3
    assert tables["decision.json"][0]["reason"] == "allowed_by_grant"


def test_building_it_twice_gives_the_same_bytes(active_analyst: Agent) -> None:
    scope = Scope(stream=active_analyst.stream)
    assert collected(scope) == collected(scope)


def test_decisions_are_limited_to_the_period_and_approvals_to_its_end(active_analyst: Agent) -> None:
    read(start_instance(active_analyst))
    tomorrow = timezone.now() + timedelta(days=1)
    later = collected(Scope(stream=active_analyst.stream, since=tomorrow))
    assert orjson.loads(later["artefacts/governance/decision.json"]) == []
    assert f"approvals/{active_analyst.approved_digest}.json" in later
    earlier = collected(Scope(stream=active_analyst.stream, until=tomorrow - timedelta(days=2)))
    assert not any(path.startswith("approvals/") for path in earlier)


@pytest.mark.parametrize("stream", ["system", "agent/nobody", "person/00000000-0000-0000-0000-000000000000"])
def test_other_streams_have_nothing(stream: str, submitted: Approval) -> None:
    assert collected(Scope(stream=stream)) == {}
