"""Provisioning clients: who may tell over SCIM who works here, and with which credential."""

import re
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from agents import bearer, permissions
from agents.models import ScimClient
from agents.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.errors import Conflict, Invalid
from audits.models.base import new_id
from audits.services import history, ledger

PREFIX = "csscim"
MAX_NAME = 64
SEEN_AGAIN = timedelta(minutes=1)
_name = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*").fullmatch


def add(*, actor: Actor, name: str) -> tuple[ScimClient, str]:
    """Register a provisioning client. Returns it with its bearer credential, which is shown this once.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: the name is not of small letters, digits and single hyphens.
        Conflict: the name is taken.
    """
    client = ScimClient(id=new_id(), name=name, created_at=timezone.now(), created_by=actor.ref)
    made = bearer.make(PREFIX, client.pk)
    client.credential_sha256 = bearer.digest(made.secret)
    with attempt(
        action=Action.SCIM_CLIENT_ADDED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"scim_client/{client.pk}",
    ):
        refuse(permissions.why_not_manage_scim_clients(actor))
        if not _name(name) or len(name) > MAX_NAME:
            raise Invalid(
                "This is no name for a provisioning client.",
                fields={"name": f"Use small letters, digits and hyphens, at most {MAX_NAME}."},
            )
        try:
            with transaction.atomic():
                client.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict(
                f"There is a provisioning client {name} already. Rotate its credential."
            ) from error
        _record(Action.SCIM_CLIENT_ADDED, actor, client)
    return client, str(made)


def rotate(*, actor: Actor, client: ScimClient) -> str:
    """Give it another credential; the one before counts no more. Returns it: it is shown this once.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Conflict: the client is revoked.
    """
    made = bearer.make(PREFIX, client.pk)
    with attempt(
        action=Action.SCIM_CLIENT_ROTATED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"scim_client/{client.pk}",
    ):
        refuse(permissions.why_not_manage_scim_clients(actor))
        held = _held(client)
        held.credential_sha256 = bearer.digest(made.secret)
        held.rotated_at, held.rotated_by = timezone.now(), actor.ref
        held.save(update_fields=["credential_sha256", "rotated_at", "rotated_by"])
        _record(Action.SCIM_CLIENT_ROTATED, actor, held)
    return str(made)


def revoke(*, actor: Actor, client: ScimClient) -> ScimClient:
    """End it: from now on each of its requests is refused. It does not come back; add another one.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Conflict: it is revoked already.
    """
    with attempt(
        action=Action.SCIM_CLIENT_REVOKED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"scim_client/{client.pk}",
    ):
        refuse(permissions.why_not_manage_scim_clients(actor))
        held = _held(client)
        held.revoked_at, held.revoked_by = timezone.now(), actor.ref
        held.save(update_fields=["revoked_at", "revoked_by"])
        _record(Action.SCIM_CLIENT_REVOKED, actor, held)
    return held


def authenticate(*, actor: Actor, credential: str) -> ScimClient | None:
    """The client whose live credential this is; None, and recorded, where there is none.

    `actor` is the part of the product that was asked.
    """
    given = bearer.read(PREFIX, credential)
    client = ScimClient.objects.filter(pk=given.row).first() if given else None
    right = bearer.matches(given.secret if given else "", client.credential_sha256 if client else "")
    if client is None or not right or client.revoked_at is not None:
        _refused(actor, client, revoked=right and client is not None)
        return None
    _see(client)
    return client


def actor_of(client: ScimClient) -> Actor:
    """The client as the ledger names it."""
    return Actor.system(f"scim-{client.name}")


def _see(client: ScimClient) -> None:
    """A sign of life, written at most once a minute."""
    now = timezone.now()
    if client.last_seen_at is None or now - client.last_seen_at >= SEEN_AGAIN:
        ScimClient.objects.filter(pk=client.pk).update(last_seen_at=now)


def _refused(actor: Actor, client: ScimClient | None, *, revoked: bool) -> None:
    with transaction.atomic():
        ledger.record(
            stream=SYSTEM_STREAM,
            action=Action.SCIM_CLIENT_REFUSED,
            actor=actor,
            object=f"scim_client/{client.pk}" if client else "scim_client/unknown",
            outcome=Outcome.DENIED,
            body={"reason": "revoked" if revoked else "wrong_credential" if client else "unknown_credential"},
        )


def _held(client: ScimClient) -> ScimClient:
    held = ScimClient.objects.select_for_update(no_key=True).get(pk=client.pk)
    if held.revoked_at is not None:
        raise Conflict(f"{held.name} is revoked. Add another provisioning client.")
    return held


def _record(action: Action, actor: Actor, client: ScimClient) -> None:
    history.record(
        changed=[client],
        stream=SYSTEM_STREAM,
        action=action,
        actor=actor,
        object=f"scim_client/{client.pk}",
        body={"name": client.name},
    )
