"""Credentials for one call: minted after a decision, verified by who executes, good once (S0-7, S1-7).

RFC 9068 access tokens (`at+jwt`) signed with ES256; the task is an RFC 9396 authorization detail. The
token itself is not kept: what is stored is what it allowed, and that it was used.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agents import permissions, signing
from agents.choices import CredentialRefusal
from agents.decision_point import Answer, Question
from agents.errors import CredentialError
from agents.models import Agent, AgentInstance, Credential
from agents.services import locks
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.models.base import new_id
from audits.services import ledger

TYPE = "at+jwt"
MAX_TOKEN_CHARACTERS = 8192
SCOPE = {"read": "agent:read", "write": "agent:write"}
REQUIRED = ("iss", "sub", "aud", "jti", "iat", "exp", "scope", "authorization_details", "epoch", "prv")
GUARD = Actor.system("credential-guard")
REFUSALS: tuple[tuple[type[jwt.PyJWTError], CredentialRefusal], ...] = (
    (jwt.InvalidSignatureError, CredentialRefusal.SIGNATURE),
    (jwt.ExpiredSignatureError, CredentialRefusal.EXPIRED),
    (jwt.ImmatureSignatureError, CredentialRefusal.EXPIRED),
    (jwt.InvalidAudienceError, CredentialRefusal.AUDIENCE),
    (jwt.InvalidIssuerError, CredentialRefusal.ISSUER),
    (jwt.InvalidAlgorithmError, CredentialRefusal.ALGORITHM),
    (jwt.MissingRequiredClaimError, CredentialRefusal.CLAIMS),
    (jwt.InvalidTokenError, CredentialRefusal.MALFORMED),
)


def mint(
    *, answer: Answer, question: Question, instance: AgentInstance, audience: str
) -> tuple[str, Credential]:
    """A token for the one call that `answer` allowed, and its row.

    It lives `settings.CREDENTIAL_SECONDS`, never longer than the answer's `credential_seconds` (the
    longest of the agent's risk class) and never past its `ends_at`.

    Raises:
        CredentialError: the answer does not allow it, its time is over, or the agent's access has
            ended since; nothing is minted, and the refusal is recorded.
    """
    now = timezone.now()
    expires = now + timedelta(seconds=min(answer.credential_seconds, settings.CREDENTIAL_SECONDS))
    if answer.ends_at is not None:
        expires = min(expires, answer.ends_at)
    with transaction.atomic():
        agent = locks.agent(question.agent.pk)
        refusal = _why_not_mint(answer, agent, expires=expires, now=now)
        if refusal is None:
            credential = Credential.objects.create(
                agent=agent,
                instance=instance,
                decision_id=answer.id,
                elevation_id=answer.elevation_id,
                audience=audience,
                action=question.action,
                resource=question.resource,
                access=question.access,
                issued_at=now,
                expires_at=expires,
            )
            _record_minted(credential, question)
            return _encode(_claims(credential, question, epoch=agent.epoch)), credential
    raise _refused(refusal, agent, subject=instance.spiffe_id, decision=answer.id)


def verify(*, holder: Actor, token: str, audience: str, action: str, resource: str) -> Credential:
    """Check a token for exactly this call and use it up.

    Args:
        holder: who presents it; it is good for nobody but the instance that it was minted for.

    Raises:
        CredentialError: with the reason; recorded. The call must not happen.
    """
    try:
        claims = _decode(token, audience=audience)
    except CredentialError as error:
        _record_refused(CredentialRefusal(error.refusal), None, subject="")
        raise
    credential = _find(claims["jti"])
    if credential is None:
        raise _refused(CredentialRefusal.UNKNOWN, None, subject=str(claims["sub"]))
    with transaction.atomic():
        refusal = (
            _why_not_hold(credential, claims, holder)
            or _why_not_use(credential, claims, action=action, resource=resource)
            or _use(credential)
        )
        if refusal is None:
            _record_used(credential, holder)
    if refusal is not None:
        raise _refused(
            refusal,
            credential.agent,
            subject=credential.instance.spiffe_id,
            credential=credential,
            decision=credential.decision_id,
        )
    return credential


def _why_not_mint(
    answer: Answer, agent: Agent, *, expires: datetime, now: datetime
) -> CredentialRefusal | None:
    if not answer.allowed:
        return CredentialRefusal.TASK
    if expires <= now:
        return CredentialRefusal.EXPIRED
    if permissions.why_not_act(agent) or answer.epoch != agent.epoch:
        return CredentialRefusal.ENDED
    return None


def _claims(credential: Credential, question: Question, *, epoch: int) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "iss": settings.ISSUER,
        "sub": credential.instance.spiffe_id,
        "client_id": credential.agent.slug,
        "aud": credential.audience,
        "jti": str(credential.pk),
        "iat": int(credential.issued_at.timestamp()),
        "exp": int(credential.expires_at.timestamp()),
        "scope": SCOPE[credential.access],
        "authorization_details": [
            {
                "type": "agent_task",
                "actions": [credential.action],
                "locations": [credential.audience],
                "identifier": credential.resource,
                "intent": question.intent,
                "task": str(question.task_id),
            }
        ],
        "prv": question.version.digest,
        "epoch": epoch,
    }
    if credential.elevation_id is not None:
        claims["elev"] = {"id": str(credential.elevation_id), "until": claims["exp"]}
    return claims


def _encode(claims: dict[str, Any]) -> str:
    key = signing.key()
    return jwt.encode(claims, key.private, algorithm=signing.ALGORITHM, headers={"typ": TYPE, "kid": key.id})


def _decode(token: str, *, audience: str) -> dict[str, Any]:
    """The claims of a token that we signed for this audience and whose time is now."""
    key = signing.key()
    if len(token) > MAX_TOKEN_CHARACTERS:
        raise CredentialError(CredentialRefusal.MALFORMED)
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise CredentialError(CredentialRefusal.MALFORMED) from error
    if header.get("typ") != TYPE:
        raise CredentialError(CredentialRefusal.TYPE)
    if header.get("alg") != signing.ALGORITHM:
        raise CredentialError(CredentialRefusal.ALGORITHM)
    if header.get("kid") != key.id:
        raise CredentialError(CredentialRefusal.KEY)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.public,
            algorithms=[signing.ALGORITHM],
            audience=audience,
            issuer=settings.ISSUER,
            options={"require": list(REQUIRED), "strict_aud": True},
        )
    except jwt.PyJWTError as error:
        raise CredentialError(_refusal_for(error)) from error
    return claims


def _refusal_for(error: jwt.PyJWTError) -> CredentialRefusal:
    return next(
        (refusal for kind, refusal in REFUSALS if isinstance(error, kind)), CredentialRefusal.MALFORMED
    )


def _find(jti: Any) -> Credential | None:
    try:
        identifier = UUID(str(jti))
    except ValueError:
        return None
    return Credential.objects.select_related("agent", "instance__agent").filter(pk=identifier).first()


def _why_not_hold(credential: Credential, claims: dict[str, Any], holder: Actor) -> CredentialRefusal | None:
    if claims["sub"] != credential.instance.spiffe_id or claims["aud"] != credential.audience:
        return CredentialRefusal.CLAIMS
    return None if holder == credential.instance.actor else CredentialRefusal.HOLDER


def _why_not_use(
    credential: Credential, claims: dict[str, Any], *, action: str, resource: str
) -> CredentialRefusal | None:
    """What was minted and what is asked for must be the same thing, and access must not have ended."""
    if not _covers(claims, action=action, resource=resource):
        return CredentialRefusal.TASK
    if (credential.action, credential.resource) != (action, resource):
        return CredentialRefusal.TASK
    agent = Agent.objects.select_related("owner").get(pk=credential.agent_id)
    if permissions.why_not_act(agent) or claims["epoch"] != agent.epoch:
        return CredentialRefusal.ENDED
    if AgentInstance.objects.filter(pk=credential.instance_id, ended_at__isnull=False).exists():
        return CredentialRefusal.ENDED
    return None


def _covers(claims: dict[str, Any], *, action: str, resource: str) -> bool:
    details = claims["authorization_details"]
    return isinstance(details, list) and any(
        isinstance(detail, dict)
        and detail.get("type") == "agent_task"
        and detail.get("actions") == [action]
        and detail.get("locations") == [claims["aud"]]
        and detail.get("identifier") == resource
        for detail in details
    )


def _use(credential: Credential) -> CredentialRefusal | None:
    now = timezone.now()
    unused = Credential.objects.filter(pk=credential.pk, used_at__isnull=True)
    if unused.filter(expires_at__gt=now).update(used_at=now):
        credential.used_at = now
        return None
    return CredentialRefusal.EXPIRED if unused.exists() else CredentialRefusal.USED


def _record_minted(credential: Credential, question: Question) -> None:
    ledger.record(
        stream=credential.agent.stream,
        action=Action.CREDENTIAL_MINTED,
        actor=credential.instance.actor,
        object=f"credential/{credential.pk}",
        evaluation=str(credential.decision_id),
        provenance=question.version.digest,
        trace=str(question.task_id),
        body={
            "action": credential.action,
            "resource": credential.resource,
            "access": str(credential.access),
            "audience": credential.audience,
            "expires_at": credential.expires_at.isoformat(),
            "elevation": str(credential.elevation_id or ""),
        },
    )


def _record_used(credential: Credential, holder: Actor) -> None:
    ledger.record(
        stream=credential.agent.stream,
        action=Action.CREDENTIAL_USED,
        actor=holder,
        object=f"credential/{credential.pk}",
        evaluation=str(credential.decision_id),
        body={"action": credential.action, "resource": credential.resource, "audience": credential.audience},
    )


def _refused(
    refusal: CredentialRefusal,
    agent: Agent | None,
    *,
    subject: str,
    credential: Credential | None = None,
    decision: UUID | None = None,
) -> CredentialError:
    _record_refused(refusal, agent, subject=subject, credential=credential, decision=decision)
    return CredentialError(refusal)


def _record_refused(
    refusal: CredentialRefusal,
    agent: Agent | None,
    *,
    subject: str,
    credential: Credential | None = None,
    decision: UUID | None = None,
) -> None:
    """The record of a refusal is a transaction of its own: nothing else happens."""
    with transaction.atomic():
        ledger.record(
            stream=agent.stream if agent else "system",
            action=Action.CREDENTIAL_REFUSED,
            actor=GUARD,
            object=f"credential/{credential.pk if credential else new_id()}",
            outcome=Outcome.DENIED,
            evaluation=str(decision) if decision else None,
            body={"reason": refusal.value, "subject": subject},
        )
