"""Credentials for one call: minted after a decision, verified by who executes, good once (S0-7, S1-7).

RFC 9068 access tokens (`at+jwt`) signed with ES256; the task is an RFC 9396 authorization detail. The
token itself is not kept: what is stored is what it allowed, and that it was used.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from agents import access_token, on_behalf, permissions
from agents.choices import CredentialRefusal
from agents.decision_point import Answer, Question
from agents.errors import CredentialError
from agents.models import Agent, AgentInstance, Credential, InstanceKey
from agents.oauth.confirmation import NOTHING, Proved, confirmed, holds
from agents.services import locks, revocations
from agents.services.revocations import Scope
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.models.base import new_id
from audits.services import ledger
from audits.turn import transaction_in_turn

SCOPE = {"read": "agent:read", "write": "agent:write"}
GUARD = Actor.system("credential-guard")


def mint(
    *,
    answer: Answer,
    question: Question,
    instance: AgentInstance,
    audience: str,
    seconds: int = 0,
    bound_to: Proved = NOTHING,
    client_key: str = "",
) -> tuple[str, Credential]:
    """A token for the one call that `answer` allowed, and its row.

    It lives `seconds`, or `settings.CREDENTIAL_SECONDS`, never longer than the answer's
    `credential_seconds` (the longest of the agent's risk class) and never past its `ends_at` or the end
    of its copy. It is good for who proves what it is `bound_to` alone (RFC 8705, RFC 9449); `client_key`
    is the one with which its copy proved itself. Once any is revoked it is refused, as at every level.

    Raises:
        CredentialError: the answer does not allow it, its time is over, or the agent's access has
            ended since; nothing is minted, and the refusal is recorded.
    """
    now = timezone.now()
    expires = now + timedelta(seconds=min(answer.credential_seconds, seconds or settings.CREDENTIAL_SECONDS))
    expires = min(end for end in (expires, answer.ends_at, instance.expires_at) if end is not None)
    with transaction_in_turn():
        agent = locks.agent(question.agent.pk)
        scope = Scope.of(
            agent,
            instance,
            elevation=answer.elevation_id,
            delegation=answer.delegation_id,
            keys=(bound_to.key, bound_to.certificate, client_key),
        )
        late = CredentialRefusal.EXPIRED if expires <= now else None
        refusal = late or _why_not_mint(answer, question, agent, scope)
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
                thumbprint=bound_to.key,
                certificate=bound_to.certificate,
                client_key=client_key,
                delegation_id=answer.delegation_id,
                parent=question.on_behalf_of.parent if question.on_behalf_of else None,
                epoch=answer.epoch,
                issued_at=now,
                expires_at=expires,
            )
            _record_minted(credential, question)
            return access_token.sign(_claims(credential, question, answer)), credential
    raise _refused(refusal, agent, subject=instance.spiffe_id, decision=answer.id)


def verify(
    *, holder: Actor, token: str, audience: str, action: str, resource: str, proved: Proved = NOTHING
) -> Credential:
    """Check a token for exactly this call and use it up.

    Args:
        holder: who presents it; it is good for nobody but the instance that it was minted for.
        proved: what came proved with it; a token that is bound to anything else is refused.

    Raises:
        CredentialError: with the reason; recorded. The call must not happen.
    """
    try:
        claims = access_token.read(token, audience=audience)
    except CredentialError as error:
        _record_refused(CredentialRefusal(error.refusal), None, subject="")
        raise
    credential = _find(claims["jti"])
    if credential is None:
        raise _refused(CredentialRefusal.UNKNOWN, None, subject=str(claims["sub"]))
    with transaction_in_turn():
        refusal = (
            _why_not_hold(credential, claims, holder, proved)
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


def has_ended(*, credential: Credential, claims: Mapping[str, Any]) -> bool:
    """Whether something that a token rests on is over, by the order of revocations or by what stands now."""
    agent = Agent.objects.select_related("owner").get(pk=credential.agent_id)
    if not revocations.is_good(epoch=claims["epoch"], scope=Scope.of_credential(credential, agent)):
        return True
    if permissions.why_not_use(agent, credential.access) or credential.revoked_at is not None:
        return True
    behalf = on_behalf.of_credential(credential)
    if behalf is not None and on_behalf.why_broken(agent, behalf) is not None:
        return True
    over = InstanceKey.objects.filter(ends_at__lte=timezone.now())
    if credential.client_key and over.filter(thumbprint=credential.client_key).exists():
        return True
    return AgentInstance.objects.filter(pk=credential.instance_id, ended_at__isnull=False).exists()


def _why_not_mint(answer: Answer, question: Question, agent: Agent, scope: Scope) -> CredentialRefusal | None:
    if not answer.allowed:
        return CredentialRefusal.TASK
    if not revocations.is_good(epoch=answer.epoch, scope=scope):
        return CredentialRefusal.ENDED
    if permissions.why_not_use(agent, question.access):
        return CredentialRefusal.ENDED
    return None


def _claims(credential: Credential, question: Question, answer: Answer) -> dict[str, Any]:
    claims: dict[str, Any] = {
        "iss": settings.ISSUER,
        **_parties(credential),
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
                **_data(credential),
            }
        ],
        "prv": question.version.digest,
        "epoch": answer.epoch,
        "owner": str(credential.agent.owner_id),
    }
    if bound_to := confirmed(key=credential.thumbprint, certificate=credential.certificate):
        claims["cnf"] = bound_to
    if credential.client_key:
        claims["client_key"] = credential.client_key
    if credential.elevation_id is not None:
        claims["elev"] = _elevation(answer, until=claims["exp"])
    return claims


def _elevation(answer: Answer, *, until: int) -> dict[str, Any]:
    """By which elevation: the SHA-256 of what was approved lets whoever has these bytes compare them."""
    ends = int(answer.ends_at.timestamp()) if answer.ends_at else until
    return {"id": str(answer.elevation_id), "hash": answer.elevation_digest, "until": ends}


def _parties(credential: Credential) -> dict[str, Any]:
    """Whom it is about: the agent itself, or whom it acts for, and through whom (RFC 8693 section 4.1)."""
    behalf = on_behalf.of_credential(credential)
    if behalf is None:
        return {"sub": credential.instance.spiffe_id}
    return {"sub": on_behalf.subject(behalf), "act": on_behalf.act(credential.instance, behalf)}


def _data(credential: Credential) -> dict[str, list[str]]:
    """Which data the person means, where it is for one: maybe none (RFC 9396 section 2.2)."""
    return {"datatypes": credential.delegation.data_scope} if credential.delegation else {}


def _find(jti: Any) -> Credential | None:
    try:
        identifier = UUID(str(jti))
    except ValueError:
        return None
    return (
        Credential.objects.select_related("agent", "instance__agent", "delegation")
        .filter(pk=identifier)
        .first()
    )


def _why_not_hold(
    credential: Credential, claims: dict[str, Any], holder: Actor, proved: Proved
) -> CredentialRefusal | None:
    parties = {name: claims[name] for name in ("sub", "act") if name in claims}
    if parties != _parties(credential) or claims["aud"] != credential.audience:
        return CredentialRefusal.CLAIMS
    if claims.get("cnf", {}) != confirmed(key=credential.thumbprint, certificate=credential.certificate):
        return CredentialRefusal.CLAIMS
    if not holds(claims, proved):
        return CredentialRefusal.BINDING
    return None if holder == credential.instance.actor else CredentialRefusal.HOLDER


def _why_not_use(
    credential: Credential, claims: dict[str, Any], *, action: str, resource: str
) -> CredentialRefusal | None:
    """What was minted and what is asked for must be the same thing, and access must not have ended."""
    if not _covers(claims, action=action, resource=resource):
        return CredentialRefusal.TASK
    if (credential.action, credential.resource) != (action, resource):
        return CredentialRefusal.TASK
    return CredentialRefusal.ENDED if has_ended(credential=credential, claims=claims) else None


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
            "delegation": str(credential.delegation_id or ""),
            "parent": str(credential.parent_id or ""),
            "certificate": credential.certificate,
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
    with transaction_in_turn():
        ledger.record(
            stream=agent.stream if agent else "system",
            action=Action.CREDENTIAL_REFUSED,
            actor=GUARD,
            object=f"credential/{credential.pk if credential else new_id()}",
            outcome=Outcome.DENIED,
            evaluation=str(decision) if decision else None,
            body={"reason": refusal.value, "subject": subject},
        )
