"""The only way a function call happens: validate, decide, mint, execute, validate, record.

Whatever a model asks for comes through here, and nothing it says can skip a step (promise 8). What it
gets back is a short JSON text: the result, or a plain refusal.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone
from pydantic import ValidationError

from agents import decision_point, selectors, strict_json
from agents.choices import Access, CallOutcome, RunState
from agents.decision_point import Answer, Question
from agents.errors import CredentialError, FunctionError
from agents.functions import catalogue
from agents.functions.function import Arguments, Context, Function
from agents.models import AgentInstance, Credential, Finding, FunctionCall, ModelTurn, ProposedAction, Run
from agents.services import credentials
from audits import canonical
from audits.choices import Action, Outcome
from audits.errors import ServiceError
from audits.services import history, ledger

MAX_RESULT_BYTES = 64 * 1024
MAX_KEPT_CHARACTERS = 8 * 1024
MAX_NAME_CHARACTERS = 100
OUTCOMES = {
    CallOutcome.EXECUTED: Outcome.SUCCESS,
    CallOutcome.INVALID: Outcome.DENIED,
    CallOutcome.DENIED: Outcome.DENIED,
    CallOutcome.FAILED: Outcome.FAILED,
    CallOutcome.AMBIGUOUS: Outcome.FAILED,
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


def call(*, request: Request) -> Reply:
    """Carry one call out, or refuse it; both are recorded.

    No transaction may be open: the call may go outside.

    Raises:
        RuntimeError: no decision point is registered; nothing is executed.
        SigningKeyError: there is no key to sign the credential with; nothing is executed.
    """
    started = time.monotonic()
    done = _carry_out(request)
    milliseconds = int((time.monotonic() - started) * 1000)
    with transaction.atomic():
        row = _store(request, done, milliseconds)
        _record(request, done, row)
        proposal = _propose(request, done, row)
    return Reply(call=row, content=_content(done, proposal))


def _carry_out(request: Request) -> _Done:
    function = catalogue.find(request.function)
    if function is None:
        return _Done(
            CallOutcome.INVALID, f"There is no such function. Known: {', '.join(catalogue.BY_NAME)}."
        )
    try:
        arguments = function.arguments.model_validate_json(request.arguments)
    except ValidationError as error:
        return _Done(CallOutcome.INVALID, _problems(error), function=function)
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
    if answer.allowed:
        return _execute(request, function, arguments, question, answer)
    return _Done(CallOutcome.DENIED, answer.message, function, arguments, question.resource, answer)


def _execute(
    request: Request, function: Function[Any], arguments: Arguments, question: Question, answer: Answer
) -> _Done:
    service = function.service
    credential: Credential | None = None
    result: dict[str, Any] | None = None
    error = ""
    try:
        token, credential = credentials.mint(
            answer=answer, question=question, instance=request.instance, audience=service.audience
        )
        if service.public:
            # A public service must never see a token of ours; it is used up here instead.
            credentials.verify(
                holder=request.instance.actor,
                token=token,
                audience=service.audience,
                action=question.action,
                resource=question.resource,
            )
            token = ""
        raw = function.execute(arguments, Context(request.instance, request.finding, token))
        result, outcome = _checked(function, raw), CallOutcome.EXECUTED
    except CredentialError as refusal:
        outcome, error = CallOutcome.DENIED, refusal.message
    except (FunctionError, ServiceError, DatabaseError) as failure:
        outcome, error = _failure(function, failure)
    return _Done(outcome, error, function, arguments, question.resource, answer, credential, result)


def _checked(function: Function[Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """The response, once it is what the function's schema promises (S0-4)."""
    unknown = function.access == Access.WRITE
    try:
        result: dict[str, Any] = function.result.model_validate(raw).model_dump(mode="json")
    except ValidationError as error:
        raise FunctionError(
            f"The response does not fit its schema: {_problems(error)}", ambiguous=unknown
        ) from error
    size = len(orjson.dumps(result))
    if size > MAX_RESULT_BYTES:
        raise FunctionError(
            f"The response has {size} bytes; at most {MAX_RESULT_BYTES} are taken.", ambiguous=unknown
        )
    checked: dict[str, Any] = strict_json.storable(result)
    return checked


def _failure(
    function: Function[Any], failure: FunctionError | ServiceError | DatabaseError
) -> tuple[CallOutcome, str]:
    if isinstance(failure, DatabaseError):
        ambiguous, message = function.access == Access.WRITE, "The database failed during the call."
    else:
        ambiguous, message = isinstance(failure, FunctionError) and failure.ambiguous, failure.message
    return CallOutcome.AMBIGUOUS if ambiguous else CallOutcome.FAILED, message


def _problems(error: ValidationError) -> str:
    """What does not fit, without repeating the input."""
    problems = error.errors(include_url=False, include_input=False, include_context=False)
    listed = [
        f"{'.'.join(map(str, problem['loc'])) or 'arguments'}: {problem['msg']}" for problem in problems
    ]
    return strict_json.storable_text("; ".join(listed)[:2000])


def _arguments_kept(request: Request, done: _Done) -> Any:
    """What was executed, or what the model gave where that was refused."""
    if done.arguments is not None:
        return done.arguments.model_dump(mode="json")
    try:
        given = strict_json.loads(request.arguments)
    except strict_json.StrictJSONError:
        given = None
    if given is None or len(request.arguments) > MAX_KEPT_CHARACTERS:
        text = strict_json.storable_text(request.arguments[:MAX_KEPT_CHARACTERS])
        return {"unreadable": text, "characters": len(request.arguments)}
    return strict_json.storable(given)


def _store(request: Request, done: _Done, milliseconds: int) -> FunctionCall:
    if request.turn is not None:
        Run.objects.filter(pk=request.run.pk, state=RunState.RUNNING).update(
            calls=F("calls") + 1, seen_at=timezone.now()
        )
    service = done.function.service if done.function else None
    return FunctionCall.objects.create(
        run=request.run,
        finding=request.finding,
        turn=request.turn,
        function=strict_json.storable_text(request.function[:MAX_NAME_CHARACTERS]),
        arguments=_arguments_kept(request, done),
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
    return proposal


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
