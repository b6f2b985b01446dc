"""What enforcement points ask over HTTP, decided and recorded (AuthZEN Authorization API 1.0).

Agents of the register are decided by the product's own pipeline, exactly as its gateway's questions are.
Every other type of subject is decided by the active Cedar policies. Nothing is allowed that neither knows.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from agents import decision_point
from agents.choices import Access
from agents.decision_point import Question
from agents.models import Agent, AgentInstance, Person
from agents.on_behalf import OnBehalf
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.prepared import insert
from audits.services import ledger
from audits.turn import transaction_in_turn
from governance import active_policy, cedar, guardrails, manifest, shadow
from governance.active_policy import Active
from governance.authzen import Entity, Evaluation, MalformedError
from governance.choices import DecisionReason
from governance.decisions import POLICY, kept
from governance.models import Decision, EnforcementPoint
from governance.recent import Recent
from governance.services.enforcement_points import actor_of

AGENT, AGENT_INSTANCE = "agent", "agent_instance"
Copy = tuple[Agent | None, AgentInstance | None]
REGISTERED = frozenset({AGENT, AGENT_INSTANCE})
_RECENT: Recent[Copy] = Recent()
NO_VERSION: Mapping[str, str] = {"version": "none", "sha256": ""}


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it was recorded; `id` is the evaluation id."""

    id: UUID
    allowed: bool
    reason: str
    message: str
    requestable: bool
    policy_version: str
    obligations: tuple[str, ...] = ()
    access_request: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Finding:
    """What is answered before, or instead of, the pipeline of the register."""

    reason: DecisionReason
    message: str
    allowed: bool = False
    policy: Mapping[str, str] | None = None
    policies: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    difference: shadow.Difference | None = None


def decide(*, evaluation: Evaluation, point: EnforcementPoint) -> Answered:
    """Decide, record and answer."""
    if evaluation.subject.type not in REGISTERED:
        return _record(evaluation, point, _by_policy(evaluation))
    agent, instance = running_copy(evaluation.subject)
    if agent is None:
        return _record(evaluation, point, _UNKNOWN)
    if instance is None:
        return _record(evaluation, point, _NOT_RUNNING, agent=agent)
    answer = decision_point.decide(question(evaluation, instance, point))
    return Answered(
        id=answer.id,
        allowed=answer.allowed,
        reason=answer.reason,
        message=answer.message,
        requestable=answer.requestable,
        policy_version=answer.policy_version,
        obligations=answer.obligations,
        access_request=answer.access_request,
    )


def deny_malformed(*, error: MalformedError, point: EnforcementPoint) -> Answered:
    """The answer to one item of a batch that could not be read."""
    return _record(None, point, _Finding(DecisionReason.REQUEST_INVALID, str(error)))


def deny_other_owner(*, evaluation: Evaluation, point: EnforcementPoint) -> Answered:
    """The answer where the request names somebody else than the agent's owner (S4-5)."""
    agent, _ = running_copy(evaluation.subject)
    return _record(evaluation, point, _OTHER_OWNER, agent=agent)


def running_copy(subject: Entity) -> Copy:
    """The agent that a subject of the register means, and which running copy of it.

    An `agent_instance` is named by its SPIFFE id. An `agent` is named by its slug; `properties.instance`
    says which copy, and without it the newest that runs is meant, or the last that ran.
    """
    named = subject.properties.get("instance")
    asked = (subject.type, subject.id, named if named is None else str(named))
    return _RECENT.of(asked, partial(_running_copy, *asked), keep=_runs)


def _runs(found: Copy) -> bool:
    return found[1] is not None and found[1].ended_at is None


def _running_copy(kind: str, name: str, copy: str | None) -> Copy:
    copies = AgentInstance.objects.select_related("agent__owner", "version").order_by("-started_at")
    if kind == AGENT_INSTANCE:
        found = copies.filter(spiffe_id=name).first()
        return (found.agent, found) if found else (None, None)
    copies = copies.filter(agent__slug=name)
    if copy is not None:
        copies = copies.filter(spiffe_id=copy)
    found = copies.filter(ended_at__isnull=True).first() or copies.first()
    if found:
        return found.agent, found
    return Agent.objects.select_related("owner").filter(slug=name).first(), None


def question(evaluation: Evaluation, instance: AgentInstance, point: EnforcementPoint | None) -> Question:
    """The evaluation in the words of the product's own gateway; without a point where none asks."""
    context = evaluation.context
    return Question(
        agent=instance.agent,
        instance=instance,
        version=instance.version,
        action=evaluation.action.name,
        resource=evaluation.resource.reference,
        access=_access(evaluation, instance),
        task_id=_uuid(context.get("task_id")),
        intent=_text(context.get("intent")),
        digest=_text(context.get("digest")),
        enforcement_point=point.pk if point else None,
        on_behalf_of=_on_behalf_of(context.get("on_behalf_of")),
        context=context,
        epoch=_epoch(context.get("epoch")),
    )


def by_policy(evaluation: Evaluation, active: Active | None) -> cedar.Verdict:
    """What the policies say, without a record: for searching."""
    if active is None or active.policies is None:
        return cedar.Verdict(allowed=False)
    return active.policies.decide(evaluation)


def policy_of(active: Active | None) -> Mapping[str, str]:
    return {"version": active.label, "sha256": active.sha256} if active else NO_VERSION


def stream_of(point: EnforcementPoint) -> str:
    """The ledger stream of what this enforcement point asked about others than agents."""
    return point.stream


def whole(evaluation: Evaluation) -> str:
    """The question as sorted JSON: equal for equal questions."""
    parts = {
        "subject": _plain(evaluation.subject),
        "action": {"name": evaluation.action.name, "properties": dict(evaluation.action.properties)},
        "resource": _plain(evaluation.resource),
        "context": dict(evaluation.context),
    }
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def written(evaluation: Evaluation) -> str:
    """The whole question for the ledger's payload: as text, or as its digest where that is long."""
    return kept(whole(evaluation))


def _by_policy(evaluation: Evaluation) -> _Finding:
    active, tried = active_policy.asked()
    if active is None:
        verdict = cedar.Verdict(allowed=False)
        reason, message = DecisionReason.NO_POLICY, "No policies were applied."
    elif active.policies is None:
        verdict = cedar.Verdict(allowed=False)
        reason, message = DecisionReason.POLICY_ERROR, guardrails.UNUSABLE
    else:
        verdict = active.policies.decide(evaluation)
        reason, message = shadow.said_by(verdict)
    return _Finding(
        reason,
        message,
        allowed=verdict.allowed,
        policy=policy_of(active),
        policies=verdict.policies,
        obligations=verdict.obligations,
        difference=shadow.of_other(evaluation, verdict, tried),
    )


def _record(
    evaluation: Evaluation | None, point: EnforcementPoint, verdict: _Finding, *, agent: Agent | None = None
) -> Answered:
    policy = dict(verdict.policy or POLICY)
    with transaction_in_turn():
        decision = Decision(
            agent=agent,
            subject=evaluation.subject.reference if evaluation else "",
            action=evaluation.action.name if evaluation else "",
            resource=evaluation.resource.reference if evaluation else "",
            task_id=_uuid(evaluation.context.get("task_id")) if evaluation else None,
            intent=_text(evaluation.context.get("intent")) if evaluation else "",
            allowed=verdict.allowed,
            reason=verdict.reason,
            message=verdict.message,
            policy_version=policy["version"],
            obligations=list(verdict.obligations),
            enforcement_point=point,
        )
        insert(decision)
        ledger.record(
            stream=agent.stream if agent else stream_of(point),
            action=Action.DECISION_MADE,
            actor=actor_of(point),
            object=f"decision/{decision.pk}",
            outcome=Outcome.SUCCESS if verdict.allowed else Outcome.DENIED,
            body=_body(decision, evaluation, verdict),
            policy=policy if policy["sha256"] else None,
            evaluation=str(decision.pk),
            trace=str(decision.task_id) if decision.task_id else None,
        )
        shadow.keep(verdict.difference, decision)
    return Answered(
        id=decision.pk,
        allowed=verdict.allowed,
        reason=verdict.reason.value,
        message=verdict.message,
        requestable=False,
        policy_version=policy["version"],
        obligations=verdict.obligations,
    )


def _body(decision: Decision, evaluation: Evaluation | None, verdict: _Finding) -> dict[str, JSON]:
    return {
        "subject": decision.subject,
        "action": decision.action,
        "resource": decision.resource,
        "request": written(evaluation) if evaluation else None,
        "allowed": decision.allowed,
        "reason": verdict.reason.value,
        "message": decision.message,
        "policies": list(verdict.policies),
        "obligations": list(verdict.obligations),
        "enforcement_point": str(decision.enforcement_point_id),
    }


def _access(evaluation: Evaluation, instance: AgentInstance) -> Access:
    """As the caller says, else as the manifest does; the pipeline refuses what the manifest does not list."""
    said = evaluation.action.properties.get("access")
    if said is None:
        entry = manifest.entry(instance.version.tool_manifest, evaluation.action.name)
        said = entry.get("access") if entry else None
    return Access(said) if said in Access.values else Access.READ


def _plain(entity: Entity) -> dict[str, Any]:
    return {"type": entity.type, "id": entity.id, "properties": dict(entity.properties)}


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _on_behalf_of(value: object) -> OnBehalf | None:
    """A person: their id or user name, or an entity with that id. Whom nobody knows lets nobody act."""
    if value is None:
        return None
    name = value.get("id") if isinstance(value, Mapping) else value
    known = _uuid(name)
    if known is None and isinstance(name, str):
        known = Person.objects.filter(username=name).values_list("pk", flat=True).first()
    return OnBehalf(person=known)


def _epoch(value: object) -> int | None:
    """That of the token that was presented; one that is none counts as one that is over."""
    if value is None:
        return None
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


_UNKNOWN = _Finding(DecisionReason.AGENT_UNKNOWN, "The register has no such agent.")
_NOT_RUNNING = _Finding(DecisionReason.INSTANCE_NOT_LIVE, "No copy of this agent has ever run.")
_OTHER_OWNER = _Finding(DecisionReason.OWNER_DIFFERS, "The named owner does not answer for this agent.")
