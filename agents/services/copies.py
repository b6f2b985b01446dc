"""Copies of agents that run elsewhere: provisioned with a key, given another one, deprovisioned (S1-7, S2-2).

What runs inside the portal starts and ends with its run (`instances`); a copy elsewhere proves itself at
the token endpoint with its private key, which never comes here: by assertions, or in the TLS handshake.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from agents import oversight, permissions, secret_selectors
from agents.choices import ClientAuth, RevocationLevel, RevocationReason
from agents.models import Agent, AgentInstance, AgentVersion, Credential, InstanceKey, Person, Revocation
from agents.oauth.jwk import PublicKey, UnusableKeyError
from agents.services import locks, revocations, secrets
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.models.base import new_id
from audits.services import ledger
from audits.services.attempts import attempt, refuse

SWEEPER = Actor.system("key-sweeper")


def provision(
    *, actor: Person, agent: Agent, version: AgentVersion, jwk: Mapping[str, Any] | None, days: int
) -> AgentInstance:
    """Give a copy of an approved version an identity, and keep its public key.

    Args:
        jwk: its key; with `x5c`, the certificate that it shows (RFC 8705 section 2.2). None: an authority of
            the trust domain gives it certificates with its SPIFFE id (section 2.1).

    Raises:
        Denied: the actor neither answers for the agent nor is administrator; recorded.
        Invalid: the key or the number of days is not taken; `fields` says which.
        Conflict: the version is not one that the board approved and that runs, the agent may not act, the
            key is another copy's, or no such certificate is believed here.
    """
    key = None if jwk is None else _read(jwk)
    client_auth = _client_auth(key)
    _require_on(client_auth)
    if not 1 <= days <= settings.INSTANCE_MAX_DAYS:
        wrong = f"From 1 to {settings.INSTANCE_MAX_DAYS} days."
        raise Invalid(wrong, fields={"days": wrong})
    identifier, now = new_id(), timezone.now()
    instance = AgentInstance(
        pk=identifier,
        agent=agent,
        version=version,
        spiffe_id=f"spiffe://{settings.TRUST_DOMAIN}/agent/{agent.slug}/i/{identifier}",
        client_auth=client_auth,
        expires_at=now + timedelta(days=days),
    )
    with _attempt(Action.INSTANCE_PROVISIONED, actor, instance):
        held = locks.agent(agent.pk)
        refuse(permissions.why_not_change(actor, held))
        if reason := oversight.why_contained(held) or permissions.why_not_act(held):
            raise Conflict(reason)
        if version.pk not in {held.active_version_id, held.candidate_id}:
            raise Conflict(
                f"Version {version.label} is not approved and active. Put it before the board first."
            )
        instance.save(force_insert=True)
        if key is not None:
            _add_key(instance, key, now)
        told = {"thumbprint": key.thumbprint if key else "", "client_auth": str(client_auth), "days": days}
        _record(Action.INSTANCE_PROVISIONED, actor.actor, instance, told)
    return instance


def rotate_key(*, actor: Person, instance: AgentInstance, jwk: Mapping[str, Any]) -> InstanceKey:
    """Give a copy another key; what it had counts for `COUNTERSIGN_KEY_OVERLAP_MINUTES` more.

    Raises:
        Denied: the actor neither answers for the agent nor is administrator; recorded.
        Invalid: the key is not taken.
        Conflict: the copy has ended, proves itself in another way, or the key is known already.
    """
    key, now = _read(jwk), timezone.now()
    with _attempt(Action.INSTANCE_KEY_ROTATED, actor, instance):
        held = locks.agent(instance.agent_id)
        refuse(permissions.why_not_change(actor, held))
        _require_live(instance)
        if instance.client_auth != _client_auth(key):
            raise Conflict(f"This copy proves itself by {instance.client_auth}. Provision another one.")
        until = now + timedelta(minutes=settings.KEY_OVERLAP_MINUTES)
        InstanceKey.objects.filter(instance=instance, ends_at__isnull=True).update(ends_at=until)
        added = _add_key(instance, key, now)
        _record(
            Action.INSTANCE_KEY_ROTATED,
            actor.actor,
            instance,
            {"thumbprint": key.thumbprint, "old_until": until.isoformat()},
        )
    return added


def sweep() -> int:
    """Revoke the keys whose overlap is over, and what was minted on their word. Returns how many."""
    revoked = Revocation.objects.filter(level=RevocationLevel.KEY).values("subject")
    over = InstanceKey.objects.filter(ends_at__lte=timezone.now(), instance__ended_at__isnull=True)
    ended = 0
    for key in over.exclude(thumbprint__in=revoked).select_related("instance__agent", "instance__version"):
        with transaction.atomic():
            revocations.revoke(
                level=RevocationLevel.KEY, subject=key.thumbprint, reason=RevocationReason.KEY_REPLACED
            )
            _record(Action.INSTANCE_KEY_ENDED, SWEEPER, key.instance, {"thumbprint": key.thumbprint})
        ended += 1
    return ended


def deprovision(*, actor: Person, instance: AgentInstance) -> dict[str, int]:
    """End a copy and everything it holds; returns the record that nothing of it is left (S2-2).

    Raises:
        Denied: the actor neither answers for the agent nor is administrator; recorded.
        Conflict: it has ended already.
    """
    with _attempt(Action.INSTANCE_DEPROVISIONED, actor, instance):
        held = locks.agent(instance.agent_id)
        refuse(permissions.why_not_change(actor, held))
        _require_live(instance)
        now = timezone.now()
        AgentInstance.objects.filter(pk=instance.pk).update(ended_at=now)
        InstanceKey.objects.filter(instance=instance, ends_at__isnull=True).update(ends_at=now)
        InstanceKey.objects.filter(instance=instance, ends_at__gt=now).update(ends_at=now)
        _live(instance, now).update(revoked_at=now)
        revocations.revoke_instance(instance=instance, reason=RevocationReason.ENDED)
        secrets.end_leases_of_copy(actor=actor.actor, instance=instance)
        left = what_is_left(instance)
        _record(Action.INSTANCE_DEPROVISIONED, actor.actor, instance, {"left": left})
    instance.ended_at = now
    return left


def what_is_left(instance: AgentInstance) -> dict[str, int]:
    """What of a copy could still be used, counted anew from the database; all zero once it is gone."""
    now = timezone.now()
    return {
        "identities": AgentInstance.objects.filter(pk=instance.pk, ended_at__isnull=True).count(),
        "keys": sum(key.ends_at is None or key.ends_at > now for key in instance.keys.all()),
        "credentials": _live(instance, now).count(),
        "secret_leases": secret_selectors.live_leases(instance.agent).filter(instance=instance).count(),
    }


def _live(instance: AgentInstance, now: datetime) -> Any:
    return Credential.objects.filter(
        instance=instance, expires_at__gt=now, used_at__isnull=True, revoked_at__isnull=True
    )


def _require_live(instance: AgentInstance) -> None:
    current = AgentInstance.objects.get(pk=instance.pk)
    if current.ended_at is not None:
        raise Conflict("This copy has ended. Provision another one.")


def _read(jwk: Mapping[str, Any]) -> PublicKey:
    try:
        return PublicKey(jwk)
    except UnusableKeyError as error:
        raise Invalid(f"The key is not taken. {error}", fields={"jwk": str(error)}) from error


def _client_auth(key: PublicKey | None) -> ClientAuth:
    if key is None:
        return ClientAuth.TLS
    return ClientAuth.SELF_SIGNED_TLS if key.certificate else ClientAuth.PRIVATE_KEY_JWT


def _require_on(client_auth: ClientAuth) -> None:
    """Nobody provisions a copy that could never ask for anything."""
    if client_auth == ClientAuth.PRIVATE_KEY_JWT:
        return
    if not settings.CLIENT_CERTIFICATE or client_auth not in settings.CLIENT_CERTIFICATE_METHODS:
        raise Conflict(
            f"No certificates are believed here for {client_auth}. Give a public key, or let an operator set "
            "COUNTERSIGN_CLIENT_CERTIFICATE and COUNTERSIGN_CLIENT_CERTIFICATE_METHODS."
        )


def _add_key(instance: AgentInstance, key: PublicKey, now: datetime) -> InstanceKey:
    try:
        with transaction.atomic():
            return InstanceKey.objects.create(
                instance=instance,
                jwk=key.jwk,
                thumbprint=key.thumbprint,
                certificate=key.certificate.thumbprint if key.certificate else "",
                added_at=now,
            )
    except IntegrityError as error:
        message = "This key is known already. A key belongs to one copy, once: make another one."
        raise Conflict(message, fields={"jwk": message}) from error


def _attempt(action: Action, actor: Person, instance: AgentInstance) -> Any:
    return attempt(
        action=action, actor=actor.actor, stream=instance.agent.stream, object=f"instance/{instance.pk}"
    )


def _record(action: Action, actor: Actor, instance: AgentInstance, more: dict[str, Any]) -> None:
    ledger.record(
        stream=instance.agent.stream,
        action=action,
        actor=actor,
        object=f"instance/{instance.pk}",
        provenance=instance.version.digest,
        body={"spiffe_id": instance.spiffe_id, "version": instance.version.label} | more,
    )
