"""Rotation of secrets (S2-13): by time, uses, events and on demand; the old version ends after an overlap.

A rotation is asked for in the transaction of what causes it, and done outside of any: `perform` writes to
the store where the portal can, and everywhere else a person does and `confirm`s it. Either may be
interrupted and is tried again: what was written once is not written twice.
"""

from datetime import timedelta
from secrets import token_urlsafe
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from agents import permissions, secret_selectors, secrets
from agents.choices import LeaseEnd, NotificationKind, RotationReason, RotationState, Rotator
from agents.models import SecretLease, SecretReference, SecretRotation
from agents.models.secret import OPEN_ROTATIONS
from agents.secrets import SecretValue, StoreError
from agents.services import fields, locks, notifications, secret_due
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.errors import Conflict
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

ROTATOR = Actor.system("secret-rotation")
RETRY, RETRY_ENDING = timedelta(minutes=5), timedelta(hours=1)
RANDOM_BYTES = 32


def rotate(*, actor: Actor, secret: SecretReference) -> SecretRotation:
    """Rotate it now; where a person has to, they are told. No transaction may be open.

    Raises:
        Denied: the actor neither owns it nor is an administrator; recorded.
        Conflict: it has ended.
    """
    with attempt(
        action=Action.SECRET_ROTATION_ASKED, actor=actor, stream=SYSTEM_STREAM, object=f"secret/{secret.pk}"
    ):
        refuse(permissions.why_not_keep_secret(actor, secret))
        held = locks.secret(secret.pk)
        _require_live(held)
        rotation = secret_due.ask(secret=held, actor=actor, reason=RotationReason.DEMAND)
    return perform(rotation_id=rotation.pk)


def declare_breached(*, actor: Actor, secret: SecretReference, what: str) -> SecretRotation:
    """Somebody may know it who must not: it is given to nobody until it is rotated, without overlap.

    No transaction may be open.

    Raises:
        Denied: the actor neither owns it nor is an administrator; recorded.
        Invalid: it is not said what happened.
        Conflict: it has ended.
    """
    said = fields.sentence(what, field="what")
    name = f"secret/{secret.pk}"
    with attempt(action=Action.SECRET_BREACHED, actor=actor, stream=SYSTEM_STREAM, object=name):
        refuse(permissions.why_not_keep_secret(actor, secret))
        held = locks.secret(secret.pk)
        _require_live(held)
        now = timezone.now()
        held.breached_at = now
        held.save(update_fields=["breached_at"])
        live = SecretLease.objects.filter(secret=held, ended_at__isnull=True, expires_at__gt=now)
        leases = live.update(ended_at=now, end_reason=LeaseEnd.BREACH)
        overlapping = SecretRotation.objects.filter(secret=held, state=RotationState.OVERLAPPING)
        overlapping.update(overlap_until=now, tried_at=None)
        secret_due.record(
            action=Action.SECRET_BREACHED, actor=actor, secret=held, body={"what": said, "leases": leases}
        )
        secret_due.tell(
            secret=held,
            kind=NotificationKind.SECRET_BREACHED,
            title=f"{held.slug} was declared breached",
            key=now.isoformat(),
        )
        rotation = secret_due.ask(secret=held, actor=actor, reason=RotationReason.BREACH)
    return perform(rotation_id=rotation.pk)


def confirm(*, actor: Actor, rotation: SecretRotation, note: str) -> SecretRotation:
    """A person has rotated it where it is. No transaction may be open.

    Raises:
        Denied: the actor neither owns it nor is an administrator; recorded.
        Invalid: no note.
        Conflict: nobody waits for this, or the store still has the version that it had.
    """
    said = fields.sentence(note, field="note")
    secret = rotation.secret
    name = f"secret/{secret.pk}"
    with attempt(action=Action.SECRET_ROTATED, actor=actor, stream=SYSTEM_STREAM, object=name):
        refuse(permissions.why_not_keep_secret(actor, secret))
        if SecretRotation.objects.get(pk=rotation.pk).state != RotationState.WAITING:
            raise Conflict("Nobody waits for this rotation any more.")
    version = _version(secret)
    if version and version == rotation.from_version:
        raise Conflict(f"The store still has version {version}. Store the new value there first.")
    rotated = _rotated(rotation.pk, actor, version, note=said)
    return _end_old(rotated) if rotated.state == RotationState.OVERLAPPING else rotated


def perform(*, rotation_id: UUID) -> SecretRotation:
    """Do a queued rotation; what is not queued, or is being done just now, stays as it is."""
    now = timezone.now()
    due = SecretRotation.objects.filter(
        _not_tried_since(now - RETRY), pk=rotation_id, state=RotationState.QUEUED
    )
    if not due.update(tried_at=now):
        return SecretRotation.objects.select_related("secret").get(pk=rotation_id)
    rotation = SecretRotation.objects.select_related("secret").get(pk=rotation_id)
    try:
        version = _write(rotation)
    except StoreError as error:
        return _failed(rotation, error)
    try:
        rotated = _rotated(rotation.pk, ROTATOR, version)
    except Conflict:  # the reference ended, or somebody else was faster
        return SecretRotation.objects.select_related("secret").get(pk=rotation_id)
    return _end_old(rotated)


def sweep() -> int:
    """Ask for what is due, do what is queued, end old versions whose overlap is over; says how many."""
    now = timezone.now()
    done = sum(_ask_if_due(secret_id) for secret_id in secret_selectors.due(now))
    tried = _not_tried_since(now - RETRY)
    queued = SecretRotation.objects.filter(tried, state=RotationState.QUEUED)
    for rotation_id in list(queued.values_list("pk", flat=True)):
        done += perform(rotation_id=rotation_id).state != RotationState.QUEUED
    tried = _not_tried_since(now - RETRY_ENDING)
    over = SecretRotation.objects.filter(tried, state=RotationState.OVERLAPPING, overlap_until__lte=now)
    for rotation in list(over.select_related("secret")):
        done += _end_old(rotation).state == RotationState.DONE
    late = SecretRotation.objects.filter(state=RotationState.WAITING, due_at__lte=now)
    for rotation in late.select_related("secret__owner"):
        with transaction.atomic():
            secret_due.tell_due(rotation=rotation, why="overdue")
    return done


def _ask_if_due(secret_id: UUID) -> int:
    with transaction.atomic():
        held = locks.secret(secret_id)
        reason = secret_selectors.why_rotate(held, timezone.now())
        if reason is None:
            return 0
        secret_due.ask(secret=held, actor=ROTATOR, reason=reason)
    return 1


def _write(rotation: SecretRotation) -> str:
    """Have the store hold another value; gives its version. A try that was cut off is found again."""
    uri, token = secrets.locate(rotation.uri), str(rotation.pk)
    if rotation.rotator == Rotator.STORE:
        return secrets.self_rotate(uri, token=token)
    stored = secrets.read(uri)
    stored.value.drop()
    if not rotation.from_version:
        rotation.from_version = stored.version
        SecretRotation.objects.filter(pk=rotation.pk).update(from_version=stored.version)
    elif rotation.from_version != stored.version:
        return stored.version
    with SecretValue(token_urlsafe(RANDOM_BYTES)) as value:
        return secrets.write(uri, value, over=stored.version, token=token)


def _rotated(rotation_id: UUID, actor: Actor, version: str, note: str = "") -> SecretRotation:
    """The new value counts; the old one for the overlap, and not at all after a breach."""
    with transaction.atomic():
        rotation = SecretRotation.objects.select_for_update(of=("self",), no_key=True).get(pk=rotation_id)
        if rotation.state not in OPEN_ROTATIONS:
            raise Conflict("Somebody else has done this rotation meanwhile.")
        secret = locks.secret(rotation.secret_id)
        now = timezone.now()
        overlap = 0 if rotation.reason == RotationReason.BREACH else secret.overlap_hours
        rotation.state, rotation.to_version, rotation.error = RotationState.OVERLAPPING, version, ""
        rotation.rotated_at, rotation.rotated_by = now, actor.ref
        rotation.overlap_until, rotation.tried_at = now + timedelta(hours=overlap), None
        rotation.save()
        secret.rotated_at, secret.breached_at, secret.uses = now, None, 0
        secret.save(update_fields=["rotated_at", "breached_at", "uses"])
        secret_due.record(
            action=Action.SECRET_ROTATED,
            actor=actor,
            secret=secret,
            body={
                "rotation": str(rotation.pk),
                "reason": str(rotation.reason),
                "note": note,
                "from": rotation.from_version,
                "to": version,
                "overlap_until": rotation.overlap_until.isoformat(),
            },
        )
        notifications.settle(reference=f"secret/{secret.pk}", kinds=(NotificationKind.SECRET_DUE,))
    rotation.secret = secret
    return rotation


def _end_old(rotation: SecretRotation) -> SecretRotation:
    """Once the overlap is over: end the old version in the store, where the portal made the new one."""
    now = timezone.now()
    if rotation.overlap_until is None or rotation.overlap_until > now:
        return rotation
    SecretRotation.objects.filter(pk=rotation.pk).update(tried_at=now)
    old = rotation.from_version
    by_portal = rotation.rotator == Rotator.PORTAL and old not in {"", rotation.to_version}
    problem = ""
    try:
        if by_portal:
            secrets.destroy(secrets.locate(rotation.uri), old)
    except StoreError as error:
        problem = error.message
    with transaction.atomic():
        rotation.error, rotation.tried_at = problem, now
        if not problem:
            rotation.state, rotation.ended_at = RotationState.DONE, now
        rotation.save(update_fields=["error", "tried_at", "state", "ended_at"])
        secret_due.record(
            action=Action.SECRET_VERSION_ENDED,
            actor=ROTATOR,
            secret=rotation.secret,
            governed=False,
            outcome=Outcome.FAILED if problem else Outcome.SUCCESS,
            body={
                "rotation": str(rotation.pk),
                "version": old,
                "in_store": by_portal,
                "problem": problem,
            },
        )
        if problem:
            _tell(rotation, "The old version of {} could not be ended", "not-ended")
    return rotation


def _failed(rotation: SecretRotation, error: StoreError) -> SecretRotation:
    """Tried again where that can help; else a person has to look, and is told."""
    with transaction.atomic():
        rotation.error = error.message[:500]
        if not error.temporary:
            rotation.state = RotationState.WAITING
            rotation.due_at = timezone.now() + timedelta(days=settings.SECRET_TASK_DAYS)
        rotation.save(update_fields=["error", "state", "due_at"])
        secret_due.record(
            action=Action.SECRET_ROTATED,
            actor=ROTATOR,
            secret=rotation.secret,
            governed=False,
            outcome=Outcome.FAILED,
            body={"rotation": str(rotation.pk), "problem": rotation.error},
        )
        if rotation.state == RotationState.WAITING:
            secret_due.tell_due(rotation=rotation, why="failed")
        else:
            _tell(rotation, "{} could not be rotated yet", "failing")
    return rotation


def _tell(rotation: SecretRotation, title: str, why: str) -> None:
    secret_due.tell(
        secret=rotation.secret,
        kind=NotificationKind.SECRET_DUE,
        title=title.format(rotation.secret.slug),
        key=f"{rotation.pk}/{why}",
    )


def _version(secret: SecretReference) -> str:
    """Which version the store has now; empty where it counts none or does not answer."""
    try:
        stored = secrets.read(secrets.locate(secret.uri))
    except StoreError:
        return ""
    stored.value.drop()
    return stored.version


def _not_tried_since(moment: object) -> Q:
    return Q(tried_at__isnull=True) | Q(tried_at__lt=moment)


def _require_live(secret: SecretReference) -> None:
    if secret.ended_at is not None:
        raise Conflict(f"{secret} has ended.")
