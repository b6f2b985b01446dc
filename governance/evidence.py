"""What governance contributes to an evidence bundle: what was approved, by whom, and what followed."""

from collections.abc import Iterable, Iterator
from typing import Any
from uuid import UUID

from django.db.models import Model, QuerySet

from agents.choices import DocumentKind
from agents.models import Agent, AgentDocument
from audits import history
from audits.evidence import Artefact, Missing, Scope, table
from governance import role_evidence
from governance.models import (
    AccessRequest,
    Approval,
    ApprovalOpening,
    BreakGlass,
    ChangeRequest,
    Containment,
    Decision,
    DecisionOutcome,
    Elevation,
    GateSignature,
    Grant,
    ImpactAssessment,
    Mitigation,
    Release,
    RiskAssessment,
    RoleAssignment,
    Unfreeze,
    Vote,
)

# Who and what, by id: names stay in the ledger, where they can be erased.
TABLES: tuple[tuple[type[Model], str, str, tuple[str, ...]], ...] = (
    (
        Approval,
        "agent_id",
        "requested_at",
        ("subject", "subject_id", "title", "digest", "revision", "rule", "excluded", "requested_by_id",
         "requested_at", "expires_at", "state", "resolved_at", "reason"),
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
        ("answers", "score", "computed", "risk_class_id", "overridden_by_id", "reason", "assessed_by",
         "assessed_at"),
    ),
    (
        ImpactAssessment,
        "agent_id",
        "begun_at",
        ("kind", "serial", "template_version", "state", "answers", "plan", "revision", "writers",
         "written_by_id", "begun_at", "updated_at", "signed_by_id", "signed_as", "signed_at", "sha256",
         "ended_at", "end_reason"),
    ),
    (
        GateSignature,
        "agent_id",
        "signed_at",
        ("version_id", "gate", "statement", "document_id", "person_id", "signed_as", "digest", "signed_at",
         "ended_at", "ended_by", "end_reason"),
    ),
    (
        Mitigation,
        "assessment__agent_id",
        "assessment__signed_at",
        ("assessment_id", "position", "risk", "measure", "owner_id", "due", "state", "closed_at", "closed_by",
         "note"),
    ),
    (
        ChangeRequest,
        "agent_id",
        "requested_at",
        ("version_id", "kinds", "summary", "impact", "monitoring_plan", "rollback_plan", "requested_by_id",
         "requested_at"),
    ),
    (
        Release,
        "agent_id",
        "started_at",
        ("version_id", "approval_id", "previous_id", "previous_digest", "steps", "percent", "state",
         "started_at", "step_at", "ended_at", "reason"),
    ),
    (
        Grant,
        "agent_id",
        "starts_at",
        ("action", "resource", "access", "elevation_id", "approval_id", "assignment_id", "exception_id",
         "conditions", "starts_at", "ends_at"),
    ),
    (
        RoleAssignment,
        "agent_id",
        "starts_at",
        ("role_id", "kind", "addition_id", "conditions", "reason", "assigned_by_id", "starts_at", "ends_at",
         "ended_at", "ended_by", "end_reason"),
    ),
    (
        Elevation,
        "agent_id",
        "requested_at",
        ("proposal_id", "action", "resource", "intent", "minutes", "uses", "latest_end", "call_digest",
         "revision", "used", "requested_by_id", "asked_by_id", "requested_at",
         "state", "starts_at", "ends_at", "ended_at", "end_reason"),
    ),
    (
        AccessRequest,
        "elevation__agent_id",
        "requested_at",
        ("elevation_id", "asked_by_id", "decision_id", "idempotency_key", "digest", "requested_at"),
    ),
    (
        BreakGlass,
        "agent_id",
        "broken_at",
        ("elevation_id", "person_id", "reason", "digest", "broken_at", "review_due_at", "reviewed_at",
         "reviewed_by_id", "is_justified", "review", "locked_at"),
    ),
    (
        ApprovalOpening,
        "approval__agent_id",
        "opened_at",
        ("approval_id", "person_id", "opened_at"),
    ),
    (
        Containment,
        "agent_id",
        "begun_at",
        ("level", "agent_instance_id", "reason", "state", "before", "begun_by_id", "begun_at", "ended_at"),
    ),
    (
        Unfreeze,
        "containment__agent_id",
        "requested_at",
        ("containment_id", "reason", "digest", "requested_by_id", "requested_at", "expires_at", "state",
         "ended_by_id", "ended_at", "note"),
    ),
    (
        Decision,
        "agent_id",
        "decided_at",
        ("instance_id", "task_id", "action", "resource", "access", "intent", "allowed", "reason", "message",
         "requestable", "grant_id", "elevation_id", "on_behalf_of_id", "delegation_id", "act", "obligations",
         "credential_seconds", "policy_version", "enforcement_point_id", "decided_at"),
    ),
    (DecisionOutcome, "decision__agent_id", "at", ("decision_id", "outcome", "reported_by", "at")),
)  # fmt: skip

CHUNK = 1_000


class GovernanceEvidence:
    """Contributes to the bundle of an agent; other streams have nothing here."""

    def collect(self, scope: Scope) -> Iterable[Artefact | Missing]:
        """`approvals/<sha256>.json` are the exact bytes that people decided on, `assessments/<sha256>.json`
        those that they signed; the rest are tables."""
        agent_id = _agent_id(scope.stream)
        return self._of_agent(agent_id, scope) if agent_id else ()

    def _of_agent(self, agent_id: UUID, scope: Scope) -> Iterator[Artefact | Missing]:
        for approval in _rows(Approval, "agent_id", "requested_at", agent_id, scope):
            yield Artefact(f"approvals/{approval.digest}.json", approval.content.encode())
        for signed in _rows(ImpactAssessment, "agent_id", "signed_at", agent_id, scope).exclude(content=""):
            yield Artefact(f"assessments/{signed.sha256}.json", signed.content.encode())
        for model, owner, moment, columns in TABLES:
            values = _rows(model, owner, moment, agent_id, scope).values("id", *columns)
            name = model._meta.model_name  # noqa: SLF001 - public in Django, whatever its name
            yield table(f"artefacts/governance/{name}.json", values.iterator(CHUNK))
        yield from role_evidence.of_agent(agent_id, scope)
        agent = Agent.objects.filter(pk=agent_id).first()
        assessed = (
            _rows(RiskAssessment, "agent_id", "assessed_at", agent_id, scope).exists()
            or _rows(ImpactAssessment, "agent_id", "signed_at", agent_id, scope)
            .exclude(signed_at=None)
            .exists()
        )
        if (
            agent
            and not assessed
            and not AgentDocument.objects.filter(agent=agent, kind=DocumentKind.RISK).exists()
        ):
            yield Missing(f"{DocumentKind.RISK.label} of {agent}: none was made, and none is attached.")
        governed: tuple[tuple[type[Model], str], ...] = (
            (Approval, "agent_id"),
            (ChangeRequest, "agent_id"),
            (Containment, "agent_id"),
            (Elevation, "agent_id"),
            (GateSignature, "agent_id"),
            (Grant, "agent_id"),
            (ImpactAssessment, "agent_id"),
            (Mitigation, "assessment__agent_id"),
            (Release, "agent_id"),
            (RoleAssignment, "agent_id"),
            (Unfreeze, "containment__agent_id"),
        )
        for model, owner in governed:
            rows = model._default_manager.filter(**{owner: agent_id})  # noqa: SLF001 - as above
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
    if scope.since and model in {Vote, Decision, DecisionOutcome}:
        limits[f"{moment}__gte"] = scope.since
    return model._default_manager.filter(**limits).order_by("pk")  # noqa: SLF001 - as above
