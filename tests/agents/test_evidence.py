"""What the agents' room puts into a bundle."""

import hashlib
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from agents.analyst import run as analyst
from agents.evidence import AgentsEvidence
from agents.models import Agent, Finding, Run
from audits import evidence
from audits.evidence import Artefact, Scope

pytestmark = pytest.mark.django_db


def collected(scope: Scope) -> dict[str, bytes]:
    return {
        artefact.path: artefact.read()
        for artefact in AgentsEvidence().collect(scope)
        if isinstance(artefact, Artefact)
    }


def test_a_version_is_there_as_the_bytes_of_its_digest(active_analyst: Agent) -> None:
    version = active_analyst.active_version
    assert version is not None
    content = collected(Scope(active_analyst.stream))[f"artefacts/agents/versions/{version.digest}.json"]
    assert hashlib.sha256(content).hexdigest() == version.digest


def test_every_function_call_is_listed(run: Run, finding: Finding) -> None:
    analyst.perform(run_id=run.pk)
    calls = json.loads(collected(Scope(run.agent.stream))["artefacts/agents/function_calls.json"])
    assert [call["function"] for call in calls] == [
        "get_vulnerability_info",
        "assess_vulnerability",
        "open_ticket",
    ]
    assert {"at", "function", "service", "outcome", "location"} <= set(calls[0])


def test_the_period_limits_what_was_done_and_not_what_was_built(run: Run, finding: Finding) -> None:
    analyst.perform(run_id=run.pk)
    later = timezone.now() + timedelta(days=1)
    files = collected(Scope(run.agent.stream, since=later))
    assert json.loads(files["artefacts/agents/function_calls.json"]) == []
    assert any(path.startswith("artefacts/agents/versions/") for path in files)


@pytest.mark.parametrize("stream", ["system", "person/0195e3a0-0000-7000-8000-000000000000", "agent/none"])
def test_other_streams_have_nothing_here(active_analyst: Agent, stream: str) -> None:
    assert collected(Scope(stream)) == {}


def test_it_is_registered(active_analyst: Agent) -> None:
    paths = [
        artefact.path
        for artefact in evidence.collect(Scope(active_analyst.stream))
        if isinstance(artefact, Artefact)
    ]
    assert "artefacts/agents/runs.json" in paths
    assert len(paths) == len(set(paths))
