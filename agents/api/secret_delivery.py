"""Where an agent that runs elsewhere, or the sidecar beside it, gets a secret: `POST /access/v1/secrets`.

The request says nothing but the token and the proof of its key (RFC 9449), or comes with the certificate that
it is bound to (RFC 8705): what the token names is given.
"""

import logging
from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse, JsonResponse

from agents.api import client_certificate
from agents.errors import CredentialError
from agents.oauth.errors import OAuthError
from agents.services import secret_delivery
from audits.errors import ServiceError

logger = logging.getLogger(__name__)

SECRETS = "/access/v1/secrets"
UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
BEARER, DPOP = "Bearer ", "DPoP "


def deliver(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _told("invalid_request", "Use POST.", 405, {"Allow": "POST"})
    sent, proof = request.headers.get("Authorization", ""), request.headers.get("DPoP", "")
    held = client_certificate.header_of(request)
    if not sent.startswith(DPOP if proof else BEARER) or not (proof or held):
        return _unproved("Send the token as DPoP, with a proof of its key (RFC 9449).")
    asked = secret_delivery.deliver(
        token=sent.partition(" ")[2].strip(), proof=proof, url=secret_delivery.address(), certificate=held
    )
    try:
        with asked as given:
            return JsonResponse({"name": given.name, "value": given.value.reveal()}, headers=UNCACHED)
    except (OAuthError, CredentialError) as error:
        return _unproved(error.message, error.code)
    except ServiceError as error:
        return _told(error.code, error.message, error.status, {})
    except Exception as error:  # noqa: BLE001 - the client reads this form alone; no frame is logged
        logger.error("A secret could not be given: %s.", type(error).__name__)  # noqa: TRY400 - as above
        return _told("server_error", "Nothing was given. Try again later.", 500, {})


def _unproved(message: str, code: str = "invalid_token") -> HttpResponse:
    """RFC 9449 section 7.1."""
    return _told(code, message, 401, {"WWW-Authenticate": f'DPoP error="{code}"'})


def _told(code: str, message: str, status: int, headers: Mapping[str, str]) -> HttpResponse:
    body = {"error": code, "error_description": message.replace('"', "'")}
    return JsonResponse(body, status=status, headers={**UNCACHED, **headers})


ROUTES: Mapping[str, Callable[[HttpRequest], HttpResponse]] = {SECRETS: deliver}
