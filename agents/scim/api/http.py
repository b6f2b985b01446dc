"""What every SCIM request goes through: credential, method, size, form; errors in SCIM's own form."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from agents.scim.errors import ScimError
from agents.scim.patch import Document
from agents.services import scim_clients
from agents.strict_json import StrictJSONError, loads, storable
from audits.actor import Actor
from audits.errors import Conflict, Invalid, ServiceError

logger = logging.getLogger(__name__)

PROVISIONING = Actor.system("provisioning")
CONTENT_TYPE = "application/scim+json"
CONTENT_TYPES = (CONTENT_TYPE, "application/json")
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
MAX_BODY_BYTES = 256 * 1024
MAX_DEPTH = 32
CHALLENGE = 'Bearer realm="countersign"'


@dataclass(frozen=True, slots=True)
class Answer:
    """`content` is None where there is nothing to say."""

    status: int
    content: Mapping[str, Any] | None = None
    location: str = ""


Handler = Callable[[HttpRequest, Actor], Answer]


def answer(request: HttpRequest, handlers: Mapping[str, Handler] | None) -> HttpResponse:
    """Answer a request by the handler of its method; `handlers` is None where there is nothing.

    Who asks is found out first: without a credential nobody learns what there is.
    """
    try:
        actor = _caller(request)
        if handlers is None:
            return _error(ScimError("There is nothing at this address.", status=404))
        handler = handlers.get(request.method or "")
        if handler is None:
            allowed = ", ".join(handlers)
            return _error(ScimError(f"Use {allowed}.", status=405), Allow=allowed)
        return _shown(handler(request, actor))
    except ScimError as error:
        return _error(error, **({"WWW-Authenticate": CHALLENGE} if error.status == 401 else {}))  # noqa: PLR2004
    except ServiceError as error:
        return _error(_translated(error))
    except Exception:
        # Whatever it is, the directory is told in the form that it reads, and nothing has changed.
        logger.exception("A SCIM request could not be answered.")
        return _error(ScimError("The portal could not answer. Nothing has changed.", status=500))


def document(request: HttpRequest) -> Document:
    """The JSON object in the request's body.

    Raises:
        ScimError: of another type or too large; or invalidSyntax.
    """
    if request.content_type not in CONTENT_TYPES:
        raise ScimError(f"Send {CONTENT_TYPE}.", status=415)
    if "HTTP_TRANSFER_ENCODING" in request.META:
        raise ScimError("Send the body with a Content-Length: one in chunks is not read.", status=411)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > MAX_BODY_BYTES:
        raise ScimError(f"The body is larger than {MAX_BODY_BYTES} bytes.", status=413)
    try:
        found = storable(loads(request.body.decode("utf-8"), max_depth=MAX_DEPTH))
    except UnicodeDecodeError as error:
        raise ScimError("The body is not UTF-8.", scim_type="invalidSyntax") from error
    except StrictJSONError as error:
        raise ScimError(f"The body is not JSON: {error}.", scim_type="invalidSyntax") from error
    if not isinstance(found, dict):
        raise ScimError("The body is not a JSON object.", scim_type="invalidSyntax")
    return found


def _caller(request: HttpRequest) -> Actor:
    """Who asks (RFC 6750).

    Raises:
        ScimError: there is no credential, or none that counts; recorded.
    """
    scheme, _, credential = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    given = credential.strip(" ") if scheme.lower() == "bearer" else ""
    client = scim_clients.authenticate(actor=PROVISIONING, credential=given)
    if client is None:
        raise ScimError("Send the live credential of a provisioning client.", status=401)
    return scim_clients.actor_of(client)


def _translated(error: ServiceError) -> ScimError:
    words = " ".join([error.message, *(f"{name}: {text}." for name, text in error.fields.items())])
    if isinstance(error, Invalid):
        return ScimError(words, scim_type="invalidValue")
    taken = isinstance(error, Conflict) and "taken" in error.fields.values()
    return ScimError(error.message, scim_type="uniqueness" if taken else "", status=error.status)


def _shown(answered: Answer) -> HttpResponse:
    headers = {"Cache-Control": "no-store"} | ({"Location": answered.location} if answered.location else {})
    body = b"" if answered.content is None else json.dumps(answered.content).encode()
    return HttpResponse(body, status=answered.status, content_type=CONTENT_TYPE, headers=headers)


def _error(error: ScimError, **headers: str) -> HttpResponse:
    content: Document = {"schemas": [ERROR], "status": str(error.status), "detail": error.detail}
    if error.scim_type:
        content["scimType"] = error.scim_type
    answered = _shown(Answer(error.status, content))
    for name, value in headers.items():
        answered[name] = value
    return answered
