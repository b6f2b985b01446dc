"""What the agents' room contributes to an evidence bundle: the builds, and what they did (S0-8)."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import orjson
from django.db.models import QuerySet

from agents.models import AgentInstance, AgentVersion, Assessment, FunctionCall, Run
from agents.provenance import Provenance
from audits import canonical
from audits.evidence import Artefact, Scope

# By id, and without what models and reports said: that stays in the ledger, where it can be erased.
INSTANCES = ("id", "version_id", "spiffe_id", "started_at", "ended_at")
RUNS = (
    "id", "report_id", "version_id", "instance_id", "state", "reason", "planner", "caps", "turns", "calls",
    "tokens", "findings_done", "findings_failed", "queued_at", "started_at", "ended_at",
)  # fmt: skip
CALLS = (
    "id", "run_id", "finding_id", "at", "function", "service", "outcome", "location", "resource",
    "decision_id", "decision_reason", "credential_id", "milliseconds",
)  # fmt: skip
ASSESSMENTS = (
    "id", "run_id", "finding_id", "at", "state", "reason", "planner", "severity", "confidence",
    "nvd_outcome", "compliance_impact",
)  # fmt: skip


class AgentsEvidence:
    """Contributes to the bundle of an agent; other streams have nothing here."""

    def collect(self, scope: Scope) -> Iterable[Artefact]:
        """`versions/<digest>.json` are the exact bytes of a provenance; the rest are tables."""
        agent_id = _agent_id(scope.stream)
        return _of_agent(agent_id, scope) if agent_id else ()


def _of_agent(agent_id: UUID, scope: Scope) -> Iterator[Artefact]:
    versions = _within(AgentVersion.objects.filter(agent=agent_id), "added_at", scope, since=False)
    records = {version.digest: Provenance.of(version).record for version in versions}
    for digest in sorted(records):
        yield Artefact(f"artefacts/agents/versions/{digest}.json", canonical.dumps(records[digest]))
    tables: tuple[tuple[str, QuerySet[Any], str, tuple[str, ...]], ...] = (
        ("instances", AgentInstance.objects.filter(agent=agent_id), "started_at", INSTANCES),
        ("runs", Run.objects.filter(agent=agent_id), "queued_at", RUNS),
        ("function_calls", FunctionCall.objects.filter(run__agent=agent_id), "at", CALLS),
        ("assessments", Assessment.objects.filter(run__agent=agent_id), "at", ASSESSMENTS),
    )
    for name, rows, moment, columns in tables:
        listed = list(_within(rows, moment, scope, since=True).values(*columns))
        yield Artefact(f"artefacts/agents/{name}.json", _json(listed))


def _agent_id(stream: str) -> UUID | None:
    kind, _, name = stream.partition("/")
    try:
        return UUID(name) if kind == "agent" else None
    except ValueError:
        return None


def _within(rows: QuerySet[Any], moment: str, scope: Scope, *, since: bool) -> QuerySet[Any]:
    if scope.until:
        rows = rows.filter(**{f"{moment}__lt": scope.until})
    if since and scope.since:
        rows = rows.filter(**{f"{moment}__gte": scope.since})
    return rows.order_by("pk")


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z)
