"""Lists: every page once, each row once, in the same order, at the same price."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents.models import Agent, Person
from governance.choices import ApprovalState, AssessmentState, DecisionReason, PolicyState, ReleaseState
from governance.models import (
    AgentRole,
    AgentRoleVersion,
    Approval,
    BreakGlass,
    Containment,
    Decision,
    Elevation,
    EnforcementPoint,
    GateSignature,
    Grant,
    ImpactAssessment,
    Mitigation,
    Pipeline,
    PolicyDifference,
    PolicyReplay,
    PolicyVersion,
    Release,
    Resource,
    RoleAssignment,
    ScopeException,
    Seat,
    Shrinking,
)
from tests.api.calling import PREFIX, Caller, caller, routes
from tests.portal import pages, work

LISTS = sorted({path for method, path in routes() if method == "get" and not path.endswith("}")})
ALONE = (
    "me", "risk-questionnaire", "ledger/checkpoint", "file", "agent-policy", "export",
    "change", "gates", "egress", "approver-load",
)  # fmt: skip


def lists(agent: Agent) -> list[str]:
    """Every list that there is, below this agent where it is below one."""
    return [path.replace("{slug}", agent.slug) for path in LISTS if not path.endswith(ALONE)]


def govern(owner: Person, number: int) -> None:
    """Rows of governance, straight into the tables."""
    for agent in Agent.objects.order_by("-pk")[:number]:
        point = EnforcementPoint.objects.create(
            name=f"point-{agent.pk}", created_at=work.NOON, created_by="person/x", credential_sha256="a" * 64
        )
        approval = Approval.objects.create(
            agent=agent, subject="agent_version", subject_id=agent.pk, title="It", content="{}",
            digest="a" * 64, rule={"seats": [], "quorum": 1, "veto": True}, excluded=[], requested_by=owner,
            expires_at=work.NOON, state=ApprovalState.REJECTED, resolved_at=work.NOON,
        )  # fmt: skip
        grant = Grant.objects.create(
            agent=agent, action="look", resource="endpoint/nvd", access="read", approval=approval
        )
        idle = Grant.objects.create(
            agent=agent, action="stare", resource="endpoint/{name}", access="read", approval=approval
        )
        Grant.objects.filter(pk=idle.pk).update(starts_at=work.NOON - timedelta(days=4000))
        Shrinking.objects.create(
            grant=idle, kind="end", days=90, replayed=0, proposed_by=owner, proposed_at=work.NOON
        )
        opened = Elevation.objects.create(
            agent=agent, action="open", resource="x/1", intent="To.", minutes=1, uses=1, requested_by=owner
        )
        BreakGlass.objects.create(
            elevation=opened, agent=agent, person=owner, reason="It burns.", content="{}", digest="a" * 64,
            broken_at=work.NOON, review_due_at=work.NOON,
        )  # fmt: skip
        Decision.objects.create(
            agent=agent, action="look", resource="endpoint/nvd", access="read", allowed=True, grant=grant,
            reason=DecisionReason.values[0], message="Yes.", policy_version="1", enforcement_point=point,
        )  # fmt: skip
        Containment.objects.create(
            level="agent", agent=agent, reason="It is looked at.", begun_by=owner, begun_at=work.NOON
        )
        pipeline = Pipeline.objects.create(
            name=f"pipeline-{agent.pk}",
            created_at=work.NOON,
            created_by="person/x",
            credential_sha256="a" * 64,
        )
        pipeline.agents.set([agent])
        policies(agent)
        speak(agent)
        person = Person.objects.create(username=f"seated-{agent.pk}")
        Seat.objects.create(person=person, discipline="legal", starts_at=work.NOON)


def policies(agent: Agent) -> None:
    """A withdrawn version with a replay and what its shadow noticed."""
    version = PolicyVersion.objects.create(
        number=PolicyVersion.objects.count() + 1, state=PolicyState.WITHDRAWN, policies={}, schema="",
        entities="[]", sha256="a" * 64, drafted_by="person/x", drafted_at=work.NOON,
    )  # fmt: skip
    PolicyReplay.objects.create(
        version=version, replayed=1, left_out=0, changed=0, result=[], sha256="a" * 64, replayed_at=work.NOON,
        replayed_by="person/x",
    )  # fmt: skip
    decision = Decision.objects.filter(agent=agent).latest("decided_at")
    PolicyDifference.objects.create(
        version=version, decision=decision, allowed=False, reason="guardrail", message="It is forbidden."
    )  # fmt: skip


def speak(agent: Agent) -> None:
    """A role that speaks of a resource, and an agent that holds it."""
    Resource.objects.create(
        name=f"resource-{agent.pk}", title="It", kind="api", type="endpoint", identifier=str(agent.pk),
        operations=["read"], sensitivity="public", owner=agent.owner, added_by="person/x",
    )  # fmt: skip
    role = AgentRole.objects.create(name=f"role_{agent.pk.hex}", added_by="person/x")
    role.current = AgentRoleVersion.objects.create(
        role=role, number=1, permissions=[], sha256="a" * 64, reason="It.", made_by="person/x"
    )
    role.save()
    RoleAssignment.objects.create(agent=agent, role=role, reason="It.", assigned_by=agent.owner)
    ScopeException.objects.create(
        reference="table/*", reason="It.", granted_by=agent.owner, until=timezone.now() + timedelta(days=1)
    )


def below(agent: Agent, number: int) -> None:
    for index in range(number):
        Agent.objects.create(
            slug=f"found-{agent.versions.count()}-{index}",
            name="Found",
            owner=agent.owner,
            state="discovered",
        )
        version = work.version(agent)
        work.document(agent)
        work.dependency(agent)
        work.version_test(agent)
        agent.risk_assessments.create(
            answers={}, score=1, computed="low", risk_class_id="low", assessed_by="person/x"
        )
        GateSignature.objects.create(
            agent=agent, version=version, gate="runbooks", statement="So it is.", person=agent.owner,
            signed_as="owner", digest="a" * 64,
        )  # fmt: skip
        assessment = assessed(agent)
        Mitigation.objects.create(
            assessment=assessment, position=0, risk="A leak", measure="Mask it.", owner=agent.owner,
            due=work.NOON.date(),
        )  # fmt: skip
        Release.objects.create(
            agent=agent, version=version, approval=approved(agent), previous=version,
            previous_digest="a" * 64, steps=[25, 100], percent=100, state=ReleaseState.COMPLETE,
            started_at=work.NOON, step_at=work.NOON, ended_at=work.NOON,
        )  # fmt: skip


def assessed(agent: Agent) -> ImpactAssessment:
    return ImpactAssessment.objects.create(
        agent=agent, kind="privacy", serial=agent.impact_assessments.count() + 1, template_version=1,
        state=AssessmentState.WITHDRAWN, writers=[], written_by=agent.owner, ended_at=work.NOON,
    )  # fmt: skip


def approved(agent: Agent) -> Approval:
    return Approval.objects.create(
        agent=agent, subject="agent_version", subject_id=agent.pk, title="It", content="{}", digest="a" * 64,
        rule={"seats": [], "quorum": 1, "veto": True}, excluded=[], requested_by=agent.owner,
        expires_at=work.NOON, state=ApprovalState.APPROVED, resolved_at=work.NOON,
    )  # fmt: skip


def fill(owner: Person, agent: Agent, number: int) -> None:
    pages.fill(owner, number)
    govern(owner, number)
    below(agent, number)
    for _ in range(number):
        work.notification(Person.objects.get(username="ada"))


def queries(everybody: Caller, path: str) -> tuple[int, int]:
    with CaptureQueriesContext(connection) as captured:
        answered = everybody.get(path, {"page_size": 200})
    assert answered.status_code == 200, answered.content
    return len(captured), len(answered.json()["results"])


def test_longer_lists_cost_no_more_queries(ada: Person, olivia: Person) -> None:
    everybody, agent = caller(ada), work.agent(olivia)
    everybody.get("me")
    fill(olivia, agent, 3)
    few = {path: queries(everybody, path) for path in lists(agent)}
    fill(olivia, agent, 27)
    many = {path: queries(everybody, path) for path in lists(agent)}
    assert {path: cost for path, (cost, _rows) in many.items()} == {
        path: cost for path, (cost, _) in few.items()
    }
    fixed = {f"{PREFIX}/risk-classes", f"{PREFIX}/anomaly-rules"}
    assert {path for path, (_cost, rows) in many.items() if rows < 30} == fixed


def test_pages_hold_every_row_once_and_new_rows_move_none(ada: Person, olivia: Person) -> None:
    everybody, agent = caller(ada), work.agent(olivia)
    fill(olivia, agent, 4)
    for path in lists(agent):
        whole = [_key(row) for row in everybody.get(path, {"page_size": 200}).json()["results"]]
        answered = everybody.get(path, {"page_size": 2}).json()
        seen = [_key(row) for row in answered["results"]]
        while answered["next"]:
            answered = everybody.get(answered["next"]).json()
            assert 1 <= len(answered["results"]) <= 2
            seen += [_key(row) for row in answered["results"]]
        # Reading the ledger and the bundles writes to the ledger, above what is being read.
        assert seen == whole or path.endswith("ledger/events"), path
        assert len(set(seen)) == len(seen)
        assert all(older < newer for newer, older in pairwise(seen)), path


def _sample(schema: dict[str, Any], agent: Agent) -> str:
    samples = {"boolean": "true", "integer": "1", "uuid": str(agent.pk), "date-time": "2026-01-01T00:00:00Z"}
    if "enum" in schema:
        return str(schema["enum"][0])
    return samples.get(schema.get("format", ""), samples.get(schema["type"], "x"))


def _key(row: Any) -> str:
    return str(row.get("id") or row["level"])


def test_nothing_is_counted_and_nothing_is_skipped(ada: Person, olivia: Person) -> None:
    everybody, agent = caller(ada), work.agent(olivia)
    fill(olivia, agent, 3)
    for path in lists(agent):
        following = everybody.get(path, {"page_size": 1}).json()["next"]
        with CaptureQueriesContext(connection) as captured:
            everybody.get(following)
        assert not [query for query in captured if "OFFSET" in query["sql"] or "COUNT(" in query["sql"]]


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("agents", {"state": "draft"}, "state"),
        ("findings", {"severity": "critical"}, "severity"),
        ("runs", {"state": "completed"}, "state"),
        ("bundles", {"state": "queued"}, "state"),
        ("proposals", {"state": "waiting"}, "state"),
        ("tickets", {"state": "open"}, "state"),
    ],
)
def test_filters_narrow(ada: Person, olivia: Person, path: str, query: dict[str, str], field: str) -> None:
    everybody = caller(ada)
    pages.fill(olivia, 2)
    rows = everybody.get(path, query).json()["results"]
    assert rows
    assert {row[field] for row in rows} == set(query.values())


def test_every_filter_of_every_list_answers(ada: Person, olivia: Person) -> None:
    """With a value that fits: no filter names a column that is not there."""
    everybody, agent = caller(ada), work.agent(olivia)
    document = everybody.get("openapi.json").json()
    asked = 0
    for path in LISTS:
        if path.endswith(ALONE):
            continue
        for parameter in document["paths"][path]["get"].get("parameters", []):
            schema = parameter["schema"]
            if parameter["in"] != "query" or parameter["name"] == "cursor":
                continue
            value = _sample(schema, agent)
            answered = everybody.get(path.replace("{slug}", agent.slug), {parameter["name"]: value})
            assert answered.status_code == 200, (path, parameter["name"], answered.content)
            asked += 1
    assert asked > 50
