"""The decision point: gathers the facts, asks the pipeline, records the answer, answers (promise 6).

For a write, one transaction holds the facts, the use that is taken off its elevation, the recorded decision
and its ledger event. It is decided under the agent's row lock, so that nothing which ends access can happen
between the facts and the answer. A read is looked up before the transaction that records it, and what is
found about the agent itself may be a second old where nothing has ended since (`governance.standings`).
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import orjson
from django.db.models import F
from django.utils import timezone

from agents.choices import Access
from agents.decision_point import Answer, Conclusion, Question
from agents.models import Agent
from agents.on_behalf import act
from audits import canonical
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.prepared import insert, select
from audits.services import history
from audits.turn import transaction_in_turn
from governance import (
    access_request,
    active_policy,
    conditions,
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
    standings,
)
from governance.choices import ApprovalState, ApprovalSubject, DecisionReason, ElevationEnd, ElevationState
from governance.models import Decision, Elevation, Grant
from governance.role_selectors import RightToAsk
from governance.services import elevations, locks, outcomes
from governance.standings import Standing

POLICY = {
    "version": pdp.VERSION,
    "sha256": hashlib.sha256(Path(pdp.__file__).read_bytes()).hexdigest(),
}
MAX_RECORDED = 8 * 1024
# What an agent may read, in SQL: it is asked for every read there is.
_READS = (
    "agent_id = %s AND action = %s AND access = 'read' AND starts_at <= %s "
    "AND (ends_at IS NULL OR ends_at > %s) ORDER BY ends_at, id"
)


@dataclass(frozen=True, slots=True)
class _Situation:
    """What was found: the facts for the pipeline, and the rows that they came from."""

    facts: pdp.Facts
    standing: Standing
    grant: Grant | None
    behalf: on_behalf.Standing


@dataclass(frozen=True, slots=True)
class _Judgement:
    """What was made of it."""

    verdict: pdp.Verdict
    opinion: guardrails.Opinion
    difference: shadow.Difference | None


class GovernanceDecisionPoint:
    """Answers for the agents' room."""

    def decide(self, question: Question) -> Answer:
        """Decide, record and answer. Denies by default; anything unexpected raises, and nothing is done."""
        if question.access == Access.WRITE:
            return _decide_write(question)
        situation = _look(question, standings.of(question))
        judged = _judge(question, situation)
        with transaction_in_turn():
            return _record(question, situation, judged)

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
    return _judge(question, _look(question, standings.look(question)), compare=False).verdict


def _decide_write(question: Question) -> Answer:
    with transaction_in_turn():
        elevations.end_lapsed(agent=locks.agent(question.agent.pk), resource=question.resource)
        situation = _look(question, standings.look(question, hold=True))
        judged = _judge(question, situation)
        verdict = _spend(situation, judged.verdict)
        return _record(question, situation, replace(judged, verdict=verdict))


def _look(question: Question, standing: Standing) -> _Situation:
    """What there is for exactly this action and resource."""
    agent, approval = standing.agent, standing.approval
    grant, unmet = _grant(question, agent) if approval else (None, "")
    is_write = question.access == Access.WRITE
    in_role = role_selectors.right_to_ask(question, agent) if is_write else RightToAsk()
    behalf = on_behalf.look(question, agent)
    facts = replace(
        standing.facts,
        function_approved=standing.content is not None and _is_approved(question, standing.content),
        read_granted=grant is not None and grant.access == Access.READ,
        write_elevated=grant is not None and grant.access == Access.WRITE,
        budget_was_spent=is_write and _was_spent(question, agent),
        in_role=in_role.given,
        unmet=unmet or in_role.unmet,
        against_behalf=behalf.against,
    )
    return _Situation(facts, standing, grant, behalf)


def _judge(question: Question, situation: _Situation, *, compare: bool = True) -> _Judgement:
    """What the pipeline says of it with the policies of now."""
    versions = active_policy.asked()
    asked = cache(
        partial(guardrails.asked_by, question, situation.standing.agent, situation.grant, timezone.now())
    )
    opinion = guardrails.opinion(situation.facts, versions.active, asked)
    difference = shadow.of_agent(situation.facts, opinion, versions.shadow, asked) if compare else None
    return _Judgement(pdp.evaluate(opinion.facts), opinion, difference)


def _is_approved(question: Question, content: contents.Content) -> bool:
    """Whether the approved bytes list this function, with this access, for this resource."""
    function = manifest.entry(content["version"]["tool_manifest"], question.action)
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
    if question.access == Access.READ:
        return _met(question, agent, select(Grant, _READS, agent.pk, question.action, now, now))
    live = Grant.objects.filter(
        agent=agent,
        action=question.action,
        access=Access.WRITE,
        starts_at__lte=now,
        ends_at__gt=now,
        resource__in=_names_of(question),
        elevation__agent=agent,
        elevation__state=ElevationState.ACTIVE,
        elevation__ends_at__gt=now,
        elevation__used__lt=F("elevation__uses"),
    )
    live = live.select_related("elevation__glass", "approval").order_by("ends_at", "pk")
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
    if elevation is not None and elevations.take_use(elevation=elevation, agent=situation.standing.agent):
        return verdict
    return pdp.without_elevation(budget_was_spent=True)


def _record(question: Question, situation: _Situation, judged: _Judgement) -> Answer:
    verdict, opinion = judged.verdict, judged.opinion
    grant = situation.grant if verdict.allowed else None
    behalf = situation.behalf
    ends = (grant.ends_at, situation.standing.agent.reads_until, behalf.ends_at) if grant else ()
    # An allowed write has taken a use off its elevation.
    spent = grant.elevation if grant else None
    decision = Decision(
        agent=situation.standing.agent,
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
        credential_seconds=situation.standing.credential_seconds if grant else 0,
        policy_version=" ".join(part for part in (POLICY["version"], opinion.label) if part),
        obligations=list(opinion.obligations) if verdict.allowed else [],
        allowed_without_policies=pdp.evaluate(situation.facts).allowed,
        enforcement_point_id=question.enforcement_point,
        on_behalf_of=behalf.person,
        delegation=behalf.delegation,
        act=act(question.instance, question.on_behalf_of) if question.on_behalf_of else None,
    )
    insert(decision)
    history.record(
        changed=[spent] if spent else [],
        stream=situation.standing.agent.stream,
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
    shadow.keep(judged.difference, decision)
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
        epoch=situation.standing.epoch,
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
