"""A secret for one call: decided, read, recorded; then dropped (S2-12).

The value is in nobody's hands but those of the call that it is for. What is kept is a lease: who got it,
by which decision, until when. A lease ends early when its agent is stopped; then the agent gets nothing
more. What left the portal (`handed_out`) can only be made worthless by rotating the secret.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from agents import decision_point, permissions, secret_selectors, secrets
from agents.choices import Access, ActionOutcome, LeaseEnd, SecretRefusal
from agents.decision_point import Answer, Conclusion, Question
from agents.errors import SecretRefusedError, SecretUnavailableError
from agents.models import Agent, AgentInstance, SecretLease, SecretReference
from agents.secrets import SecretValue
from agents.services import locks, revocations, secret_due
from agents.services.revocations import Scope
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.errors import Conflict
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse


@dataclass(frozen=True, slots=True)
class Task:
    """What the secret is for: the call that the decision point is asked about."""

    action: str
    resource: str
    intent: str
    access: Access = Access.READ
    id: UUID | None = None
    digest: str = ""


@contextmanager
def get_secret(
    *,
    reference: str,
    instance: AgentInstance,
    task: Task,
    hand_out: bool = False,
    token_decision: UUID | None = None,
) -> Iterator[SecretValue]:
    """Ask the decision point whether this copy may do its task, and if so give it the secret for it.

    Used in a `with`; at its end the value is dropped. No transaction may be open. What became of the
    decision is told here: the portal itself gives what was allowed.

    Args:
        reference: the slug of the secret's reference.
        hand_out: the value leaves the portal, with whoever is given it.
        token_decision: the decision on which a token for this was issued; what became of it is the same.

    Raises:
        SecretRefusedError: the decision denies the task, or this secret is not for it; recorded.
        SecretUnavailableError: its store does not give it; recorded.
        RuntimeError: no decision point is registered.
    """
    question = Question(
        agent=instance.agent,
        instance=instance,
        version=instance.version,
        action=task.action,
        resource=task.resource,
        access=task.access,
        task_id=task.id,
        intent=task.intent,
        digest=task.digest,
    )
    answer = decision_point.decide(question)
    decisions = [each for each in (token_decision, answer.id if answer.allowed else None) if each]
    try:
        value = _obtain(reference, question, answer, hand_out=hand_out)
    except (SecretRefusedError, SecretUnavailableError) as error:
        refused = isinstance(error, SecretRefusedError)
        _conclude(
            decisions, instance, ActionOutcome.DENIED if refused else ActionOutcome.FAILED, error.message
        )
        raise
    try:
        _conclude(decisions, instance, ActionOutcome.EXECUTED)
        yield value
    finally:
        value.drop()


@contextmanager
def use(*, reference: str, question: Question, answer: Answer) -> Iterator[SecretValue]:
    """The same for a call that has been decided already: `answer` is what was said to `question`.

    Raises:
        SecretRefusedError, SecretUnavailableError: as `get_secret`.
    """
    value = _obtain(reference, question, answer, hand_out=False)
    try:
        yield value
    finally:
        value.drop()


def end_leases(*, actor: Actor, agent: Agent, reason: LeaseEnd = LeaseEnd.AGENT) -> int:
    """End what an agent holds of secrets; says how much that was. Part of whatever stops the agent.

    Secrets whose values left the portal with it, and that say so, are rotated. Must run inside the
    transaction in which the agent stops.
    """
    return _end(actor, SecretLease.objects.filter(agent=agent), agent.stream, f"agent/{agent.pk}", reason)


def end_leases_of_copy(*, actor: Actor, instance: AgentInstance) -> int:
    """The same for one running copy, which ends."""
    held = SecretLease.objects.filter(instance=instance)
    return _end(actor, held, instance.agent.stream, f"instance/{instance.pk}", LeaseEnd.COPY)


def end_leases_of_secret(*, actor: Actor, secret: SecretReference) -> int:
    """End what is held of a secret, by whomever; says how much that was.

    Raises:
        Denied: the actor neither owns it nor is an administrator; recorded.
    """
    name = f"secret/{secret.pk}"
    with attempt(action=Action.SECRET_LEASES_ENDED, actor=actor, stream=SYSTEM_STREAM, object=name):
        refuse(permissions.why_not_keep_secret(actor, secret))
        locks.secret(secret.pk)
        held = SecretLease.objects.filter(secret=secret)
        return _end(actor, held, SYSTEM_STREAM, name, LeaseEnd.PERSON)


def _obtain(reference: str, question: Question, answer: Answer, *, hand_out: bool) -> SecretValue:
    secret = SecretReference.objects.filter(slug=reference).first()
    refusal = _why_not(secret, question, answer)
    if refusal is not None or secret is None:
        _refuse(refusal or SecretRefusal.UNKNOWN, secret, question, answer)
    try:
        stored = secrets.read(secrets.locate(secret.uri))
    except secrets.StoreError as error:
        problem = error.message
    else:
        problem = ""
    if problem:
        with transaction.atomic():
            _record(secret, question, answer, outcome=Outcome.FAILED, problem=problem)
        raise SecretUnavailableError(problem)
    with transaction.atomic():
        refusal = _why_not_now(secret, question, answer)
        if refusal is None:
            _lease(secret, question, answer, version=stored.version, hand_out=hand_out)
    if refusal is not None:
        stored.value.drop()
        _refuse(refusal, secret, question, answer)
    return stored.value


def _conclude(
    decisions: Iterable[UUID], instance: AgentInstance, outcome: ActionOutcome, detail: str = ""
) -> None:
    for decision in decisions:
        # Who was shown the token may have said something else of its decision: both are on record then.
        with suppress(Conflict), transaction.atomic():
            decision_point.conclude(Conclusion(decision, outcome, detail, instance.actor))


def _why_not(secret: SecretReference | None, question: Question, answer: Answer) -> SecretRefusal | None:
    if not answer.allowed:
        return SecretRefusal.DECISION
    if secret is None:
        return SecretRefusal.UNKNOWN
    if secret.ended_at is not None:
        return SecretRefusal.ENDED
    if secret.breached_at is not None:
        return SecretRefusal.BREACHED
    if not secret_selectors.may_use(secret, question.agent, question.action, question.resource):
        return SecretRefusal.USE
    return None


def _why_not_now(secret: SecretReference, question: Question, answer: Answer) -> SecretRefusal | None:
    """Asked again once the store has answered, with both held: meanwhile either may have ended."""
    agent = locks.agent(question.agent.pk)
    scope = Scope.of(agent, question.instance, elevation=answer.elevation_id, delegation=answer.delegation_id)
    if permissions.why_not_use(agent, question.access):
        return SecretRefusal.STOPPED
    if not revocations.is_good(epoch=answer.epoch, scope=scope):
        return SecretRefusal.STOPPED
    if AgentInstance.objects.filter(pk=question.instance.pk, ended_at__isnull=False).exists():
        return SecretRefusal.STOPPED
    return _why_not(locks.secret(secret.pk), question, answer)


def _lease(
    secret: SecretReference, question: Question, answer: Answer, *, version: str, hand_out: bool
) -> None:
    now = timezone.now()
    ends = now + timedelta(seconds=min(settings.SECRET_LEASE_SECONDS, answer.credential_seconds))
    lease = SecretLease.objects.create(
        secret=secret,
        agent=question.agent,
        instance=question.instance,
        decision_id=answer.id,
        task_id=question.task_id,
        action=question.action,
        resource=question.resource,
        version=version,
        handed_out=hand_out,
        leased_at=now,
        expires_at=min(ends, answer.ends_at) if answer.ends_at else ends,
    )
    SecretReference.objects.filter(pk=secret.pk).update(uses=F("uses") + 1, last_used_at=now)
    _record(
        secret,
        question,
        answer,
        lease=str(lease.pk),
        version=version,
        handed_out=hand_out,
        expires_at=lease.expires_at.isoformat(),
    )


def _end(actor: Actor, held: QuerySet[SecretLease], stream: str, name: str, reason: LeaseEnd) -> int:
    now = timezone.now()
    live = held.filter(ended_at__isnull=True, expires_at__gt=now)
    given = sorted({str(pk) for pk in live.values_list("secret", flat=True)})
    ended = live.update(ended_at=now, end_reason=reason) if given else 0
    if ended:
        ledger.record(
            stream=stream,
            action=Action.SECRET_LEASES_ENDED,
            actor=actor,
            object=name,
            body={"leases": ended, "secrets": [*given], "reason": reason.value},
        )
    if reason in {LeaseEnd.AGENT, LeaseEnd.COPY}:
        secret_due.agent_ended(actor=actor, leases=held)
    return ended


def _refuse(
    refusal: SecretRefusal, secret: SecretReference | None, question: Question, answer: Answer
) -> NoReturn:
    """A refusal is recorded, in a transaction of its own; then it is raised."""
    with transaction.atomic():
        _record(secret, question, answer, outcome=Outcome.DENIED, reason=refusal.value)
    raise SecretRefusedError(refusal)


def _record(
    secret: SecretReference | None,
    question: Question,
    answer: Answer,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    **more: JSON,
) -> None:
    ledger.record(
        stream=question.agent.stream,
        action=Action.SECRET_READ,
        actor=question.instance.actor,
        object=f"secret/{secret.pk}" if secret else "secret/unknown",
        outcome=outcome,
        evaluation=str(answer.id),
        provenance=question.version.digest,
        trace=str(question.task_id) if question.task_id else None,
        body={
            "secret": secret.slug if secret else "",
            "action": question.action,
            "resource": question.resource,
            **more,
        },
    )
