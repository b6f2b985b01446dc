"""What governance contributes to an evidence bundle: what was approved, by whom, and what followed."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet

from agents.choices import DocumentKind
from agents.models import Agent, AgentDocument
from audits import history
from audits.evidence import Artefact, Missing, Scope, table
from governance.models import Approval, Decision, Elevation, Grant, RiskAssessment, Vote

# Who and what, by id: names stay in the ledger, where they can be erased.
TABLES: tuple[tuple[type[Model], str, str, tuple[str, ...]], ...] = (
    (
        Approval,
        "agent_id",
        "requested_at",
        ("subject", "subject_id", "title", "digest", "rule", "excluded", "requested_by_id", "requested_at",
         "expires_at", "state", "resolved_at", "reason"),
    ),
    (
        Vote,
        "approval__agent_id",
        "voted_at",
        ("approval_id", "person_id", "discipline", "choice", "comment", "digest", "voted_at"),
    ),
    (
        RiskAssessment,
        "agent_id",
        "assessed_at",
        ("answers", "score", "risk_class_id", "assessed_by", "assessed_at"),
    ),
    (
        Grant,
        "agent_id",
        "starts_at",
        ("action", "resource", "access", "elevation_id", "approval_id", "starts_at", "ends_at"),
    ),
    (
        Elevation,
        "agent_id",
        "requested_at",
        ("proposal_id", "action", "resource", "intent", "minutes", "uses", "used", "requested_by_id",
         "requested_at", "state", "starts_at", "ends_at", "ended_at", "end_reason"),
    ),
    (
        Decision,
        "agent_id",
        "decided_at",
        ("instance_id", "task_id", "action", "resource", "access", "intent", "allowed", "reason", "message",
         "requestable", "grant_id", "elevation_id", "credential_seconds", "policy_version",
         "enforcement_point_id", "decided_at"),
    ),
)  # fmt: skip

CHUNK = 1_000


class GovernanceEvidence:
    """Contributes to the bundle of an agent; other streams have nothing here."""

    def collect(self, scope: Scope) -> Iterable[Artefact | Missing]:
        """`approvals/<sha256>.json` are the exact bytes that people decided on; the rest are tables."""
        agent_id = _agent_id(scope.stream)
        return self._of_agent(agent_id, scope) if agent_id else ()

    def _of_agent(self, agent_id: UUID, scope: Scope) -> Iterator[Artefact | Missing]:
        for approval in _rows(Approval, "agent_id", "requested_at", agent_id, scope):
            yield Artefact(f"approvals/{approval.digest}.json", approval.content.encode())
        for model, owner, moment, columns in TABLES:
            values = _rows(model, owner, moment, agent_id, scope).values("id", *columns)
            name = model._meta.model_name  # noqa: SLF001 - public in Django, whatever its name
            yield table(f"artefacts/governance/{name}.json", values.iterator(CHUNK))
        agent = Agent.objects.filter(pk=agent_id).first()
        assessed = _rows(RiskAssessment, "agent_id", "assessed_at", agent_id, scope).exists()
        if (
            agent
            and not assessed
            and not AgentDocument.objects.filter(agent=agent, kind=DocumentKind.RISK).exists()
        ):
            yield Missing(f"{DocumentKind.RISK.label} of {agent}: none was made, and none is attached.")
        governed: tuple[type[Model], ...] = (Approval, Elevation, Grant)
        for model in governed:
            rows = model._default_manager.filter(agent_id=agent_id)  # noqa: SLF001 - as above
            yield from history.artefacts(rows, scope)


def _agent_id(stream: str) -> UUID | None:
    kind, _, name = stream.partition("/")
    try:
        return UUID(name) if kind == "agent" else None
    except ValueError:
        return None


def _rows(model: type[Model], owner: str, moment: str, agent_id: UUID, scope: Scope) -> QuerySet[Any]:
    limits: dict[str, Any] = {owner: agent_id}
    if scope.until:
        limits[f"{moment}__lt"] = scope.until
    if scope.since and model in {Vote, Decision}:
        limits[f"{moment}__gte"] = scope.since
    return model._default_manager.filter(**limits).order_by("pk")  # noqa: SLF001 - as above
