"""The decision point: gathers the facts, asks the pipeline, records the answer, answers (promise 6).

One transaction holds the facts, the use that a write takes off its elevation, the recorded decision
and its ledger event. A write is decided under the agent's row lock, so that nothing which ends access
can happen between the facts and the answer.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import orjson
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from agents.choices import Access, AgentState
from agents.decision_point import Answer, Conclusion, Question
from agents.models import Agent, AgentInstance, AgentVersion
from agents.on_behalf import act
from agents.services import revocations
from agents.services.revocations import Scope
from audits import canonical
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.services import history
from governance import (
    access_request,
    active_policy,
    conditions,
    containment_selectors,
    contents,
    elevation_selectors,
    guardrails,
    manifest,
    on_behalf,
    pdp,
    resource_pattern,
    role_selectors,
    selectors,
    shadow,
)
from governance.choices import ApprovalState, ApprovalSubject, DecisionReason, ElevationEnd, ElevationState
from governance.models import Approval, Decision, Elevation, Grant
from governance.role_selectors import RightToAsk
from governance.services import elevations, locks, outcomes

POLICY = {
    "version": pdp.VERSION,
    "sha256": hashlib.sha256(Path(pdp.__file__).read_bytes()).hexdigest(),
}
MAX_RECORDED = 8 * 1024


@dataclass(frozen=True, slots=True)
class _Situation:
    """What was found: the facts for the pipeline, and the rows that they came from."""

    facts: pdp.Facts
    epoch: int
    agent: Agent
    approval: Approval | None
    grant: Grant | None
    behalf: on_behalf.Standing
    opinion: guardrails.Opinion
    difference: shadow.Difference | None


class GovernanceDecisionPoint:
    """Answers for the agents' room."""

    def decide(self, question: Question) -> Answer:
        """Decide, record and answer. Denies by default; anything unexpected raises, and nothing is done."""
        with transaction.atomic():
            if question.access == Access.WRITE:
                elevations.end_lapsed(agent=locks.agent(question.agent.pk), resource=question.resource)
            situation = _look(question, hold=True)
            verdict = pdp.evaluate(situation.facts)
            verdict = _spend(situation, verdict)
            return _record(question, situation, verdict)

    def conclude(self, conclusion: Conclusion) -> None:
        """Record what became of an allowed decision, in the transaction of the caller."""
        outcomes.record(
            actor=conclusion.actor,
            decision_id=conclusion.decision_id,
            outcome=conclusion.outcome,
            detail=conclusion.detail,
        )


def preview(question: Question) -> pdp.Verdict:
    """What the answer would be now. Nothing is held, spent or recorded: only for searching."""
    return pdp.evaluate(_look(question, hold=False).facts)


def _look(question: Question, *, hold: bool) -> _Situation:
    agent, epoch = _agent(question, hold=hold)
    instance = AgentInstance.objects.filter(pk=question.instance.pk).first()
    # As it is now: the caller's copy of a version may be older than the database's.
    version = _version(question, agent)
    unchanged = selectors.approved_dossier(agent, version) if version else None
    approval = unchanged or (selectors.edited_dossier(agent, version) if version else None)
    grant, unmet = _grant(question, agent) if approval else (None, "")
    in_role = (
        role_selectors.right_to_ask(question, agent) if question.access == Access.WRITE else RightToAsk()
    )
    behalf = on_behalf.look(question, agent)
    facts = pdp.Facts(
        access=question.access,
        contained=containment_selectors.level_of(agent, instance),
        epoch_good=_is_good(question, agent, instance),
        review_done=not selectors.is_suspended(agent),
        agent_active=agent.state in {AgentState.ACTIVE, AgentState.OWNERLESS},
        owner_active=agent.state != AgentState.OWNERLESS and agent.owner.is_active,
        sponsor_active=agent.state == AgentState.OWNERLESS or agent.reads_until is None,
        reads_on=_reads_on(agent),
        instance_live=instance is not None
        and instance.ended_at is None
        and (instance.agent_id, instance.version_id) == (agent.pk, question.version.pk),
        version_active=version is not None,
        dossier_unchanged=unchanged is not None,
        edited=unchanged is None and approval is not None,
        function_approved=approval is not None and _is_approved(question, approval),
        read_granted=grant is not None and grant.access == Access.READ,
        write_elevated=grant is not None and grant.access == Access.WRITE,
        budget_was_spent=question.access == Access.WRITE and _was_spent(question, agent),
        in_role=in_role.given,
        unmet=unmet or in_role.unmet,
        against_behalf=behalf.against,
    )
    versions = active_policy.asked()
    asked = cache(partial(guardrails.asked_by, question, agent, grant, timezone.now()))
    opinion = guardrails.opinion(facts, versions.active, asked)
    difference = shadow.of_agent(facts, opinion, versions.shadow, asked) if hold else None
    return _Situation(opinion.facts, epoch, agent, approval, grant, behalf, opinion, difference)


def _is_good(question: Question, agent: Agent, instance: AgentInstance | None) -> bool:
    """Whether what the caller's token rests on is still there; true where it named none."""
    if question.epoch is None:
        return True
    return revocations.is_good(epoch=question.epoch, scope=Scope.of(agent, instance))


def _reads_on(agent: Agent) -> bool:
    """Whether its owner, or its sponsor, is gone and it may still read.

    An account that was taken away behind the product's back leaves no time to read.
    """
    if agent.reads_until is None or agent.reads_until <= timezone.now():
        return False
    return agent.state == AgentState.OWNERLESS or agent.owner.is_active


def _agent(question: Question, *, hold: bool) -> tuple[Agent, int]:
    """As it is now, not as the caller remembers it; for a write, held until the answer is recorded.

    And the epoch from before any fact was looked at: what is revoked after that is newer than the answer.
    """
    if hold and question.access == Access.WRITE:
        return locks.agent(question.agent.pk), revocations.current()
    epoch = revocations.current()
    agents = Agent.objects.select_related("owner", "active_version", "candidate")
    return agents.get(pk=question.agent.pk), epoch


def _version(question: Question, agent: Agent) -> AgentVersion | None:
    """The active version, or the one that is being released beside it, where it is the one that asks."""
    current = (agent.active_version, agent.candidate)
    return next((version for version in current if version and version.pk == question.version.pk), None)


def _is_approved(question: Question, approval: Approval) -> bool:
    """Whether the approved bytes list this function, with this access, for this resource."""
    function = manifest.entry(contents.read(approval)["version"]["tool_manifest"], question.action)
    return (
        function is not None
        and function["access"] == question.access
        and manifest.covers(function["resource"], question.resource)
    )


def _grant(question: Question, agent: Agent) -> tuple[Grant | None, str]:
    """The grant that covers the question now, found by index; a write's has a live elevation.

    Without one, the condition that stood against a grant which covers it otherwise.
    """
    now = timezone.now()
    grants = (
        Grant.objects.filter(
            Q(ends_at__isnull=True) | Q(ends_at__gt=now),
            agent=agent,
            action=question.action,
            access=question.access,
            starts_at__lte=now,
        )
        .select_related("elevation__glass", "approval")
        .order_by("ends_at", "pk")
    )
    if question.access == Access.READ:
        return _met(question, agent, grants)
    live = grants.filter(
        resource__in=_names_of(question),
        elevation__agent=agent,
        elevation__state=ElevationState.ACTIVE,
        elevation__ends_at__gt=now,
        elevation__used__lt=F("elevation__uses"),
    )
    return next((grant for grant in live if _was_approved_for(question, grant)), None), ""


def _met(question: Question, agent: Agent, grants: Iterable[Grant]) -> tuple[Grant | None, str]:
    """The first of these that covers the question and whose conditions hold; else the first that does not."""
    covering = [grant for grant in grants if resource_pattern.covers(grant.resource, question.resource)]
    texts = [text for grant in covering for text in grant.conditions]
    case = role_selectors.circumstances(question, agent, texts) if texts else None
    unmet = ""
    for grant in covering:
        failed = conditions.first_unmet(grant.conditions, case) if case else None
        if failed is None:
            return grant, ""
        role = f" of its role {grant.assignment.role}" if grant.assignment else ""
        unmet = unmet or f"{failed}{role}"
    return None, unmet


def _names_of(question: Question) -> list[str]:
    """The resource itself, and the class that the manifest puts it in."""
    entry = manifest.entry(question.version.tool_manifest, question.action)
    whole = manifest.class_of(str(entry["resource"])) if entry else None
    in_class = whole is not None and manifest.is_in_class(whole, question.resource)
    return [question.resource, whole] if in_class and whole else [question.resource]


def _was_approved_for(question: Question, grant: Grant) -> bool:
    """Whether the bytes that the approvers saw mean this write, and no other (promise 4)."""
    approval = grant.approval
    if grant.elevation and hasattr(grant.elevation, "glass"):
        glass = grant.elevation.glass
        return elevation_selectors.is_broken(glass) and _means(question, grant, orjson.loads(glass.content))
    if approval.subject != ApprovalSubject.ELEVATION or approval.state != ApprovalState.APPROVED:
        return False
    if not selectors.is_carried(approval):
        return False
    return _means(question, grant, contents.read(approval))


def _means(question: Question, grant: Grant, content: contents.Content) -> bool:
    """Whether these bytes are about this grant and this question, under the policies of now."""
    asked = (str(grant.elevation_id), question.action, grant.resource, question.version.digest)
    if (content["id"], content["action"], content["resource"], content["version"]["digest"]) != asked:
        return False
    if content["policy"] != contents.policy():
        return False
    exactly = {content["call_digest"], (content["proposal"] or {}).get("digest", "")} - {""}
    return exactly <= {question.digest}


def _was_spent(question: Question, agent: Agent) -> bool:
    """Whether the latest elevation for this ran out of uses, rather than out of time."""
    latest = (
        Elevation.objects.filter(
            agent=agent,
            action=question.action,
            resource__in=_names_of(question),
            starts_at__isnull=False,
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
    opinion = situation.opinion
    grant = situation.grant if verdict.allowed else None
    behalf = situation.behalf
    ends = (grant.ends_at, situation.agent.reads_until, behalf.ends_at) if grant else ()
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
        policy_version=" ".join(part for part in (POLICY["version"], opinion.label) if part),
        obligations=list(opinion.obligations) if verdict.allowed else [],
        allowed_without_policies=pdp.evaluate(situation.facts.without_policies).allowed,
        enforcement_point_id=question.enforcement_point,
        on_behalf_of=behalf.person,
        delegation=behalf.delegation,
        act=act(question.instance, question.on_behalf_of) if question.on_behalf_of else None,
    )
    history.record(
        changed=[spent] if spent else [],
        stream=situation.agent.stream,
        action=Action.DECISION_MADE,
        actor=question.instance.actor,
        object=f"decision/{decision.pk}",
        outcome=Outcome.SUCCESS if verdict.allowed else Outcome.DENIED,
        body=_body(decision, opinion) | {"context": _said(question)},
        policy=POLICY,
        evaluation=str(decision.pk),
        provenance=question.version.digest,
        trace=str(question.task_id) if question.task_id else None,
    )
    shadow.keep(situation.difference, decision)
    return Answer(
        id=decision.pk,
        allowed=decision.allowed,
        reason=decision.reason,
        message=decision.message,
        requestable=decision.requestable,
        credential_seconds=decision.credential_seconds,
        elevation_id=decision.elevation_id,
        elevation_digest=_digest_of(grant) if grant and spent else "",
        ends_at=min((end for end in ends if end is not None), default=None),
        epoch=situation.epoch,
        delegation_id=decision.delegation_id,
        obligations=tuple(decision.obligations),
        policy_version=decision.policy_version,
        access_request=access_request.offer(question, decision),
    )


def _digest_of(grant: Grant) -> str:
    """Of the bytes that an elevation rests on: those that its approvers saw, or that broken glass opened."""
    if grant.elevation and hasattr(grant.elevation, "glass"):
        digest: str = grant.elevation.glass.digest
        return digest
    return grant.approval.digest


def _credential_seconds(situation: _Situation) -> int:
    """The shorter of what the board approved and what the risk class says now."""
    risk_class = selectors.risk_class_of(situation.agent)
    if situation.approval is None or risk_class is None:
        return 0
    approved: int = contents.read(situation.approval)["terms"]["credential_max_seconds"]
    return min(approved, risk_class.credential_max_seconds)


def _said(question: Question) -> str | None:
    """What the enforcement point said of the circumstances: as text, or as its digest where that is long."""
    if not question.context:
        return None
    return kept(json.dumps(dict(question.context), ensure_ascii=False, separators=(",", ":"), sort_keys=True))


def kept(text: str) -> str:
    """What the ledger keeps of a text from outside: itself, or its digest where it is long."""
    return text if len(text) <= MAX_RECORDED else f"sha256:{canonical.digest(text)}"


def _body(decision: Decision, opinion: guardrails.Opinion) -> dict[str, JSON]:
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
        "guardrails": opinion.label,
        "policies": list(opinion.verdict.policies),
        "obligations": list(decision.obligations),
        **_behalf(decision),
    }


def _behalf(decision: Decision) -> dict[str, JSON]:
    """Who triggered it, through whom, with which data (S4-1); nothing where it acts for itself."""
    if decision.act is None:
        return {}
    delegation = decision.delegation
    return {
        "on_behalf_of": decision.on_behalf_of.actor.ref if decision.on_behalf_of else None,
        "act": decision.act,
        "delegation": str(delegation.pk) if delegation else None,
        "data_scope": delegation.data_scope if delegation else [],
    }
