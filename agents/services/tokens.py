"""The token endpoint: a copy of an agent proves itself and gets a token for one task (RFC 6749, 7523, 9068).

Every token is decided first, by the same decision point as the gateway's calls, and minted by the same
function: short-lived, for one action on one resource at one place, and for a write bound to a key (DPoP).
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NoReturn
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError
from django.utils import timezone

from agents import access_token, decision_point
from agents.choices import Access
from agents.decision_point import Answer, Question
from agents.errors import CredentialError
from agents.models import AgentInstance, Credential, InstanceKey, SpentIdentifier
from agents.oauth import assertion, details, dpop
from agents.oauth.assertion import Assertion
from agents.oauth.details import Task
from agents.oauth.errors import OAuthError, invalid_client, invalid_dpop_proof, invalid_request
from agents.oauth.jwk import PublicKey
from agents.on_behalf import OnBehalf
from agents.services import credentials, token_limits
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.services import ledger
from audits.turn import transaction_in_turn

GUARD = Actor.system("token-endpoint")
BEARER, DPOP = "Bearer", "DPoP"


class AccessDenied(OAuthError):
    """The decision point said no; `answer` is what it said."""

    def __init__(self, answer: Answer) -> None:
        super().__init__("access_denied", answer.message)
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Issued:
    """An access token response (RFC 6749 section 5.1); `seconds` is how long it lives."""

    token: str
    type: str
    seconds: int
    task: Task


@dataclass(frozen=True, slots=True)
class Asked:
    """A token request as it came: the texts of its parameters, and for which address a proof was made."""

    assertion: str
    details: str
    proof: str
    url: str


Under = Callable[[AgentInstance, Task], OnBehalf]
"""For whom a copy does a task, or an `OAuthError` that says why not."""


def issue(*, asked: Asked, under: Under | None = None) -> Issued:
    """Authenticate the client, decide, mint. With `under` it acts for somebody else (RFC 8693).

    Raises:
        AccessDenied: the decision point said no; the decision is recorded.
        OAuthError: the client or its proof is not what it must be, or there are too many tokens; recorded.
    """
    instance, proved = authenticated(asked.assertion)
    try:
        task = details.read(asked.details)
        access = _access(instance, task)
        thumbprint = _proved_key(asked, is_bound=access == Access.WRITE or under is not None)
        token_limits.require_room(instance)
        behalf = under(instance, task) if under else None
    except OAuthError as error:
        refused(error, instance, proved.thumbprint)
    question = replace(_question(instance, task, access), on_behalf_of=behalf)
    answer = decision_point.decide(question)
    if not answer.allowed:
        raise AccessDenied(answer)
    if answer.obligations:
        # A token says nothing of them, so whoever is shown it could not honour them.
        owed = ", ".join(answer.obligations)
        raise OAuthError("access_denied", f"It is allowed under {owed}, which a token does not carry.")
    longest = settings.TOKEN_WRITE_SECONDS if access == Access.WRITE else settings.TOKEN_READ_SECONDS

    def mint() -> tuple[str, Credential]:
        return credentials.mint(
            answer=answer,
            question=question,
            instance=instance,
            audience=task.location,
            seconds=longest,
            thumbprint=thumbprint,
            client_key=proved.thumbprint,
        )

    try:
        token, credential = token_limits.one_more(instance, mint)
    except CredentialError as error:
        raise OAuthError("access_denied", error.message) from error
    except OAuthError as error:
        refused(error, instance, proved.thumbprint)
    lifetime = int((credential.expires_at - credential.issued_at).total_seconds())
    return Issued(token, DPOP if thumbprint else BEARER, lifetime, task)


def introspect(*, token: str, point: UUID) -> Mapping[str, Any]:
    """What a token is worth now (RFC 7662 section 2.2); where nothing, not a word more than that.

    Args:
        point: the enforcement point that asks. The first that does reports what became of the decision.
    """
    try:
        claims = access_token.read(token, audience=None)
    except CredentialError:
        return {"active": False}
    credential = live_credential(claims)
    if credential is None:
        return {"active": False}
    Credential.objects.filter(pk=credential.pk, shown_to__isnull=True).update(shown_to=point)
    kept = {name: value for name, value in claims.items() if name != "elev"}
    return {
        "active": True,
        "token_type": DPOP if credential.thumbprint else BEARER,
        "evaluation_id": str(credential.decision_id),
        **kept,
    }


def revoke(*, client_assertion: str, token: str) -> None:
    """End a token of one's own (RFC 7009). One that is unknown, over or another's changes nothing.

    Raises:
        OAuthError: the client is not what it must be; recorded.
    """
    instance, _ = authenticated(client_assertion)
    try:
        claims = access_token.read(token, audience=None)
    except CredentialError:
        return
    with transaction_in_turn():
        ended = Credential.objects.filter(
            pk=claims["jti"], instance=instance, revoked_at__isnull=True
        ).update(revoked_at=timezone.now())
        if ended:
            ledger.record(
                stream=instance.agent.stream,
                action=Action.CREDENTIAL_REVOKED,
                actor=instance.actor,
                object=f"credential/{claims['jti']}",
                body={"by": "its holder"},
            )


def live_credential(claims: Mapping[str, Any]) -> Credential | None:
    """What verified claims are the token of, where that is worth something now."""
    credential = _credential(claims.get("jti"))
    if credential is None or claims.get("aud") != credential.audience:
        return None
    return credential if _is_live(credential, claims) else None


def forget_spent() -> int:
    """Drop the ids that could not come again anyway. Returns how many."""
    return SpentIdentifier.objects.filter(expires_at__lte=timezone.now()).delete()[0]


def authenticated(text: str) -> tuple[AgentInstance, Assertion]:
    """The copy that made an assertion. Each assertion counts once."""
    instance = None
    try:
        instance = _instance(assertion.client_named(text))
        now = timezone.now()
        proved = assertion.verify(text, keys=_keys(instance, now), issuer=settings.ISSUER, now=now)
        _spend("assertion", proved.client, proved.id, proved.expires, invalid_client)
    except OAuthError as error:
        refused(error, instance, "")
    return instance, proved


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


def _keys(instance: AgentInstance, now: datetime) -> list[PublicKey]:
    live = [key for key in InstanceKey.objects.filter(instance=instance) if _is_key_live(key, now)]
    return [PublicKey(key.jwk) for key in live]


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


def _access(instance: AgentInstance, task: Task) -> Access:
    """As the approved manifest says; what it does not list is refused by the decision point."""
    listed = [entry for entry in instance.version.tool_manifest if entry.get("name") == task.action]
    said = listed[0].get("access") if listed else Access.READ
    return Access(said) if said in Access.values else Access.READ


def _proved_key(asked: Asked, *, is_bound: bool) -> str:
    """The thumbprint that the token is bound to; where it must be, none is refused (RFC 9449 section 5)."""
    if not asked.proof:
        if is_bound:
            raise invalid_request(
                "A token for a write, or for somebody else, is bound to a key. Send a DPoP proof (RFC 9449)."
            )
        return ""
    proof = dpop.verify(asked.proof, method="POST", url=asked.url, now=timezone.now())
    spend_proof(proof)
    return proof.thumbprint


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


def _question(instance: AgentInstance, task: Task, access: Access) -> Question:
    return Question(
        agent=instance.agent,
        instance=instance,
        version=instance.version,
        action=task.action,
        resource=task.identifier,
        access=access,
        task_id=task.task,
        intent=task.intent,
        digest=task.digest,
    )


def _credential(jti: Any) -> Credential | None:
    identifier = _uuid(jti)
    if identifier is None:
        return None
    rows = Credential.objects.select_related("agent__owner", "instance", "delegation")
    return rows.filter(pk=identifier).first()


def _is_live(credential: Credential, claims: Mapping[str, Any]) -> bool:
    """Not used up, not revoked, and nothing has ended that it rests on."""
    instance = credential.instance
    if credential.used_at or credential.expires_at <= timezone.now():
        return False
    if instance.expires_at and instance.expires_at <= timezone.now():
        return False
    return not credentials.has_ended(credential=credential, claims=claims)


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


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
