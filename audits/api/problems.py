"""What the API answers, to people's tokens and to pipelines, where it does not do what was asked.

Problem details (RFC 9457).

`type` is a name that stays, not an address; `errors` says what is wrong where, by JSON pointer (RFC 6901)
into the body or by the name of a query parameter. docs/api.md lists the types.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpResponse
from rest_framework import exceptions

from audits.errors import ServiceError

logger = logging.getLogger(__name__)

BASE = "https://countersign.example/problems/"
MEDIA_TYPE = "application/problem+json"
Errors = list[dict[str, str]]


class Problem(Enum):
    """Every type: its name, the status, and the title, which is the same each time."""

    MALFORMED = "malformed", 400, "The request cannot be read"
    BAD_PARAMETER = "bad-parameter", 400, "A query parameter is unknown or wrong"
    UNAUTHENTICATED = "unauthenticated", 401, "Send a credential"
    INVALID_TOKEN = "invalid-token", 401, "The credential does not count"
    DENIED = "denied", 403, "Whoever asks may not do this"
    INSUFFICIENT_SCOPE = "insufficient-scope", 403, "The API token may only read"
    SECOND_FACTOR_NEEDED = "second-factor-needed", 403, "This person needs a second factor first"
    VOTING_NEEDS_A_PERSON = "voting-needs-a-person", 403, "Votes are cast by people, in the portal"
    NEEDS_A_PERSON = "needs-a-person", 403, "This is done by people, in the portal"
    NOT_FOUND = "not-found", 404, "There is nothing here that this credential may see"
    METHOD_NOT_ALLOWED = "method-not-allowed", 405, "This method is not for this address"
    NOT_ACCEPTABLE = "not-acceptable", 406, "The answer cannot be given in a form that is accepted"
    CONFLICT = "conflict", 409, "It does not fit what is there now"
    PRECONDITION_FAILED = "precondition-failed", 412, "It is not what it was read as any more"
    LENGTH_REQUIRED = "length-required", 411, "Send the body with its length"
    TOO_LARGE = "too-large", 413, "The body is too large"
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", 415, "The body is not of a type that is read here"
    INVALID = "invalid", 422, "The input is wrong"
    UNREADABLE_REPORT = "unreadable-report", 422, "The report cannot be read"
    PRECONDITION_REQUIRED = "precondition-required", 428, "Send If-Match, with the ETag of what was read"
    TOO_MANY_REQUESTS = "too-many-requests", 429, "Too many refused tokens came from this address"
    FAILED = "failed", 500, "The portal could not answer"
    UNAVAILABLE = "unavailable", 503, "The portal cannot do this now"

    def __init__(self, code: str, status: int, title: str) -> None:
        self.code = code
        self.status = status
        self.title = title

    @property
    def uri(self) -> str:
        return BASE + self.code


BY_CODE = {problem.code: problem for problem in Problem}
BY_STATUS = {problem.status: problem for problem in reversed(Problem)}


class Refused(exceptions.APIException):
    """An answer other than what was asked for, with its type, a sentence, headers and `errors`."""

    def __init__(
        self,
        problem: Problem,
        sentence: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        errors: Errors | None = None,
    ) -> None:
        super().__init__(sentence or problem.title)
        self.problem = problem
        self.sentence = sentence or f"{problem.title}."
        self.headers = dict(headers or {})
        self.errors = errors or []


def answer(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """The exception handler of every API view: whatever it was, a problem; and nothing of ours leaks."""
    request = context.get("request")
    path = request.path if request is not None else ""
    refused = _refused(error, context.get("view"))
    if refused is None:
        logger.error("The management API could not answer %s.", path, exc_info=error)
        refused = Refused(Problem.FAILED, "Something went wrong here. It is in the log; try again later.")
    return respond(refused, path)


def respond(refused: Refused, path: str) -> HttpResponse:
    """The response itself."""
    problem = refused.problem
    body: dict[str, Any] = {
        "type": problem.uri,
        "title": problem.title,
        "status": problem.status,
        "detail": refused.sentence,
        "instance": path,
    }
    if refused.errors:
        body["errors"] = refused.errors
    return HttpResponse(
        json.dumps(body).encode(), status=problem.status, content_type=MEDIA_TYPE, headers=refused.headers
    )


OF_DJANGO: tuple[tuple[type[Exception], Problem], ...] = (
    (Http404, Problem.NOT_FOUND),
    (PermissionDenied, Problem.DENIED),
    (RequestDataTooBig, Problem.TOO_LARGE),
    (SuspiciousOperation, Problem.MALFORMED),
)


def _refused(error: Exception, view: Any) -> Refused | None:
    """What it means; None where it is a defect of ours."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, ServiceError):
        return _of_service(error, view)
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    return next((Refused(problem) for kind, problem in OF_DJANGO if isinstance(error, kind)), None)


def _of_service(error: ServiceError, view: Any) -> Refused:
    by_status = BY_STATUS.get(error.status, Problem.MALFORMED)
    problem = BY_CODE.get(error.code.replace("_", "-"), by_status)
    under = getattr(view, "fields_are_under", "")
    errors = [{"pointer": pointer(under, name), "detail": text} for name, text in error.fields.items()]
    return Refused(problem, error.message, errors=errors)


def _of_framework(error: exceptions.APIException) -> Refused:
    if isinstance(error, exceptions.ValidationError):
        errors = [{"pointer": where, "detail": text} for where, text in _wrong(error.detail)]
        return Refused(Problem.INVALID, " ".join(sorted({each["detail"] for each in errors})), errors=errors)
    headers = {}
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        headers["WWW-Authenticate"] = str(getattr(error, "auth_header", 'Bearer realm="countersign"'))
    problem = BY_STATUS.get(error.status_code, Problem.MALFORMED)
    return Refused(problem, str(error.detail), headers=headers)


def pointer(*parts: str | int) -> str:
    """A JSON pointer (RFC 6901) to a place in the body; empty parts are left out."""
    texts = [str(part).replace("~", "~0").replace("/", "~1") for part in parts if part != ""]
    return "".join(f"/{text}" for text in texts)


def _wrong(detail: Any, *place: str | int) -> Iterator[tuple[str, str]]:
    """What the serializers say, flat: each sentence with the pointer to what it is about."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _wrong(inner, *place, *([] if name == "non_field_errors" else [name]))
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            yield from _wrong(inner, *place, *([index] if nested else []))
    else:
        yield pointer(*place), str(detail)
