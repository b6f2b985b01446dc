"""The access request endpoint: a copy of an agent asks for what it was denied (AuthZEN, draft 1)."""

import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from agents.api import client_certificate
from agents.models import AgentInstance
from agents.oauth.errors import OAuthError
from agents.services import clients
from agents.services.clients import Shown
from audits.api import problems as api_problems
from audits.api.problems import BY_CODE, BY_STATUS, MEDIA_TYPE
from audits.api.problems import Problem as ApiProblem
from audits.errors import ServiceError
from governance import access_request, elevation_selectors
from governance.access_request import PATH, AccessRequestError, Problem
from governance.api import http, problems
from governance.api.http import RefusedError
from governance.authzen import MalformedError
from governance.models import AccessRequest
from governance.services import access_requests

logger = logging.getLogger(__name__)

Serve = Callable[[HttpRequest, AgentInstance, UUID | None], HttpResponse]
CHALLENGE = 'Bearer realm="countersign"'
ONE = re.compile(rf"{re.escape(PATH)}/([0-9a-f-]{{36}})(/cancel)?", re.ASCII)
KEY = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
PATIENCE_SECONDS = "10"
UNCACHED = {"Cache-Control": "no-store"}


def route(path: str) -> http.View | None:
    """The view for an address of this endpoint; None for any other."""
    if path == PATH:
        return _view("POST", _submit)
    found = ONE.fullmatch(path)
    if found is None:
        return None
    task = _uuid(found[1])
    return _view("POST", _cancel, task) if found[2] else _view("GET", _status, task)


def _view(method: str, serve: Serve, task: UUID | None = None) -> http.View:
    def view(request: HttpRequest) -> HttpResponse:
        return http.echoed(request, answer(request))

    def answer(request: HttpRequest) -> HttpResponse:
        path = request.path_info
        try:
            http.check_method(request, method)
            return serve(request, _caller(request), task)
        except (RefusedError, MalformedError, ServiceError) as error:
            return _refused(error, path)
        except Exception:
            # Whatever it is, the agent is told in the form that it reads, and nothing is opened.
            logger.exception("An access request could not be answered.")
            sentence = "Something went wrong here. It is in the log; nothing was opened."
            return problems.respond(ApiProblem.FAILED, sentence, path=path)

    return view


def _refused(error: RefusedError | MalformedError | ServiceError, path: str) -> HttpResponse:
    if isinstance(error, AccessRequestError):
        return _problem(error.problem, error.message, path)
    if isinstance(error, OAuthError):
        return _of_oauth(error, path)
    if isinstance(error, RefusedError):
        problem = BY_CODE.get(error.code) or BY_STATUS[error.status]
        return problems.respond(problem, error.message, path=path, headers=error.headers)
    if isinstance(error, ServiceError):
        return problems.of_service(error, path)
    return problems.respond(ApiProblem.MALFORMED, str(error), path=path)


def _submit(request: HttpRequest, copy: AgentInstance, _task: UUID | None) -> HttpResponse:
    submission = access_request.read(http.body_of(request))
    asked = access_requests.submit(actor=copy, submission=submission, key=_key(request))
    return _told(asked, 202)


def _status(_request: HttpRequest, copy: AgentInstance, task: UUID | None) -> HttpResponse:
    return _told(access_requests.find(actor=copy, task=_known(task)))


def _cancel(_request: HttpRequest, copy: AgentInstance, task: UUID | None) -> HttpResponse:
    return _told(access_requests.cancel(actor=copy, task=_known(task)))


def _caller(request: HttpRequest) -> AgentInstance:
    """Who asks: what it would get a token with, an assertion as bearer credential or its certificate."""
    scheme, _, assertion = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer" and assertion.strip(" "):
        return clients.authenticated(Shown(assertion=assertion.strip(" ")))[0]
    if not scheme and (held := client_certificate.header_of(request)):
        return clients.authenticated(Shown(certificate=held))[0]
    raise RefusedError(
        401,
        "Send a client assertion (RFC 7523) as the bearer credential.",
        code="unauthenticated",
        WWW_Authenticate=CHALLENGE,
    )


def _key(request: HttpRequest) -> str:
    key: str = request.META.get("HTTP_IDEMPOTENCY_KEY", "")
    if not KEY.fullmatch(key):
        raise MalformedError("Send an Idempotency-Key of 1 to 200 visible ASCII characters.")
    return key


def _known(task: UUID | None) -> UUID:
    if task is None:
        raise AccessRequestError(Problem.UNKNOWN_TASK, "You have asked for nothing of this name.")
    return task


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _told(asked: AccessRequest, status: int = 200) -> HttpResponse:
    content = access_request.told(asked, elevation_selectors.latest_approval_of(asked.elevation))
    headers = {"Location": content["task"]["status_endpoint"]}
    if content["task"]["status"] == "pending":
        headers["Retry-After"] = PATIENCE_SECONDS
    return http.answer(status, content, headers)


def _problem(problem: Problem, detail: str, path: str) -> HttpResponse:
    body = {
        "type": problem.uri,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "instance": path,
    }
    return HttpResponse(
        json.dumps(body).encode(), status=problem.status, content_type=MEDIA_TYPE, headers=UNCACHED
    )


def _of_oauth(error: OAuthError, path: str) -> HttpResponse:
    if error.code == "slow_down":
        kept: Mapping[str, Any] = {"Retry-After": "60", **UNCACHED}
        refused = api_problems.Refused(ApiProblem.TOO_MANY_REQUESTS, error.message, headers=kept)
        return api_problems.respond(refused, path)
    wrong = f'{CHALLENGE}, error="invalid_token"'
    return problems.respond(
        ApiProblem.INVALID_TOKEN, error.message, path=path, headers={"WWW-Authenticate": wrong}
    )
