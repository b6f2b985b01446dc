"""The door of the management API: before sessions, cookies and forms, which count for nothing here."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, resolve

from audits.api import problems
from audits.api.problems import Problem, Refused

PREFIX = "/api/"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
}


class ManagementApiMiddleware:
    """Answers what is under `/api/` by itself, each time in the API's own form; the rest goes on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PREFIX):
            return self._get_response(request)
        try:
            answered = _answer(request)
        except Exception as error:  # noqa: BLE001 - logged there; whatever it is, the form is the same
            answered = problems.answer(error, {"request": request})
        for name, value in HEADERS.items():
            answered.headers.setdefault(name, value)
        return answered


def _answer(request: HttpRequest) -> HttpResponseBase:
    """
    Raises:
        Refused: there is no such address, or the body comes without its length.
    """
    try:
        request.get_host()
        found: Any = resolve(request.path_info)
    except DisallowedHost as error:
        raise Refused(Problem.MALFORMED, "The portal is not called by this host name.") from error
    except Resolver404 as error:
        raise Refused(Problem.NOT_FOUND, "There is no such address. See /api/v1/openapi.json.") from error
    if "HTTP_TRANSFER_ENCODING" in request.META:
        raise Refused(Problem.LENGTH_REQUIRED, "Send a Content-Length: a body in chunks is not read.")
    answered: HttpResponse = found.func(request, *found.args, **found.kwargs)
    return answered.render() if isinstance(answered, SimpleTemplateResponse) else answered
