"""A secret for a copy of an agent that runs elsewhere: by a token that names it, and what it is bound to.

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
from agents.oauth.confirmation import Proved
from agents.secrets import SecretValue
from agents.services import clients, credentials, secrets
from audits.actor import Actor

ACTION, RESOURCE = "read_secret", "secret/"
STRANGER = Actor.system("unknown-key")


@dataclass(frozen=True, slots=True)
class Delivered:
    """The secret that a token named. It is dropped when the `with` that gave it ends."""

    name: str
    value: SecretValue


@contextmanager
def deliver(*, token: str, proof: str, url: str, certificate: str = "") -> Iterator[Delivered]:
    """Give the secret that the token names to who holds what it is bound to. No transaction may be open.

    Args:
        proof: the DPoP proof of this request, with the digest of the token (RFC 9449); empty where it is
            bound to a certificate alone.
        certificate: the header in which a trusted proxy hands on the client's certificate (RFC 8705).
        url: of this request, which is the token's audience as well.

    Raises:
        OAuthError: the proof does not hold, or the certificate cannot be read.
        CredentialError: the token is not for this, not bound to what was proved, over or used; recorded.
        SecretRefusedError, SecretUnavailableError: as `secrets.get_secret`.
    """
    proved = _proved(token, proof, url, certificate)
    detail, instance = _named(token, url)
    name = str(detail.get("identifier", "")).removeprefix(RESOURCE)
    resource = f"{RESOURCE}{name}"
    # A proof that is played again comes with a token that is used up.
    credential = credentials.verify(
        holder=instance.actor if instance else STRANGER,
        token=token,
        audience=url,
        action=ACTION,
        resource=resource,
        proved=proved,
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


def _proved(token: str, proof: str, url: str, certificate: str) -> Proved:
    held = clients.thumbprint(certificate)
    if not proof:
        return Proved(certificate=held)
    now = timezone.now()
    key = dpop.verify(proof, method="POST", url=url, now=now, access_token=token).thumbprint
    return Proved(key=key, certificate=held)


def _named(token: str, url: str) -> tuple[Mapping[str, Any], AgentInstance | None]:
    """What the token says that it is for, and whose it is; nobody's where it is bound to nothing.

    What is wrong with the token besides, `credentials.verify` says and records.
    """
    try:
        claims = access_token.read(token, audience=url)
    except CredentialError:
        return {}, None
    details = claims["authorization_details"]
    detail = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    if "cnf" not in claims:
        return detail, None
    rows = AgentInstance.objects.select_related("agent__owner", "version")
    return detail, rows.filter(spiffe_id=claims["sub"]).first()


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
