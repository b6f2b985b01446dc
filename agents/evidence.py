"""What the agents' room contributes to an evidence bundle: the builds, and what they did (S0-8)."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import orjson
from django.db.models import QuerySet

from agents.choices import DocumentKind
from agents.models import (
    Agent,
    AgentDocument,
    AgentInstance,
    AgentVersion,
    Assessment,
    FunctionCall,
    Person,
    ProposedAction,
    Run,
)
from agents.provenance import Provenance
from audits import canonical, history
from audits.evidence import Artefact, Missing, Scope, table

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

NEEDED = (DocumentKind.ARCHITECTURE, DocumentKind.DATA_FLOW, DocumentKind.POLICY, DocumentKind.TESTING)
NO_INCIDENTS = (
    "No incident was recorded: no incident log is attached to this agent, and the portal keeps none itself."
)
CHUNK = 1_000


class AgentsEvidence:
    """Contributes to the bundle of an agent or a person; other streams have nothing here."""

    def collect(self, scope: Scope) -> Iterable[Artefact | Missing]:
        """`versions/<digest>.json` are the exact bytes of a provenance; the rest are tables and history."""
        if agent_id := _named("agent", scope.stream):
            return _of_agent(agent_id, scope)
        if person_id := _named("person", scope.stream):
            return history.artefacts(Person.objects.filter(pk=person_id), scope)
        return ()


def _of_agent(agent_id: UUID, scope: Scope) -> Iterator[Artefact | Missing]:
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
        listed = _within(rows, moment, scope, since=True).values(*columns)
        yield table(f"artefacts/agents/{name}.json", listed.iterator(CHUNK))
    yield from _documents(agent_id, scope)
    governed: tuple[QuerySet[Any], ...] = (
        Agent.objects.filter(pk=agent_id),
        AgentVersion.objects.filter(agent=agent_id),
        ProposedAction.objects.filter(agent=agent_id),
    )
    for rows in governed:
        yield from history.artefacts(rows, scope)


def _documents(agent_id: UUID, scope: Scope) -> Iterator[Artefact | Missing]:
    """What was attached, and what of S1-20 was not. Governance knows about risk assessments."""
    agent = Agent.objects.filter(pk=agent_id).first()
    documents = _within(AgentDocument.objects.filter(agent=agent_id), "added_at", scope, since=False)
    listed = documents.values("id", "kind", "title", "file_name", "sha256", "size", "added_by", "added_at")
    yield table("artefacts/agents/documents.json", listed.iterator(CHUNK))
    for document in documents.iterator(1):
        yield Artefact(document.bundle_path, bytes(document.content))
    have = set(documents.order_by().values_list("kind", flat=True))
    for kind in NEEDED:
        if kind not in have and agent is not None:
            yield Missing(f"{kind.label} of {agent}: none is attached.")
    if DocumentKind.INCIDENTS not in have:
        yield Artefact("artefacts/agents/incidents.json", _json({"incidents": [], "note": NO_INCIDENTS}))


def _named(kind: str, stream: str) -> UUID | None:
    found, _, name = stream.partition("/")
    try:
        return UUID(name) if found == kind else None
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
