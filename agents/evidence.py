"""What the agents' room contributes to an evidence bundle: the builds, and what they did (S0-8)."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

import orjson
from django.db.models import Q, QuerySet

from agents import policy
from agents.choices import DocumentKind
from agents.models import (
    Agent,
    AgentDocument,
    AgentInstance,
    AgentVersion,
    Assessment,
    Delegation,
    Dependency,
    EgressAnomaly,
    EgressAttempt,
    EgressException,
    EgressPolicy,
    FunctionCall,
    Handover,
    Person,
    ProposedAction,
    Run,
    ThirdParty,
    Tool,
    VersionTest,
)
from agents.provenance import Provenance
from audits import canonical, history
from audits.evidence import Artefact, Missing, Scope, table
from audits.history import KEPT

# By id, and without what models and reports said: that stays in the ledger, where it can be erased.
ENTRY = (
    "id", "slug", "name", "purpose", "business_unit", "problem_class", "environment", "autonomy", "owner_id",
    "sponsor_id", "data_categories", "jurisdictions", "frameworks", "runbook", "monitoring_plan",
    "review_date", "attested_at", "state", "freeze_reason", "active_version_id", "approved_digest",
    "candidate_id", "candidate_digest", "candidate_percent", "edited", "ownerless_at", "reads_until",
    "found_by", "evidence", "registered_at",
)  # fmt: skip
INSTANCES = ("id", "version_id", "spiffe_id", "started_at", "ended_at")
RUNS = (
    "id", "report_id", "version_id", "instance_id", "state", "reason", "planner", "caps", "turns", "calls",
    "tokens", "findings_done", "findings_failed", "queued_at", "started_at", "ended_at",
)  # fmt: skip
CALLS = (
    "id", "run_id", "finding_id", "at", "function", "service", "outcome", "location", "resource",
    "decision_id", "decision_reason", "credential_id", "milliseconds",
)  # fmt: skip
ATTEMPTS = (
    "id", "run_id", "call_id", "asked_by", "scheme", "host", "port", "endpoint", "allowed", "reason", "entry",
    "address", "status", "bytes_out", "bytes_in", "at", "ended_at",
)  # fmt: skip
ANOMALIES = (
    "id", "kind", "destination", "observed", "expected", "since", "found_at", "closed_at", "closed_by",
)  # fmt: skip
ASSESSMENTS = (
    "id", "run_id", "finding_id", "at", "state", "reason", "planner", "severity", "confidence",
    "nvd_outcome", "compliance_impact",
)  # fmt: skip
# Of other agents and of the portal's stream as well: without the words that are erased there.
DEPENDENCIES = (
    "id", "agent_id", "kind", "to_agent_id", "to_tool_id", "to_third_party_id", "added_at", "ended_at",
)  # fmt: skip
TOOLS = (
    "id", "slug", "name", "kind", "endpoint", "provider_id", "data_categories", "jurisdictions", "ended_at",
)  # fmt: skip
THIRD_PARTIES = (
    "id", "slug", "name", "provides", "jurisdictions", "contract_reference", "contract_ends_on",
    "protections", "assessed_on", "assess_again_by", "high_risk", "penetration_tested_on", "code_reviewed_on",
    "remediation_plan", "ended_at",
)  # fmt: skip
# Of the person's stream: what for, in their words, stays there.
DELEGATIONS = (
    "id", "person_id", "agent_id", "actions", "resources", "data_scope", "may_pass_on", "starts_at",
    "ends_at", "ended_at", "ended_by", "end_reason",
)  # fmt: skip
TESTS = (
    "id", "version_id", "version_digest", "kind", "suite", "outcome", "passed", "failed", "skipped",
    "started_at", "ended_at", "tool", "tool_version", "commit", "run_id", "run_url", "report_sha256",
    "document_id", "recorded_by", "recorded_at",
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
            return _of_person(person_id, scope)
        return ()


def _of_person(person_id: UUID, scope: Scope) -> Iterator[Artefact]:
    """The account, and whom the person let act for them."""
    found = Person.objects.filter(pk=person_id)
    if not found.exists():
        return
    given = Delegation.objects.filter(person=person_id)
    yield _delegations(given, scope)
    for rows in (found, given):
        yield from history.artefacts(rows, scope)


def _delegations(rows: QuerySet[Delegation], scope: Scope) -> Artefact:
    """Who lets an agent act for them: the rows, which stay without their words when somebody is erased."""
    listed = _within(rows, "starts_at", scope, since=False).values(*DELEGATIONS)
    return table("artefacts/agents/delegations.json", listed.iterator(CHUNK))


def _of_agent(agent_id: UUID, scope: Scope) -> Iterator[Artefact | Missing]:
    yield from _entry(agent_id)
    versions = _within(AgentVersion.objects.filter(agent=agent_id), "added_at", scope, since=False)
    records = {version.digest: Provenance.of(version).record for version in versions}
    for digest in sorted(records):
        yield Artefact(f"artefacts/agents/versions/{digest}.json", canonical.dumps(records[digest]))
    tables: tuple[tuple[str, QuerySet[Any], str, tuple[str, ...]], ...] = (
        ("instances", AgentInstance.objects.filter(agent=agent_id), "started_at", INSTANCES),
        ("runs", Run.objects.filter(agent=agent_id), "queued_at", RUNS),
        ("function_calls", FunctionCall.objects.filter(run__agent=agent_id), "at", CALLS),
        ("assessments", Assessment.objects.filter(run__agent=agent_id), "at", ASSESSMENTS),
        ("tests", VersionTest.objects.filter(version__agent=agent_id), "recorded_at", TESTS),
    )
    for name, rows, moment, columns in tables:
        listed = _within(rows, moment, scope, since=True).values(*columns)
        yield table(f"artefacts/agents/{name}.json", listed.iterator(CHUNK))
    yield _delegations(Delegation.objects.filter(agent=agent_id), scope)
    yield from _egress(agent_id, scope)
    yield from _documents(agent_id, scope)
    yield from _dependencies(agent_id, scope)
    governed: tuple[QuerySet[Any], ...] = (
        Agent.objects.filter(pk=agent_id),
        AgentVersion.objects.filter(agent=agent_id),
        ProposedAction.objects.filter(agent=agent_id),
        Dependency.objects.filter(agent=agent_id),
        Handover.objects.filter(agent=agent_id),
    )
    for rows in governed:
        yield from history.artefacts(rows, scope)


def _egress(agent_id: UUID, scope: Scope) -> Iterator[Artefact]:
    """What it tried to reach, what of it was unusual, and each state of what it may reach."""
    attempts = _within(EgressAttempt.objects.filter(agent=agent_id), "at", scope, since=True)
    anomalies = _within(EgressAnomaly.objects.filter(agent=agent_id), "found_at", scope, since=True)
    yield table("artefacts/agents/egress_attempts.json", attempts.values(*ATTEMPTS).iterator(CHUNK))
    yield table("artefacts/agents/egress_anomalies.json", anomalies.values(*ANOMALIES).iterator(CHUNK))
    for model in (EgressPolicy, EgressException):
        yield from history.artefacts(model._default_manager.filter(agent=agent_id), scope)  # noqa: SLF001


def _entry(agent_id: UUID) -> Iterator[Artefact]:
    """The entry as it is now, people by id, and how it stands to the agent policy (S1-1, S1-3)."""
    agent = Agent.objects.filter(pk=agent_id).first()
    if agent is None:
        return
    counts = policy.active()
    said: dict[str, Any] = {name: getattr(agent, name) for name in ENTRY}
    said["deputy_ids"] = sorted(agent.deputies.values_list("pk", flat=True))
    outside = {one.field: one.sentence for one in policy.violations(agent, counts)}
    yield Artefact("artefacts/agents/entry.json", _json({**said, "outside_agent_policy": outside}))
    yield Artefact("artefacts/agents/agent_policy.json", _json(counts.record))


def _documents(agent_id: UUID, scope: Scope) -> Iterator[Artefact | Missing]:
    """What was attached, and what of S1-20 was not. Governance knows about risk assessments."""
    agent = Agent.objects.filter(pk=agent_id).first()
    documents = _within(AgentDocument.objects.filter(agent=agent_id), "added_at", scope, since=False)
    listed = documents.values("id", "kind", "title", "file_name", "sha256", "size", "added_by", "added_at")
    yield table("artefacts/agents/documents.json", listed.iterator(CHUNK))
    for document in documents.iterator(1):
        yield Artefact(document.bundle_path, bytes(document.content))
    have = set(documents.order_by().values_list("kind", flat=True))
    if _within(VersionTest.objects.filter(version__agent=agent_id), "recorded_at", scope, since=False):
        have.add(DocumentKind.TESTING.value)
    for kind in NEEDED:
        if kind not in have and agent is not None:
            yield Missing(f"{kind.label} of {agent}: none is attached.")
    if DocumentKind.INCIDENTS not in have:
        yield Artefact("artefacts/agents/incidents.json", _json({"incidents": [], "note": NO_INCIDENTS}))


def _dependencies(agent_id: UUID, scope: Scope) -> Iterator[Artefact]:
    """What it depends on and who on it; each state that its tools and third parties had, with its event."""
    own = _within(Dependency.objects.filter(agent=agent_id), "added_at", scope, since=False)
    others = _within(Dependency.objects.filter(to_agent=agent_id), "added_at", scope, since=False)
    tools = Tool.objects.filter(dependents__in=own.order_by())
    third_parties = Q(dependents__in=own.order_by()) | Q(tools__in=tools)
    tables: tuple[tuple[str, QuerySet[Any]], ...] = (
        ("dependencies", own.values(*DEPENDENCIES)),
        ("dependents", others.values(*DEPENDENCIES)),
        ("tools", history.states(tools, scope).values(*KEPT, *TOOLS)),
        (
            "third_parties",
            history.states(ThirdParty.objects.filter(third_parties), scope).values(*KEPT, *THIRD_PARTIES),
        ),
    )
    for name, rows in tables:
        yield table(f"artefacts/agents/{name}.json", rows.iterator(CHUNK))


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
