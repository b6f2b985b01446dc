"""What every request to the decision point goes through: method, credential, size, form, answer."""

import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict

from governance import authzen
from governance.authzen import MalformedError
from governance.models import EnforcementPoint
from governance.services import actors, enforcement_points

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest], HttpResponse]
Ask = Callable[[dict[str, Any], EnforcementPoint], Mapping[str, Any]]
Look = Callable[[QueryDict, EnforcementPoint], Mapping[str, Any]]
CHALLENGE = 'Bearer realm="countersign"'
MAX_REQUEST_ID = 1_000


class RefusedError(Exception):
    """The request is not answered; `status`, the name of the problem and the headers say how that is told."""

    def __init__(self, status: int, message: str, *, code: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def endpoint(ask: Ask) -> View:
    """A view that answers POST from registered enforcement points with what `ask` returns."""
    return _view("POST", lambda request, point: ask(body_of(request), point))


def query(look: Look) -> View:
    """A view that answers GET from registered enforcement points with what `look` returns."""
    return _view("GET", lambda request, point: look(request.GET, point))


def _view(method: str, serve: Callable[[HttpRequest, EnforcementPoint], Mapping[str, Any]]) -> View:
    def view(request: HttpRequest) -> HttpResponse:
        try:
            check_method(request, method)
            point = caller(request)
            answered = answer(200, serve(request, point))
        except RefusedError as refusal:
            answered = answer(refusal.status, refusal.message, refusal.headers)
        except MalformedError as error:
            answered = answer(400, str(error))
        except Exception:
            # Whatever it is, the enforcement point is told in the form that it reads, and nothing is allowed.
            logger.exception("The decision point could not answer.")
            answered = answer(500, "The decision point could not answer. Nothing is allowed.")
        return echoed(request, answered)

    return view


def document(build: Callable[[], Mapping[str, Any]]) -> View:
    """A view that shows a public document to everybody."""

    def view(request: HttpRequest) -> HttpResponse:
        try:
            check_method(request, "GET", "HEAD")
            answered = answer(200, build(), {"Cache-Control": "public, max-age=300"})
        except RefusedError as refusal:
            answered = answer(refusal.status, refusal.message, refusal.headers)
        return echoed(request, answered)

    return view


def check_method(request: HttpRequest, *methods: str) -> None:
    if request.method not in methods:
        raise RefusedError(405, f"Use {methods[0]}.", Allow=", ".join(methods))


def caller(request: HttpRequest) -> EnforcementPoint:
    """Who asks (RFC 6750).

    Raises:
        RefusedError: there is no credential, or none that counts.
    """
    header = request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, credential = header.partition(" ")
    given = scheme.lower() == "bearer"
    point = enforcement_points.authenticate(
        actor=actors.DECISION_POINT, credential=credential.strip(" ") if given else ""
    )
    if point is not None:
        return point
    if given:
        wrong = f'{CHALLENGE}, error="invalid_token", error_description="No live credential."'
        raise RefusedError(401, "This is no live credential.", WWW_Authenticate=wrong)
    raise RefusedError(401, "Send the credential of an enforcement point.", WWW_Authenticate=CHALLENGE)


def body_of(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that was sent.

    Raises:
        RefusedError: in chunks, or larger than `authzen.MAX_BODY_BYTES`.
        MalformedError: of another type, or no such object.
    """
    if request.content_type != "application/json":
        raise MalformedError("The content type is not application/json.")
    if (request.content_params or {}).get("charset", "utf-8").lower() != "utf-8":
        raise MalformedError("The charset is not UTF-8.")
    if "HTTP_TRANSFER_ENCODING" in request.META:
        raise RefusedError(411, "Send the body with a Content-Length: one in chunks is not read.")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isdigit() and int(length) > authzen.MAX_BODY_BYTES:
        raise RefusedError(413, f"The body is larger than {authzen.MAX_BODY_BYTES} bytes.")
    return authzen.document(request.body)


def answer(status: int, content: object, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """JSON; an error is a string."""
    body = json.dumps(content).encode()
    kept = {"Cache-Control": "no-store", "Content-Length": str(len(body)), **(headers or {})}
    return HttpResponse(body, status=status, content_type="application/json", headers=kept)


def echoed(request: HttpRequest, answered: HttpResponse) -> HttpResponse:
    """With the id that the request came with, for whoever looks for it in two logs."""
    name = request.META.get("HTTP_X_REQUEST_ID", "")
    if name and len(name) <= MAX_REQUEST_ID and name.isprintable():
        answered["X-Request-ID"] = name
    return answered
