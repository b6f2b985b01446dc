"""Token introspection (RFC 7662): an enforcement point asks what a token is worth now."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse, JsonResponse

from agents.api.oauth import FORM, INTROSPECTION, MAX_BYTES
from agents.services import tokens
from governance.api import http
from governance.api.http import RefusedError

UNCACHED = {"Cache-Control": "no-store"}


def introspection(request: HttpRequest) -> HttpResponse:
    """Only registered enforcement points ask; what they learn of a token that is over is that it is."""
    try:
        http.check_method(request, "POST")
        point = http.caller(request)
        told = tokens.introspect(token=_token(request), point=point.pk)
        return JsonResponse(told, headers=UNCACHED)
    except RefusedError as refusal:
        told = {"error": "invalid_request", "error_description": refusal.message}
        return JsonResponse(told, status=refusal.status, headers={**UNCACHED, **refusal.headers})


def _token(request: HttpRequest) -> str:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if request.content_type != FORM or not length.isdigit() or int(length) > MAX_BYTES:
        raise RefusedError(400, f"Send {FORM}, {MAX_BYTES} bytes at most.")
    token = request.POST.get("token", "")
    if not token:
        raise RefusedError(400, "Send the token.")
    return token


ROUTES: Mapping[str, http.View] = {INTROSPECTION: introspection}
