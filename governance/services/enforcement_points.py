"""Enforcement points: who may ask the decision point over HTTP, and with which credential."""

import re
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from agents import outbound
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.errors import Conflict, Invalid
from audits.models.base import new_id
from audits.prepared import by_id
from audits.services import history, ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import bearer, permissions
from governance.choices import PointMode
from governance.models import EnforcementPoint

_name = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*").fullmatch
MAX_NAME, MAX_URL = 64, 500
SEEN_AGAIN = timedelta(minutes=1)


def add(*, actor: Actor, name: str) -> tuple[EnforcementPoint, str]:
    """Register an enforcement point. Returns it with its bearer credential, which is shown this once.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: the name is not of small letters, digits and single hyphens.
        Conflict: the name is taken.
    """
    point = EnforcementPoint(id=new_id(), name=name, created_at=timezone.now(), created_by=actor.ref)
    made = bearer.make(point.pk)
    point.credential_sha256 = bearer.digest(made.secret)
    with attempt(
        action=Action.ENFORCEMENT_POINT_ADDED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"enforcement_point/{point.pk}",
    ):
        refuse(permissions.against_managing_enforcement_points(actor))
        if not _name(name) or len(name) > MAX_NAME:
            raise Invalid(
                "This is no name for an enforcement point.",
                fields={"name": f"Use small letters, digits and hyphens, at most {MAX_NAME}."},
            )
        try:
            with transaction.atomic():
                point.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict(f"There is an enforcement point {name} already. Rotate its credential.") from error
        _record(Action.ENFORCEMENT_POINT_ADDED, actor, point)
    return point, str(made)


def rotate(*, actor: Actor, point: EnforcementPoint) -> str:
    """Give it another credential; the one before counts no more. Returns it: it is shown this once.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Conflict: the enforcement point is revoked.
    """
    made = bearer.make(point.pk)
    with attempt(
        action=Action.ENFORCEMENT_POINT_ROTATED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"enforcement_point/{point.pk}",
    ):
        refuse(permissions.against_managing_enforcement_points(actor))
        held = _held(point)
        held.credential_sha256 = bearer.digest(made.secret)
        held.rotated_at, held.rotated_by = timezone.now(), actor.ref
        held.save(update_fields=["credential_sha256", "rotated_at", "rotated_by"])
        _record(Action.ENFORCEMENT_POINT_ROTATED, actor, held)
    return str(made)


def revoke(*, actor: Actor, point: EnforcementPoint) -> EnforcementPoint:
    """End it: from now on each of its requests is refused. It does not come back; add another one.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Conflict: it is revoked already.
    """
    with attempt(
        action=Action.ENFORCEMENT_POINT_REVOKED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"enforcement_point/{point.pk}",
    ):
        refuse(permissions.against_managing_enforcement_points(actor))
        held = _held(point)
        held.revoked_at, held.revoked_by = timezone.now(), actor.ref
        held.save(update_fields=["revoked_at", "revoked_by"])
        _record(Action.ENFORCEMENT_POINT_REVOKED, actor, held)
    return held


def declare(*, actor: Actor, point: EnforcementPoint, mode: str, probe_url: str) -> EnforcementPoint:
    """Say how it learns of what has ended, and where a credential that has ended must be refused.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: there is no such mode, or nothing may be sent to that address.
        Conflict: the enforcement point is revoked.
    """
    with attempt(
        action=Action.ENFORCEMENT_POINT_DECLARED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"enforcement_point/{point.pk}",
    ):
        refuse(permissions.against_managing_enforcement_points(actor))
        if mode not in PointMode:
            raise Invalid("There is no such way to learn.", fields={"mode": "Choose one of the two."})
        if probe_url and (reason := why_not_probe(probe_url)):
            raise Invalid(reason, fields={"probe_url": "Nothing was declared."})
        held = _held(point)
        held.mode, held.probe_url = mode, probe_url
        held.declared_at, held.declared_by = timezone.now(), actor.ref
        held.save(update_fields=["mode", "probe_url", "declared_at", "declared_by"])
        _record(Action.ENFORCEMENT_POINT_DECLARED, actor, held, mode=mode, probe_url=probe_url)
    return held


def why_not_probe(url: str) -> str | None:
    """Why no canary is sent there: without TLS, unless an operator named the host and port."""
    if len(url) > MAX_URL or not url.isascii() or "#" in url:
        return f"An address of at most {MAX_URL} characters, without a fragment."
    try:
        host, port = outbound.origin(url)
    except outbound.OutboundError as error:
        return error.message
    if url.lower().startswith("https://") or f"{host}:{port}" in settings.OUTBOUND_ALLOWED_PRIVATE:
        return None
    return f"Use https, or have an operator name {host}:{port} in COUNTERSIGN_OUTBOUND_ALLOWED_PRIVATE."


def authenticate(*, actor: Actor, credential: str) -> EnforcementPoint | None:
    """The enforcement point whose live credential this is; None, and recorded, where there is none.

    `actor` is the part of the product that was asked.
    """
    given = bearer.read(credential)
    point = by_id(EnforcementPoint, given.row) if given else None
    right = bearer.matches(given.secret if given else "", point.credential_sha256 if point else "")
    if point is None or not right or point.revoked_at is not None:
        _refused(actor, point, revoked=right and point is not None)
        return None
    _see(point)
    return point


def actor_of(point: EnforcementPoint) -> Actor:
    """The enforcement point as the ledger names it."""
    return Actor.system(f"enforcement-point-{point.name}")


def _see(point: EnforcementPoint) -> None:
    """A sign of life, written at most once a minute."""
    now = timezone.now()
    if point.last_seen_at is None or now - point.last_seen_at >= SEEN_AGAIN:
        EnforcementPoint.objects.filter(pk=point.pk).update(last_seen_at=now)


def _refused(actor: Actor, point: EnforcementPoint | None, *, revoked: bool) -> None:
    with transaction.atomic():
        ledger.record(
            stream=SYSTEM_STREAM,
            action=Action.ENFORCEMENT_POINT_REFUSED,
            actor=actor,
            object=f"enforcement_point/{point.pk}" if point else "enforcement_point/unknown",
            outcome=Outcome.DENIED,
            body={"reason": "revoked" if revoked else "wrong_credential" if point else "unknown_credential"},
        )


def _held(point: EnforcementPoint) -> EnforcementPoint:
    held = EnforcementPoint.objects.select_for_update(no_key=True).get(pk=point.pk)
    if held.revoked_at is not None:
        raise Conflict(f"{held.name} is revoked. Add another enforcement point.")
    return held


def _record(action: Action, actor: Actor, point: EnforcementPoint, **body: JSON) -> None:
    history.record(
        changed=[point],
        stream=SYSTEM_STREAM,
        action=action,
        actor=actor,
        object=f"enforcement_point/{point.pk}",
        body={"name": point.name, **body},
    )
