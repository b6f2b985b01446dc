"""What the agents' room puts into a bundle."""

import hashlib
import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils import timezone

from agents.analyst import run as analyst
from agents.evidence import AgentsEvidence
from agents.models import Agent, Finding, Person, Run
from agents.services import dependencies, handovers, third_parties
from audits import evidence
from audits.evidence import Artefact, Scope
from portal.demo import papers
from tests.agents.surroundings import agent, depend, facts, third_party, tool
from tests.audits.bundling import build, unpack, verdict

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


def test_who_was_offered_the_agent_is_told(active_analyst: Agent, olivia: Person, oscar: Person) -> None:
    handover = handovers.offer(actor=olivia, agent=active_analyst, to=oscar)
    handovers.decline(actor=oscar, handover=handover)
    told = json.loads(collected(Scope(active_analyst.stream))[f"history/agents.handover/{handover.pk}.json"])
    assert [row["record"]["fields"]["state"] for row in told["rows"]] == ["offered", "declined"]


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


def test_what_it_depends_on_is_there_with_each_state_it_had(
    active_analyst: Agent, olivia: Person, stella: Person
) -> None:
    nist = third_party(stella, contact="nvd@nist.gov")
    nvd = tool(stella, provider=nist)
    depend(olivia, active_analyst, nvd)
    helper = agent(olivia, "helper")
    made = depend(olivia, helper, active_analyst)
    third_parties.change(actor=stella, third_party=nist, facts=facts(contract_reference="CW-1"))
    third_party(stella, "other")
    files = collected(Scope(active_analyst.stream))

    def rows(name: str) -> list[dict[str, object]]:
        listed: list[dict[str, object]] = json.loads(files[f"artefacts/agents/{name}.json"])
        return listed

    assert [row["to_tool_id"] for row in rows("dependencies")] == [str(nvd.pk)]
    assert [row["id"] for row in rows("dependents")] == [str(made.pk)]
    assert [(row["slug"], row["provider_id"]) for row in rows("tools")] == [("nvd-api", str(nist.pk))]
    states = [(row["slug"], row["number"], row["contract_reference"]) for row in rows("third_parties")]
    assert states == [("nist", 1, ""), ("nist", 2, "CW-1")]
    assert b"nvd@nist.gov" not in b"".join(files.values())
    before = collected(Scope(active_analyst.stream, until=made.added_at - timedelta(days=1)))
    for name in ("dependencies", "dependents", "tools", "third_parties"):
        assert json.loads(before[f"artefacts/agents/{name}.json"]) == []


def test_a_bundle_with_dependencies_verifies(
    active_analyst: Agent, olivia: Person, stella: Person, settings: LazySettings, tmp_path: Path
) -> None:
    settings.BUNDLES_DIR = tmp_path
    made = depend(olivia, active_analyst, tool(stella, provider=third_party(stella)))
    dependencies.end(actor=olivia, dependency=made, reason="Over.")
    papers.attach(olivia, active_analyst)
    bundle = build(active_analyst.stream)
    assert verdict(bundle.path)[0] == 0, verdict(bundle.path)
    path = f"history/{active_analyst.stream.replace('/', '-')}/agents.dependency/{made.pk}.json"
    assert len(json.loads(unpack(bundle.path)[path])["rows"]) == 2


def test_the_whole_entry_is_in_it_with_people_by_id(active_analyst: Agent, olivia: Person) -> None:
    files = collected(Scope(active_analyst.stream))
    entry = json.loads(files["artefacts/agents/entry.json"])
    shown = {field.attname for field in Agent._meta.concrete_fields}
    assert shown <= set(entry)
    assert entry["owner_id"] == str(olivia.pk)
    assert b"Olivia" not in files["artefacts/agents/entry.json"]
    assert entry["outside_agent_policy"] == {}
    assert "problem_classes" in json.loads(files["artefacts/agents/agent_policy.json"])
