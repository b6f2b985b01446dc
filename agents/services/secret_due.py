"""What makes a secret due for rotation, and who is told (S2-13). Part of the verb that causes it."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from agents import secret_selectors
from agents.choices import NotificationKind, RotationReason, RotationState, Rotator
from agents.models import SecretLease, SecretReference, SecretRotation
from agents.models.secret import OPEN_ROTATIONS
from agents.services import notifications
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM

URGENT = timedelta(days=1)


def ask(*, secret: SecretReference, actor: Actor, reason: RotationReason) -> SecretRotation:
    """The open rotation of this secret, or a new one. A breach makes an open one urgent."""
    now = timezone.now()
    wait = URGENT if reason == RotationReason.BREACH else timedelta(days=settings.SECRET_TASK_DAYS)
    rotation = _open(secret) or _make(secret, actor, reason, due_at=now + wait)
    if reason == RotationReason.BREACH and rotation.reason != reason:
        rotation.reason, rotation.due_at, rotation.tried_at = reason, min(rotation.due_at, now + wait), None
        rotation.save(update_fields=["reason", "due_at", "tried_at"])
    elif rotation.asked_at < now:
        return rotation  # somebody asked before, which is on record
    record(
        action=Action.SECRET_ROTATION_ASKED,
        actor=actor,
        secret=secret,
        governed=False,
        body={
            "rotation": str(rotation.pk),
            "reason": str(reason),
            "rotator": str(rotation.rotator),
            "due_at": rotation.due_at.isoformat(),
        },
    )
    if rotation.state == RotationState.WAITING:
        tell_due(rotation=rotation, why=str(reason))
    return rotation


def _open(secret: SecretReference) -> SecretRotation | None:
    rows = SecretRotation.objects.select_related("secret__owner")
    return rows.filter(secret=secret, state__in=OPEN_ROTATIONS).first()


def _make(
    secret: SecretReference, actor: Actor, reason: RotationReason, *, due_at: datetime
) -> SecretRotation:
    """A new one; if somebody else made one at this moment, that."""
    by_person = secret.rotator == Rotator.PERSON
    now = timezone.now()
    rotation = SecretRotation(
        secret=secret,
        reason=reason,
        rotator=secret.rotator,
        uri=secret.uri,
        state=RotationState.WAITING if by_person else RotationState.QUEUED,
        asked_at=now,
        asked_by=actor.ref,
        due_at=due_at if by_person else now,
        from_version=secret_selectors.last_version(secret) if by_person else "",
    )
    try:
        with transaction.atomic():
            rotation.save(force_insert=True)
    except IntegrityError:
        return _open(secret) or rotation
    return rotation


def person_left(*, actor: Actor, known: Iterable[SecretReference]) -> None:
    """Somebody left who could know these. Must run inside the transaction in which they leave."""
    for secret in known:
        if RotationReason.PERSON_LEFT in secret.rotate_on:
            ask(secret=secret, actor=actor, reason=RotationReason.PERSON_LEFT)


def agent_ended(*, actor: Actor, leases: QuerySet[SecretLease]) -> None:
    """Whoever held these has ended: what left the portal with them is rotated where its policy says so.

    Must run inside the transaction in which that happens.
    """
    left = leases.filter(
        handed_out=True, leased_at__gte=F("secret__rotated_at"), secret__ended_at__isnull=True
    )
    for secret in SecretReference.objects.filter(pk__in=left.values("secret")).select_related("owner"):
        if RotationReason.AGENT_ENDED in secret.rotate_on:
            ask(secret=secret, actor=actor, reason=RotationReason.AGENT_ENDED)


def tell_due(*, rotation: SecretRotation, why: str) -> None:
    """Tell who keeps the secret that a person has to rotate it; once for each `why`."""
    secret = rotation.secret
    title = f"{secret.slug} is to be rotated" + (", and overdue" if why == "overdue" else "")
    tell(
        secret=secret,
        kind=NotificationKind.SECRET_DUE,
        title=title,
        key=f"{rotation.pk}/{why}",
        due_at=rotation.due_at,
    )


def tell(
    *,
    secret: SecretReference,
    kind: NotificationKind,
    title: str,
    key: str,
    due_at: datetime | None = None,
) -> None:
    """Tell who keeps the secret."""
    notifications.tell(
        people=secret_selectors.keepers(secret),
        kind=kind,
        reference=f"secret/{secret.pk}",
        title=title,
        key=f"secret/{secret.pk}/{kind.value}/{key}",
        due_at=due_at,
    )


def record(
    *,
    action: Action,
    actor: Actor,
    secret: SecretReference,
    body: Mapping[str, JSON],
    governed: bool = True,
    outcome: Outcome = Outcome.SUCCESS,
) -> None:
    """The event of what happened to a secret; `governed`: the reference itself changed."""
    history.record(
        changed=[secret] if governed else [],
        stream=SYSTEM_STREAM,
        action=action,
        actor=actor,
        object=f"secret/{secret.pk}",
        outcome=outcome,
        body={"slug": secret.slug, **body},
    )
