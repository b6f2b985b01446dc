"""The OAuth endpoints of agents: token, revocation, key set, metadata (RFC 6749, 7009, 7517, 8414)."""

import logging
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone

from agents import signing
from agents.api import client_certificate, token_exchange
from agents.choices import ClientAuth
from agents.oauth import assertion, jwk
from agents.oauth.details import TYPE as TASK
from agents.oauth.errors import OAuthError, invalid_client, invalid_request
from agents.services import tokens
from agents.services.clients import Shown

logger = logging.getLogger(__name__)

TOKEN, REVOCATION, INTROSPECTION = "/oauth/token", "/oauth/revoke", "/oauth/introspect"
KEYS, METADATA = "/.well-known/jwks.json", "/.well-known/oauth-authorization-server"
CLIENT_CREDENTIALS = "client_credentials"
GRANTS = (CLIENT_CREDENTIALS, token_exchange.GRANT)
FORM = "application/x-www-form-urlencoded"
MAX_BYTES = 64 * 1024
UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
View = Callable[[HttpRequest], HttpResponse]


def _endpoint(answer: Callable[[HttpRequest, Mapping[str, str]], HttpResponse]) -> View:
    """A view that reads a form of a client, and answers refusals in the form of RFC 6749 section 5.2."""

    @wraps(answer)
    def view(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return _told("invalid_request", "Use POST.", 405, {"Allow": "POST"})
        try:
            return answer(request, _form(request))
        except tokens.AccessDenied as denial:
            return _denied(denial)
        except OAuthError as error:
            return _told(error.code, error.message, error.status, _challenge(error))
        except Exception:
            # The client reads this form alone; nothing is issued.
            logger.exception("The token endpoint could not answer.")
            return _told("server_error", "Nothing was issued. Try again later.", 500, {})

    return view


@_endpoint
def token(request: HttpRequest, form: Mapping[str, str]) -> HttpResponse:
    """RFC 6749 section 4.4, RFC 8693; RFC 7523 or 8705 for the client, RFC 9396 for the task, RFC 9449."""
    grant = form.get("grant_type")
    if grant not in GRANTS:
        raise OAuthError("unsupported_grant_type", f"The grant_type is one of {', '.join(GRANTS)}.")
    asked = tokens.Asked(
        shown=_shown(request, form),
        details=form.get("authorization_details", ""),
        proof=request.META.get("HTTP_DPOP", ""),
        url=f"{_base()}{TOKEN}",
    )
    if grant == CLIENT_CREDENTIALS:
        return JsonResponse(_told_of(tokens.issue(asked=asked)), headers=UNCACHED)
    more, issued = token_exchange.answer(form, asked)
    return JsonResponse({**(_told_of(issued) if issued else {}), **more}, headers=UNCACHED)


def _told_of(issued: tokens.Issued) -> dict[str, Any]:
    task = issued.task
    granted = {
        "type": TASK,
        "actions": [task.action],
        "locations": [task.location],
        "identifier": task.identifier,
        "intent": task.intent,
    }
    return {
        "access_token": issued.token,
        "token_type": issued.type,
        "expires_in": issued.seconds,
        "authorization_details": [granted],
    }


@_endpoint
def revocation(request: HttpRequest, form: Mapping[str, str]) -> HttpResponse:
    """RFC 7009: 200 whatever became of it."""
    tokens.revoke(shown=_shown(request, form), token=form.get("token", ""))
    return HttpResponse(b"", content_type="application/json", headers=UNCACHED)


def key_set(request: HttpRequest) -> HttpResponse:
    """The keys that tokens may name now (RFC 7517 section 5)."""
    keys = [signing.jwk(key) for key in signing.keys(now=timezone.now()).values()]
    return _document(request, {"keys": keys})


def metadata(request: HttpRequest) -> HttpResponse:
    """RFC 8414, with what RFC 8705, RFC 9396 and RFC 9449 add."""
    base = _base()
    signed, methods = list(jwk.SUPPORTED), [str(ClientAuth.PRIVATE_KEY_JWT)]
    if settings.CLIENT_CERTIFICATE:
        methods += settings.CLIENT_CERTIFICATE_METHODS
    described: dict[str, Any] = {
        "issuer": settings.ISSUER,
        "token_endpoint": f"{base}{TOKEN}",
        "revocation_endpoint": f"{base}{REVOCATION}",
        "introspection_endpoint": f"{base}{INTROSPECTION}",
        "jwks_uri": f"{base}{KEYS}",
        "response_types_supported": [],
        "grant_types_supported": list(GRANTS),
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": signed,
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": signed,
        "authorization_details_types_supported": [TASK],
        "dpop_signing_alg_values_supported": signed,
        "scopes_supported": ["agent:read", "agent:write"],
    }
    if settings.CLIENT_CERTIFICATE:
        described["tls_client_certificate_bound_access_tokens"] = True
    return _document(request, described)


def _document(request: HttpRequest, content: Mapping[str, Any]) -> HttpResponse:
    if request.method not in {"GET", "HEAD"}:
        return _told("invalid_request", "Use GET.", 405, {"Allow": "GET, HEAD"})
    return JsonResponse(content, headers={"Cache-Control": "public, max-age=60"})


def _form(request: HttpRequest) -> Mapping[str, str]:
    """The parameters: each at most once (RFC 6749 section 3.2)."""
    if request.content_type != FORM:
        raise invalid_request(f"The content type is {FORM}.")
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > MAX_BYTES:
        raise invalid_request(f"The body has {MAX_BYTES} bytes at most.")
    twice = sorted(name for name, values in request.POST.lists() if len(values) > 1)
    if twice:
        raise invalid_request(f"Sent more than once: {', '.join(twice)[:200]}.")
    return {name: str(value) for name, value in request.POST.items()}


def _shown(request: HttpRequest, form: Mapping[str, str]) -> Shown:
    """By one method alone (RFC 6749 section 2.3): a mesh adds its certificate to every request, asked or not.

    With a certificate the client_id says who asks (RFC 8705 section 2).
    """
    named, held = form.get("client_id", ""), client_certificate.header_of(request)
    if "client_assertion" not in form and "client_assertion_type" not in form and held and named:
        return Shown(certificate=held, client=named)
    if form.get("client_assertion_type") != assertion.TYPE or not form.get("client_assertion"):
        or_by = ", or with its client_id and a certificate (RFC 8705)" if settings.CLIENT_CERTIFICATE else ""
        raise invalid_client(f"Prove the client with private_key_jwt (RFC 7523){or_by}.")
    return Shown(assertion=form["client_assertion"], client=named)


def _denied(denial: tokens.AccessDenied) -> HttpResponse:
    """With what helps a client go on: the decision, and whether an approval could lift it."""
    answer = denial.answer
    more = {"evaluation_id": str(answer.id), "reason": answer.reason, "requestable": answer.requestable}
    if answer.access_request:
        more["access_request"] = dict(answer.access_request)
    return _told(denial.code, denial.message, denial.status, {}, **more)


def _told(code: str, message: str, status: int, headers: Mapping[str, str], **more: Any) -> HttpResponse:
    body = {"error": code, "error_description": message.replace('"', "'"), **more}
    return JsonResponse(body, status=status, headers={**UNCACHED, **headers})


def _challenge(error: OAuthError) -> dict[str, str]:
    return {"WWW-Authenticate": 'Bearer realm="countersign"'} if error.status == 401 else {}  # noqa: PLR2004


def _base() -> str:
    return settings.ISSUER.rstrip("/")


ROUTES: Mapping[str, View] = {
    TOKEN: token,
    REVOCATION: revocation,
    KEYS: key_set,
    METADATA: metadata,
}
