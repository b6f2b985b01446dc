"""Token exchange at the token endpoint (RFC 8693): its parameters, and its answers."""

from collections.abc import Mapping
from typing import Any

from agents.oauth.errors import invalid_request
from agents.services import exchange, tokens
from agents.services.exchange import ACCESS_TOKEN, GRANT, JWT, Exchange, HandedOut

__all__ = ["GRANT", "answer"]
NOT_APPLICABLE = "N_A"


def answer(form: Mapping[str, str], asked: tokens.Asked) -> tuple[Mapping[str, Any], tokens.Issued | None]:
    """What to answer, and the access token where one was issued.

    Raises:
        OAuthError: nothing was issued.
    """
    subject, kind = form.get("subject_token", ""), form.get("subject_token_type")
    wanted = form.get("requested_token_type")
    if not subject or not kind:
        raise invalid_request("Send subject_token and subject_token_type (RFC 8693 section 2.1).")
    if ("actor_token" in form) != ("actor_token_type" in form) or form.get("actor_token_type", JWT) != JWT:
        raise invalid_request(f"actor_token and actor_token_type come together, of type {JWT}.")
    given = Exchange(
        asked=asked,
        subject_token=subject,
        actor_token=form.get("actor_token", ""),
        audience=form.get("audience", ""),
        resource=form.get("resource", ""),
    )
    if kind == JWT and wanted in {None, ACCESS_TOKEN}:
        return {"issued_token_type": ACCESS_TOKEN}, exchange.issue(exchange=given)
    if kind == ACCESS_TOKEN and wanted == JWT:
        return _told(exchange.hand_on(exchange=given)), None
    raise invalid_request(
        f"A subject token ({JWT}) becomes an access token. An access token of one's own becomes a subject "
        f"token for another agent: requested_token_type {JWT}, audience the other agent's client_id."
    )


def _told(handed: HandedOut) -> Mapping[str, Any]:
    return {
        "access_token": handed.token,
        "issued_token_type": JWT,
        "token_type": NOT_APPLICABLE,
        "expires_in": handed.seconds,
    }
