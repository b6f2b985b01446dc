"""The token endpoint: a copy of an agent proves itself and gets a token for one task (RFC 6749, 7523, 9068).

Every token is decided first, by the same decision point as the gateway's calls, and minted by the same
function: short-lived, for one action on one resource at one place, and for a write bound to a key (DPoP) or
to the client's certificate (RFC 8705).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from agents import access_token, decision_point
from agents.choices import Access
from agents.decision_point import Answer, Question
from agents.errors import CredentialError
from agents.models import AgentInstance, Credential
from agents.oauth import details, dpop
from agents.oauth.confirmation import Proved
from agents.oauth.details import Task
from agents.oauth.errors import OAuthError, invalid_request
from agents.on_behalf import OnBehalf
from agents.services import clients, credentials, token_limits
from agents.services.clients import Shown, refused
from audits.choices import Action
from audits.services import ledger
from audits.turn import transaction_in_turn

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
    """A token request as it came: who asks, its parameters, and for which address a proof was made."""

    shown: Shown
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
    instance, client = clients.authenticated(asked.shown)
    try:
        task = details.read(asked.details)
        access = _access(instance, task)
        is_bound = access == Access.WRITE or under is not None
        bound_to = Proved(
            key=_proved_key(asked, is_required=is_bound and not client.certificate),
            certificate=client.certificate,
        )
        token_limits.require_room(instance)
        behalf = under(instance, task) if under else None
    except OAuthError as error:
        refused(error, instance, client.key)
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
            bound_to=bound_to,
            client_key=client.key,
        )

    try:
        token, credential = token_limits.one_more(instance, mint)
    except CredentialError as error:
        raise OAuthError("access_denied", error.message) from error
    except OAuthError as error:
        refused(error, instance, client.key)
    lifetime = int((credential.expires_at - credential.issued_at).total_seconds())
    return Issued(token, DPOP if bound_to.key else BEARER, lifetime, task)


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
    return {
        "active": True,
        "token_type": DPOP if credential.thumbprint else BEARER,
        "evaluation_id": str(credential.decision_id),
        **claims,
    }


def revoke(*, shown: Shown, token: str) -> None:
    """End a token of one's own (RFC 7009). One that is unknown, over or another's changes nothing.

    Raises:
        OAuthError: the client is not what it must be; recorded.
    """
    instance, _ = clients.authenticated(shown)
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


def _access(instance: AgentInstance, task: Task) -> Access:
    """As the approved manifest says; what it does not list is refused by the decision point."""
    listed = [entry for entry in instance.version.tool_manifest if entry.get("name") == task.action]
    said = listed[0].get("access") if listed else Access.READ
    return Access(said) if said in Access.values else Access.READ


def _proved_key(asked: Asked, *, is_required: bool) -> str:
    """The thumbprint that the token is bound to; where it must be, none is refused (RFC 9449 section 5)."""
    if not asked.proof:
        if is_required:
            raise invalid_request(
                "A token for a write, or for somebody else, is bound to a key. Send a DPoP proof (RFC 9449)."
            )
        return ""
    proof = dpop.verify(asked.proof, method="POST", url=asked.url, now=timezone.now())
    clients.spend_proof(proof)
    return proof.thumbprint


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


def _uuid(value: Any) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
