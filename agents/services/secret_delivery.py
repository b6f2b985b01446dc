"""A secret for a copy of an agent that runs elsewhere: by a token that names it, and the key it is bound to.

The token is one of the token endpoint's: action `read_secret` on `secret/<name>`, for this audience. It is
used up here; then the decision point is asked again, as for any other reading.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from agents import access_token
from agents.errors import CredentialError
from agents.models import AgentInstance
from agents.oauth import dpop
from agents.secrets import SecretValue
from agents.services import credentials, secrets
from audits.actor import Actor

ACTION, RESOURCE = "read_secret", "secret/"
STRANGER = Actor.system("unknown-key")


@dataclass(frozen=True, slots=True)
class Delivered:
    """The secret that a token named. It is dropped when the `with` that gave it ends."""

    name: str
    value: SecretValue


@contextmanager
def deliver(*, token: str, proof: str, url: str) -> Iterator[Delivered]:
    """Give the secret that the token names to who holds the token's key. No transaction may be open.

    Args:
        proof: the DPoP proof of this request, with the digest of the token (RFC 9449).
        url: of this request, which is the token's audience as well.

    Raises:
        OAuthError: the proof does not hold.
        CredentialError: the token is not for this, not bound to this key, over or used; recorded.
        SecretRefusedError, SecretUnavailableError: as `secrets.get_secret`.
    """
    proved = dpop.verify(proof, method="POST", url=url, now=timezone.now(), access_token=token)
    detail, instance = _named(token, url, proved.thumbprint)
    name = str(detail.get("identifier", "")).removeprefix(RESOURCE)
    resource = f"{RESOURCE}{name}"
    # A proof that is played again comes with a token that is used up.
    credential = credentials.verify(
        holder=instance.actor if instance else STRANGER,
        token=token,
        audience=url,
        action=ACTION,
        resource=resource,
    )
    if instance is None:
        raise RuntimeError("A token of nobody was taken.")
    task = secrets.Task(
        action=ACTION, resource=resource, intent=str(detail.get("intent", "")), id=_uuid(detail.get("task"))
    )
    given = secrets.get_secret(
        reference=name,
        instance=instance,
        task=task,
        hand_out=True,
        token_decision=credential.decision_id,
    )
    with given as value:
        yield Delivered(name, value)


def address() -> str:
    """Where it is asked for: the audience of the tokens."""
    return f"{settings.ISSUER.rstrip('/')}/access/v1/secrets"


def _named(token: str, url: str, thumbprint: str) -> tuple[Mapping[str, Any], AgentInstance | None]:
    """What the token says that it is for, and whose it is; nobody's where another key was proved.

    What is wrong with the token besides, `credentials.verify` says and records.
    """
    try:
        claims = access_token.read(token, audience=url)
    except CredentialError:
        return {}, None
    details = claims["authorization_details"]
    detail = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    confirmed = claims.get("cnf")
    if not isinstance(confirmed, dict) or confirmed.get("jkt") != thumbprint:
        return detail, None
    rows = AgentInstance.objects.select_related("agent__owner", "version")
    return detail, rows.filter(spiffe_id=claims["sub"]).first()


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
