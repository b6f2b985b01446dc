"""The decision point: gathers the facts, asks the pipeline, records the answer, answers (promise 6).

One transaction holds the facts, the use that a write takes off its elevation, the recorded decision
and its ledger event. A write is decided under the agent's row lock, so that nothing which ends access
can happen between the facts and the answer.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from agents.choices import Access, AgentState
from agents.decision_point import Answer, Question
from agents.models import Agent, AgentInstance
from audits.choices import Action, Outcome
from audits.services import history
from governance import contents, manifest, pdp, selectors
from governance.choices import ApprovalState, ApprovalSubject, DecisionReason, ElevationEnd, ElevationState
from governance.models import Approval, Decision, Elevation, Grant
from governance.services import elevations, locks

POLICY = {
    "version": pdp.VERSION,
    "sha256": hashlib.sha256(Path(pdp.__file__).read_bytes()).hexdigest(),
}


@dataclass(frozen=True, slots=True)
class _Situation:
    """What was found: the facts for the pipeline, and the rows that they came from."""

    facts: pdp.Facts
    agent: Agent
    approval: Approval | None
    grant: Grant | None


class GovernanceDecisionPoint:
    """Answers for the agents' room."""

    def decide(self, question: Question) -> Answer:
        """Decide, record and answer. Denies by default; anything unexpected raises, and nothing is done."""
        with transaction.atomic():
            situation = _look(question, hold=True)
            verdict = pdp.evaluate(situation.facts)
            verdict = _spend(situation, verdict)
            return _record(question, situation, verdict)


def preview(question: Question) -> pdp.Verdict:
    """What the answer would be now. Nothing is held, spent or recorded: only for searching."""
    return pdp.evaluate(_look(question, hold=False).facts)


def _look(question: Question, *, hold: bool) -> _Situation:
    agent = _agent(question, hold=hold)
    instance = AgentInstance.objects.filter(pk=question.instance.pk).first()
    approval = selectors.approved_dossier(agent)
    grant = _grant(question, agent) if approval else None
    facts = pdp.Facts(
        access=question.access,
        agent_active=agent.state == AgentState.ACTIVE,
        owner_active=agent.owner.is_active,
        instance_live=instance is not None
        and instance.ended_at is None
        and (instance.agent_id, instance.version_id) == (agent.pk, question.version.pk),
        version_active=question.version.pk == agent.active_version_id,
        dossier_unchanged=approval is not None,
        function_approved=approval is not None and _is_approved(question, approval),
        read_granted=grant is not None and grant.access == Access.READ,
        write_elevated=grant is not None and grant.access == Access.WRITE,
        budget_was_spent=question.access == Access.WRITE and _was_spent(question, agent),
    )
    return _Situation(facts, agent, approval, grant)


def _agent(question: Question, *, hold: bool) -> Agent:
    """As it is now, not as the caller remembers it; for a write, held until the answer is recorded."""
    if hold and question.access == Access.WRITE:
        return locks.agent(question.agent.pk)
    return Agent.objects.select_related("owner", "active_version").get(pk=question.agent.pk)


def _is_approved(question: Question, approval: Approval) -> bool:
    """Whether the approved bytes list this function, with this access, for this resource."""
    function = manifest.entry(contents.read(approval)["version"]["tool_manifest"], question.action)
    return (
        function is not None
        and function["access"] == question.access
        and manifest.covers(function["resource"], question.resource)
    )


def _grant(question: Question, agent: Agent) -> Grant | None:
    """The grant that covers the question now, found by index; a write's has a live elevation."""
    now = timezone.now()
    grants = (
        Grant.objects.filter(
            Q(ends_at__isnull=True) | Q(ends_at__gt=now),
            agent=agent,
            action=question.action,
            access=question.access,
            starts_at__lte=now,
        )
        .select_related("elevation", "approval")
        .order_by("ends_at", "pk")
    )
    if question.access == Access.READ:
        return next((grant for grant in grants if manifest.covers(grant.resource, question.resource)), None)
    live = grants.filter(
        resource=question.resource,
        elevation__agent=agent,
        elevation__state=ElevationState.ACTIVE,
        elevation__ends_at__gt=now,
        elevation__used__lt=F("elevation__uses"),
    )
    return next((grant for grant in live if _was_approved_for(question, grant.approval)), None)


def _was_approved_for(question: Question, approval: Approval) -> bool:
    """Whether the bytes that the approvers saw mean this write, and no other (promise 4)."""
    if approval.subject != ApprovalSubject.ELEVATION or approval.state != ApprovalState.APPROVED:
        return False
    if not contents.is_intact(approval):
        return False
    content = contents.read(approval)
    asked = (question.action, question.resource, question.version.digest)
    if (content["action"], content["resource"], content["version"]["digest"]) != asked:
        return False
    proposal = content["proposal"]
    return proposal is None or bool(proposal["digest"] == question.digest)


def _was_spent(question: Question, agent: Agent) -> bool:
    """Whether the latest elevation for this ran out of uses, rather than out of time."""
    latest = (
        Elevation.objects.filter(
            agent=agent, action=question.action, resource=question.resource, starts_at__isnull=False
        )
        .order_by("-starts_at")
        .first()
    )
    return latest is not None and latest.end_reason == ElevationEnd.BUDGET


def _spend(situation: _Situation, verdict: pdp.Verdict) -> pdp.Verdict:
    """Take the use that an allowed write costs; without one left the write is denied after all."""
    if verdict.reason != DecisionReason.ALLOWED_BY_ELEVATION:
        return verdict
    elevation = situation.grant.elevation if situation.grant else None
    if elevation is not None and elevations.take_use(elevation=elevation, agent=situation.agent):
        return verdict
    return pdp.without_elevation(budget_was_spent=True)


def _record(question: Question, situation: _Situation, verdict: pdp.Verdict) -> Answer:
    grant = situation.grant if verdict.allowed else None
    # An allowed write has taken a use off its elevation.
    spent = grant.elevation if grant else None
    decision = Decision.objects.create(
        agent=situation.agent,
        instance_id=question.instance.pk,
        task_id=question.task_id,
        action=question.action,
        resource=question.resource,
        access=question.access,
        intent=question.intent,
        allowed=verdict.allowed,
        reason=verdict.reason,
        message=verdict.message,
        requestable=verdict.requestable,
        grant=grant,
        elevation=spent,
        credential_seconds=_credential_seconds(situation) if grant else 0,
        policy_version=POLICY["version"],
        enforcement_point_id=question.enforcement_point,
    )
    history.record(
        changed=[spent] if spent else [],
        stream=situation.agent.stream,
        action=Action.DECISION_MADE,
        actor=question.instance.actor,
        object=f"decision/{decision.pk}",
        outcome=Outcome.SUCCESS if verdict.allowed else Outcome.DENIED,
        body=_body(decision),
        policy=POLICY,
        evaluation=str(decision.pk),
        provenance=question.version.digest,
        trace=str(question.task_id) if question.task_id else None,
    )
    return Answer(
        id=decision.pk,
        allowed=decision.allowed,
        reason=decision.reason,
        message=decision.message,
        requestable=decision.requestable,
        credential_seconds=decision.credential_seconds,
        elevation_id=decision.elevation_id,
        ends_at=grant.ends_at if grant else None,
        epoch=situation.agent.epoch,
    )


def _credential_seconds(situation: _Situation) -> int:
    """The shorter of what the board approved and what the risk class says now."""
    risk_class = selectors.risk_class_of(situation.agent)
    if situation.approval is None or risk_class is None:
        return 0
    approved: int = contents.read(situation.approval)["terms"]["credential_max_seconds"]
    return min(approved, risk_class.credential_max_seconds)


def _body(decision: Decision) -> dict[str, str | int | bool | None]:
    return {
        "action": decision.action,
        "resource": decision.resource,
        "access": str(decision.access),
        "intent": decision.intent,
        "allowed": decision.allowed,
        "reason": str(decision.reason),
        "message": decision.message,
        "requestable": decision.requestable,
        "grant": str(decision.grant_id) if decision.grant_id else None,
        "elevation": str(decision.elevation_id) if decision.elevation_id else None,
        "credential_seconds": decision.credential_seconds,
        "enforcement_point": str(decision.enforcement_point_id) if decision.enforcement_point_id else None,
    }
