"""Who asks at the token endpoint: a copy of an agent, by an assertion or by its certificate (RFC 7523, 8705).

Each copy has one way, given when it was provisioned. Every refusal is recorded.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

from agents.choices import ClientAuth
from agents.models import AgentInstance, InstanceKey, SpentIdentifier
from agents.oauth import assertion, certificate, dpop
from agents.oauth.certificate import Certificate
from agents.oauth.errors import OAuthError, invalid_client, invalid_dpop_proof, invalid_request
from agents.oauth.jwk import PublicKey
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.services import ledger
from audits.turn import transaction_in_turn

GUARD = Actor.system("token-endpoint")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a client shows of itself: an assertion, or the header in which a trusted proxy hands on its
    certificate. `client` is the `client_id` that came with it; each is empty where it was not sent.
    """

    assertion: str = ""
    certificate: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """A client that proved itself: by which of its keys (RFC 7638), with which certificate (`x5t#S256`).

    A certificate of the trust domain belongs to no key that is known here: then `key` is empty.
    """

    key: str = ""
    certificate: str = ""


def authenticated(shown: Shown) -> tuple[AgentInstance, Client]:
    """The copy that shows this. Each assertion counts once.

    Raises:
        OAuthError: it is not exactly what one live copy proves itself with; recorded.
    """
    instance, now = None, timezone.now()
    try:
        held = None if shown.assertion else _certificate(shown, now)
        registered = _registered(held, now) if held else None
        instance = _instance(_named(shown, held, registered))
        if shown.client not in {"", instance.spiffe_id}:
            raise invalid_client("The client_id is not whom the assertion or the certificate names.")
        if held is None:
            return instance, Client(key=_by_assertion(shown.assertion, instance, now))
        _require(instance, ClientAuth.SELF_SIGNED_TLS if registered else ClientAuth.TLS)
    except OAuthError as error:
        refused(error, instance, "")
    return instance, Client(registered.thumbprint if registered else "", held.thumbprint)


def thumbprint(header: str) -> str:
    """Of the certificate with which a request came, that a bound token is compared with; or nothing.

    Raises:
        OAuthError: it cannot be read, or its time is over.
    """
    if not header:
        return ""
    held = certificate.read(header, form=settings.CLIENT_CERTIFICATE)
    certificate.check_time(held, timezone.now())
    return held.thumbprint


def spend_proof(proof: dpop.Proof) -> None:
    """
    Raises:
        OAuthError: it has come before.
    """
    _spend("dpop", proof.thumbprint, proof.id, proof.expires, invalid_dpop_proof)


def spend_subject(identifier: str, expires: int) -> None:
    """
    Raises:
        OAuthError: this subject token has come before.
    """
    _spend("subject", settings.ISSUER, identifier, expires, invalid_request)


def forget_spent() -> int:
    """Drop the ids that could not come again anyway. Returns how many."""
    return SpentIdentifier.objects.filter(expires_at__lte=timezone.now()).delete()[0]


def refused(error: OAuthError, instance: AgentInstance | None, thumbprint: str) -> NoReturn:
    """A refusal is recorded, in a transaction of its own; then it is raised."""
    with transaction_in_turn():
        ledger.record(
            stream=instance.agent.stream if instance else "system",
            action=Action.TOKEN_REFUSED,
            actor=GUARD,
            object=f"instance/{instance.pk}" if instance else "instance/unknown",
            outcome=Outcome.DENIED,
            body={"error": error.code, "message": error.message, "thumbprint": thumbprint},
        )
    raise error


def _certificate(shown: Shown, now: datetime) -> Certificate:
    if not shown.certificate:
        raise invalid_client("Prove the client with an assertion or a certificate.")
    held = certificate.read(shown.certificate, form=settings.CLIENT_CERTIFICATE)
    certificate.check_time(held, now)
    return held


def _registered(held: Certificate, now: datetime) -> InstanceKey | None:
    """What the certificate was registered as, for one copy (RFC 8705 section 2.2)."""
    rows = InstanceKey.objects.filter(certificate=held.thumbprint).select_related("instance")
    return next((row for row in rows if _is_key_live(row, now)), None)


def _named(shown: Shown, held: Certificate | None, registered: InstanceKey | None) -> str:
    if held is None:
        return assertion.client_named(shown.assertion)
    if registered is not None:
        return registered.instance.spiffe_id
    return certificate.spiffe_id(held, trust_domain=settings.TRUST_DOMAIN)


def _instance(client: str) -> AgentInstance:
    """The live copy of that name.

    Raises:
        OAuthError: there is none; the same words whether there ever was one.
    """
    found = AgentInstance.objects.select_related("agent__owner", "version").filter(spiffe_id=client).first()
    over = found is not None and (
        found.ended_at is not None or found.expires_at is None or found.expires_at <= timezone.now()
    )
    if found is None or over:
        raise invalid_client("No live copy of an agent has this name.")
    return found


def _by_assertion(text: str, instance: AgentInstance, now: datetime) -> str:
    """The thumbprint of the key that signed it."""
    proved = assertion.verify(text, keys=_keys(instance, now), issuer=settings.ISSUER, now=now)
    _spend("assertion", proved.client, proved.id, proved.expires, invalid_client)
    return proved.thumbprint


def _require(instance: AgentInstance, method: ClientAuth) -> None:
    """Whom an authority of the mesh names is no copy that was given a key of its own, nor the reverse."""
    if method not in settings.CLIENT_CERTIFICATE_METHODS or instance.client_auth != method:
        raise invalid_client("This copy does not prove itself with such a certificate.")


def _keys(instance: AgentInstance, now: datetime) -> list[PublicKey]:
    rows = InstanceKey.objects.filter(instance=instance, certificate="")
    return [PublicKey(key.jwk) for key in rows if _is_key_live(key, now)]


def _is_key_live(key: InstanceKey, now: datetime) -> bool:
    return key.ends_at is None or key.ends_at > now


def _spend(kind: str, issuer: str, identifier: str, expires: int, error: Any) -> None:
    """Take an id once; whoever brings it again, at the same moment too, is refused."""
    digest = hashlib.sha256(f"{kind}\n{issuer}\n{identifier}".encode()).hexdigest()
    try:
        with transaction_in_turn():
            SpentIdentifier(digest=digest, expires_at=timezone.now() + _until(expires)).save(
                force_insert=True
            )
    except IntegrityError as taken:
        raise error("It has come before. Make a new one for each request.") from taken


def _until(expires: int) -> timedelta:
    return timedelta(seconds=max(expires - timezone.now().timestamp(), 1))
