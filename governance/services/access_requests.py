"""Copies of agents ask for write elevation over HTTP, look at what became of it, and take it back (S4-2).

They ask about a denial of their own, for exactly what was denied, so many times an hour. What happens then
is what happens when an owner asks in the portal: `elevations`.
"""

from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from agents import rate
from agents.models import AgentInstance
from agents.oauth.errors import OAuthError
from audits import canonical
from audits.choices import Action, Outcome
from audits.errors import Conflict
from audits.services import ledger
from governance import access, access_request, denial_binding
from governance.access_request import AccessRequestError, Problem, Submission
from governance.choices import ElevationEnd, ElevationState
from governance.denial_binding import BindingError, BindingExpiredError
from governance.elevation_terms import Wanted
from governance.models import AccessRequest, Decision
from governance.services import elevations

HOUR = timedelta(hours=1)


def submit(*, actor: AgentInstance, submission: Submission, key: str) -> AccessRequest:
    """Ask, or find what was asked under this `Idempotency-Key` before.

    Raises:
        AccessRequestError: the key was used for something else; the denial is not this copy's, is for
            something else, is too old, or was asked about; recorded.
        OAuthError: too many requests of this agent (`slow_down`); recorded.
        Denied, Invalid, Conflict: as `elevations.request_by_copy` says.
    """
    before = _before(actor, key)
    try:
        if before is not None:
            return _same(before, submission)
        _require_room(actor)
        denial = _denial(actor, submission)
    except (AccessRequestError, OAuthError) as error:
        _refuse(error, actor, submission)
    try:
        return elevations.request_by_copy(
            actor=actor, denial=denial, wanted=_wanted(submission), key=key, digest=submission.digest
        )
    except IntegrityError:
        # Another request with this key, or about this denial, was faster.
        return _after_a_race(actor, submission, key)


def find(*, actor: AgentInstance, task: UUID) -> AccessRequest:
    """One of one's own.

    Raises:
        AccessRequestError: there is none; another's is not told from none.
    """
    rows = AccessRequest.objects.select_related("elevation__agent", "elevation__asked_by__agent")
    asked = rows.filter(pk=task, asked_by=actor).first()
    if asked is None:
        raise AccessRequestError(Problem.UNKNOWN_TASK, "You have asked for nothing of this name.")
    return asked


def cancel(*, actor: AgentInstance, task: UUID) -> AccessRequest:
    """Take back what nobody has decided yet.

    Raises:
        AccessRequestError: there is none of this name, or it is decided, expired or taken back.
    """
    asked = find(actor=actor, task=task)
    message = "It is decided, expired or taken back already."
    if asked.elevation.state != ElevationState.PENDING:
        raise AccessRequestError(Problem.INVALID_TASK_STATE, message)
    try:
        elevations.end(actor=actor.actor, elevation=asked.elevation, reason=ElevationEnd.WITHDRAWN)
    except Conflict as error:
        raise AccessRequestError(Problem.INVALID_TASK_STATE, message) from error
    return find(actor=actor, task=task)


def _before(actor: AgentInstance, key: str) -> AccessRequest | None:
    rows = AccessRequest.objects.select_related("elevation__agent")
    return rows.filter(asked_by=actor, idempotency_key=key).first()


def _same(before: AccessRequest, submission: Submission) -> AccessRequest:
    if before.digest == submission.digest:
        return before
    raise AccessRequestError(
        Problem.DUPLICATE_REQUEST, "This Idempotency-Key was used for another request. Use a new one."
    )


def _after_a_race(actor: AgentInstance, submission: Submission, key: str) -> AccessRequest:
    before = _before(actor, key)
    if before is None:
        again = "This denial was asked about already. Evaluate again."
        _refuse(_unbound(again), actor, submission)
    try:
        return _same(before, submission)
    except AccessRequestError as error:
        _refuse(error, actor, submission)


def _require_room(actor: AgentInstance) -> None:
    allowed = settings.ACCESS_REQUESTS_PER_HOUR
    if not rate.allow(f"access-requests/{actor.agent_id}", times=allowed, window=HOUR):
        message = f"This agent asks at most {allowed} times an hour. Wait, and ask again."
        raise OAuthError("slow_down", message, status=429)


def _denial(actor: AgentInstance, submission: Submission) -> Decision:
    """The denial that is asked about: ours, this copy's, of exactly this evaluation, and not too old."""
    try:
        bound = denial_binding.read(submission.binding_token, audience=access_request.endpoint())
    except BindingExpiredError as error:
        raise AccessRequestError(Problem.EXPIRED_DENIAL, str(error)) from error
    except BindingError as error:
        raise _unbound(str(error)) from error
    if bound.copy != actor.spiffe_id:
        raise _unbound("The binding_token was made for another copy of an agent.")
    if str(bound.decision) != submission.evaluation_id or bound.expires_at != submission.expires_at:
        raise _unbound("denial says otherwise than its binding_token.")
    if bound.digest != canonical.digest(_evaluation(actor, submission)):
        raise _unbound("This is not what was denied: send the evaluation as it was.")
    denial = Decision.objects.filter(pk=bound.decision).first()
    if denial is None:
        raise _unbound("There is no such denial.")
    if denial.allowed or not denial.requestable:
        raise AccessRequestError(Problem.NOT_REQUESTABLE, "Nothing can be asked for after this decision.")
    return denial


def _evaluation(actor: AgentInstance, submission: Submission) -> dict[str, Any]:
    """What was sent in the form that is bound; an agent by its slug means the copy that asks."""
    evaluation = submission.evaluation
    subject = evaluation.subject
    named = subject.properties.get("instance", actor.spiffe_id)
    is_own = (subject.type, subject.id) == (access.AGENT_INSTANCE, actor.spiffe_id) or (
        (subject.type, subject.id, named) == (access.AGENT, actor.agent.slug, actor.spiffe_id)
    )
    if not is_own:
        raise _unbound("A copy of an agent asks for itself alone.")
    return denial_binding.evaluation_of(access.question(evaluation, actor, None))


def _wanted(submission: Submission) -> Wanted:
    evaluation = submission.evaluation
    digest = evaluation.context.get("digest")
    return Wanted(
        action=evaluation.action.name,
        resource=evaluation.resource.reference,
        intent=submission.justification,
        minutes=submission.minutes,
        uses=submission.uses,
        latest_end=submission.requested_until,
        call_digest=digest if isinstance(digest, str) else "",
    )


def _unbound(message: str) -> AccessRequestError:
    return AccessRequestError(Problem.INVALID_DENIAL_BINDING, message)


def _refuse(error: AccessRequestError | OAuthError, actor: AgentInstance, submission: Submission) -> NoReturn:
    """A refusal is recorded, in a transaction of its own; then it is raised."""
    with transaction.atomic():
        ledger.record(
            stream=actor.agent.stream,
            action=Action.ACCESS_REQUEST_REFUSED,
            actor=actor.actor,
            object=f"instance/{actor.pk}",
            outcome=Outcome.DENIED,
            body={
                "error": error.problem.uri if isinstance(error, AccessRequestError) else error.code,
                "message": error.message,
                "evaluation": submission.evaluation_id[:100],
            },
        )
    raise error
