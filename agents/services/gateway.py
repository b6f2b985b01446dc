"""The only way a function call happens: validate, decide, mint, execute, validate, record.

Whatever a model asks for comes through here, and nothing it says can skip a step (promise 8). What it
gets back is a short JSON text: the result, or a plain refusal.
"""

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone
from pydantic import ValidationError

from agents import decision_point, duties, endpoints, function_response, selectors, strict_json
from agents.choices import Access, ActionOutcome, CallOutcome, NotificationKind, RunState
from agents.decision_point import Answer, Conclusion, Question
from agents.errors import CredentialError, FunctionError
from agents.functions import catalogue
from agents.functions.function import Arguments, Context, Function
from agents.models import (
    Agent,
    AgentInstance,
    Credential,
    Finding,
    FunctionCall,
    ModelTurn,
    ProposedAction,
    Run,
)
from agents.services import breakers, credentials, egress_attempts, notifications, secrets, telling
from agents.services.breakers import BreakerOpenError
from audits import canonical
from audits.choices import Action, Outcome
from audits.errors import ServiceError
from audits.models.base import new_id
from audits.services import history, ledger

MAX_NAME_CHARACTERS = 100
OUTCOMES = {
    CallOutcome.EXECUTED: Outcome.SUCCESS,
    CallOutcome.INVALID: Outcome.DENIED,
    CallOutcome.DENIED: Outcome.DENIED,
    CallOutcome.FAILED: Outcome.FAILED,
    CallOutcome.AMBIGUOUS: Outcome.FAILED,
    CallOutcome.NEVER_RAN: Outcome.FAILED,
}


@dataclass(frozen=True, slots=True)
class Request:
    """A call that is asked for.

    `function` and `arguments` (JSON text) are the model's words; everything else is ours. `propose`:
    a write that is refused as requestable becomes a proposed action.
    """

    run: Run
    finding: Finding
    instance: AgentInstance
    turn: ModelTurn | None
    function: str
    arguments: str
    intent: str
    propose: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of it: the row, and the text for the model."""

    call: FunctionCall
    content: str


@dataclass(frozen=True, slots=True)
class _Done:
    outcome: CallOutcome
    error: str = ""
    function: Function[Any] | None = None
    arguments: Arguments | None = None
    resource: str = ""
    answer: Answer | None = None
    credential: Credential | None = None
    result: dict[str, Any] | None = None
    notify: bool = False


def call(*, request: Request) -> Reply:
    """Carry one call out, or refuse it; both are recorded.

    No transaction may be open: the call may go outside.

    Raises:
        RuntimeError: no decision point is registered; nothing is executed.
        SigningKeyError: there is no key to sign the credential with; nothing is executed.
    """
    started = time.monotonic()
    call_id = new_id()
    done = _carry_out(request, call_id)
    milliseconds = int((time.monotonic() - started) * 1000)
    with transaction.atomic():
        row = _store(request, done, call_id, milliseconds)
        _record(request, done, row)
        if done.notify:
            telling.access_used(agent=request.instance.agent, call=row)
        _conclude(request, done)
        proposal = _propose(request, done, row)
    return Reply(call=row, content=_content(done, proposal))


def _carry_out(request: Request, call_id: UUID) -> _Done:
    function = catalogue.find(request.function)
    if function is None:
        return _Done(
            CallOutcome.INVALID, f"There is no such function. Known: {', '.join(catalogue.BY_NAME)}."
        )
    try:
        arguments = function.arguments.model_validate_json(request.arguments)
    except ValidationError as error:
        return _Done(CallOutcome.INVALID, function_response.problems(error), function=function)
    resource = function.resource_for(request.finding)
    content = _content_of(function.name, resource, arguments.model_dump(mode="json"))
    question = Question(
        agent=request.instance.agent,
        instance=request.instance,
        version=request.instance.version,
        action=function.name,
        resource=resource,
        access=function.access,
        task_id=request.run.pk,
        intent=request.intent,
        digest=canonical.digest(content) if function.access == Access.WRITE else "",
    )
    answer = decision_point.decide(question)
    if not answer.allowed:
        return _Done(CallOutcome.DENIED, answer.message, function, arguments, question.resource, answer)
    try:
        owed = duties.read(answer.obligations)
    except duties.DutyError as error:
        return _Done(CallOutcome.DENIED, str(error), function, arguments, question.resource, answer)
    done = _execute(request, call_id, function, arguments, question, answer)
    return replace(done, result=owed.mask(done.result), notify=owed.notify)


def _execute(  # noqa: PLR0917 - what a call is made of
    request: Request,
    call_id: UUID,
    function: Function[Any],
    arguments: Arguments,
    question: Question,
    answer: Answer,
) -> _Done:
    service = function.service
    endpoint = endpoints.named(service.name)
    credential: Credential | None = None
    result: dict[str, Any] | None = None
    error, broke = "", False
    try:
        # What leaves the portal is stopped at the door; what stays inside, here.
        inside = None if endpoints.address_of(endpoint) else breakers.admit(name=service.name)
    except BreakerOpenError as refusal:
        return _Done(CallOutcome.NEVER_RAN, refusal.message, function, arguments, question.resource, answer)
    secret = partial(secrets.use, reference=service.secret(), question=question, answer=answer)
    try:
        token, credential = _credential(request, function, question, answer)
        with egress_attempts.guarded(instance=request.instance, run=request.run, call_id=call_id):
            raw = function.execute(arguments, Context(request.instance, request.finding, token, secret))
        result = function_response.checked(function, raw, longest=endpoint.longest)
        outcome = CallOutcome.EXECUTED
    except CredentialError as refusal:
        outcome, error = CallOutcome.DENIED, refusal.message
        # Nothing was tried, so a call that was to try has not shown that anything works again.
        broke = inside is not None and inside.probe is not None
    except (FunctionError, ServiceError, DatabaseError) as failure:
        outcome, error = _failure(function, failure)
        broke = not isinstance(failure, ServiceError)
    if inside is not None:
        breakers.settle(admitted=inside, failed=broke, why=error)
    return _Done(outcome, error, function, arguments, question.resource, answer, credential, result)


def _credential(
    request: Request, function: Function[Any], question: Question, answer: Answer
) -> tuple[str, Credential]:
    """A credential for this one call. A public service never sees the token: it is used up here instead."""
    service = function.service
    token, credential = credentials.mint(
        answer=answer, question=question, instance=request.instance, audience=service.audience
    )
    if not service.public:
        return token, credential
    credentials.verify(
        holder=request.instance.actor,
        token=token,
        audience=service.audience,
        action=question.action,
        resource=question.resource,
    )
    return "", credential


def _failure(
    function: Function[Any], failure: FunctionError | ServiceError | DatabaseError
) -> tuple[CallOutcome, str]:
    if isinstance(failure, DatabaseError):
        ambiguous, message = function.access == Access.WRITE, "The database failed during the call."
    else:
        ambiguous, message = isinstance(failure, FunctionError) and failure.ambiguous, failure.message
    return CallOutcome.AMBIGUOUS if ambiguous else CallOutcome.FAILED, message


def _store(request: Request, done: _Done, call_id: UUID, milliseconds: int) -> FunctionCall:
    if request.turn is not None:
        Run.objects.filter(pk=request.run.pk, state=RunState.RUNNING).update(
            calls=F("calls") + 1, seen_at=timezone.now()
        )
    service = done.function.service if done.function else None
    return FunctionCall.objects.create(
        id=call_id,
        run=request.run,
        finding=request.finding,
        turn=request.turn,
        function=strict_json.storable_text(request.function[:MAX_NAME_CHARACTERS]),
        arguments=function_response.kept_arguments(request.arguments, done.arguments),
        resource=done.resource,
        service=service.name if service else "",
        location=service.locate(done.result) if service else "",
        decision_id=done.answer.id if done.answer else None,
        decision_reason=done.answer.reason if done.answer else "",
        requestable=bool(done.answer and done.answer.requestable),
        credential=done.credential,
        outcome=done.outcome,
        result=done.result,
        error=done.error,
        milliseconds=milliseconds,
    )


def _record(request: Request, done: _Done, row: FunctionCall) -> None:
    """The function-call record (S0-8): timestamp, function, service, status, location, and digests."""
    ledger.record(
        stream=request.instance.agent.stream,
        action=Action.FUNCTION_CALLED,
        actor=request.instance.actor,
        object=f"call/{row.pk}",
        outcome=OUTCOMES[done.outcome],
        evaluation=str(done.answer.id) if done.answer else None,
        provenance=request.instance.version.digest,
        trace=str(request.run.pk),
        body={
            "timestamp": row.at.isoformat(),
            "function": row.function,
            "service": row.service,
            "status": row.outcome,
            "location": row.location,
            "resource": row.resource,
            "finding": str(request.finding.pk),
            "credential": str(done.credential.pk) if done.credential else "",
            "input": canonical.digest_foreign(row.arguments),
            "output": canonical.digest_foreign(row.result) if row.result is not None else "",
            "arguments": orjson.dumps(row.arguments).decode(),
            "result": orjson.dumps(row.result).decode() if row.result is not None else "",
            "error": row.error,
            "milliseconds": row.milliseconds,
        },
    )


def _conclude(request: Request, done: _Done) -> None:
    """Every decision that allowed something is told what became of it."""
    if done.answer is None or not done.answer.allowed:
        return
    decision_point.conclude(
        Conclusion(
            decision_id=done.answer.id,
            outcome=ActionOutcome(done.outcome.value),
            detail=done.error,
            actor=request.instance.actor,
        )
    )


def _propose(request: Request, done: _Done, row: FunctionCall) -> ProposedAction | None:
    """A write that a person may still allow waits; asking for the same again does not double it."""
    function, answer = done.function, done.answer
    if not (request.propose and function and answer and done.outcome == CallOutcome.DENIED):
        return None
    if function.access != Access.WRITE or not answer.requestable:
        return None
    content = _content_of(function.name, row.resource, row.arguments)
    digest = canonical.digest(content)
    known = selectors.known_proposal(request.run, request.finding, function.name, digest)
    if known is not None:
        return known
    proposal = ProposedAction.objects.create(
        agent=request.instance.agent,
        call=row,
        run=request.run,
        finding=request.finding,
        function=function.name,
        resource=row.resource,
        arguments=row.arguments,
        digest=digest,
    )
    history.record(
        changed=[proposal],
        stream=request.instance.agent.stream,
        action=Action.ACTION_PROPOSED,
        actor=request.instance.actor,
        object=f"proposal/{proposal.pk}",
        evaluation=str(answer.id),
        provenance=request.instance.version.digest,
        trace=str(request.run.pk),
        body={**content, "digest": proposal.digest, "finding": str(request.finding.pk)},
    )
    _tell(request.run, request.instance.agent)
    return proposal


def _tell(run: Run, agent: Agent) -> None:
    """Once a run, however many writes it proposes: its page lists them."""
    notifications.tell(
        people=selectors.people_answering_for(agent),
        kind=NotificationKind.ACTION_PROPOSED,
        reference=f"run/{run.pk}",
        title=f"{agent.slug} proposes writes: they wait for you",
        key=f"run/{run.pk}/proposed",
        agent=agent,
    )


def _content_of(function: str, resource: str, arguments: Any) -> dict[str, Any]:
    """What people approve when they approve a proposed action, and nothing but it."""
    return {"function": function, "resource": resource, "arguments": arguments}


def _content(done: _Done, proposal: ProposedAction | None) -> str:
    content: dict[str, Any] = {"status": done.outcome.value}
    if done.result is not None:
        content["result"] = done.result
    else:
        content["message"] = done.error
    if done.outcome == CallOutcome.DENIED and done.answer:
        content["reason"] = done.answer.reason
        content["proposed_to_owner"] = proposal is not None
    return orjson.dumps(content).decode()
