"""Secrets by reference (S2-11): where they are, whose they are, and which agents may use them for what."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from django.db import IntegrityError, transaction
from django.utils import timezone

from agents import permissions, secrets
from agents.choices import ROTATE_ON, LeaseEnd, RotationState, Rotator
from agents.errors import SecretUnavailableError
from agents.models import Agent, Person, SecretLease, SecretReference, SecretRotation, SecretUse
from agents.models.secret import OPEN_ROTATIONS
from agents.services import fields, locks
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.errors import Conflict, Invalid
from audits.services import history, ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

MOST_DAYS, MOST_USES, MOST_OVERLAP_HOURS = 3650, 1_000_000_000, 720


@dataclass(frozen=True, slots=True)
class Facts:
    """What goes for a secret besides its slug: where it is, whose it is, and when it is rotated by whom."""

    uri: str
    purpose: str
    owner: Person
    rotator: Rotator = Rotator.PERSON
    rotate_days: int | None = 90
    rotate_uses: int | None = None
    rotate_on: Sequence[str] = ()
    overlap_hours: int = 24

    @classmethod
    def of(cls, secret: SecretReference) -> Self:
        return cls(**{name: getattr(secret, name) for name in cls.__dataclass_fields__})

    @property
    def values(self) -> dict[str, Any]:
        """By field, as they are kept.

        Raises:
            Invalid: the URI names no place that the settings allow, or the rotation is not one that its
                store can do; `fields` says which.
        """
        uri = _place(self.uri)
        problems = _problems(self, uri)
        if problems:
            listed = " ".join(f"{name}: {problem}" for name, problem in problems.items())
            raise Invalid(listed, fields=problems)
        return {
            "uri": uri.text,
            "purpose": self.purpose.strip(),
            "owner": self.owner,
            "rotator": str(self.rotator),
            "rotate_days": self.rotate_days,
            "rotate_uses": self.rotate_uses,
            "rotate_on": sorted(set(map(str, self.rotate_on))),
            "overlap_hours": self.overlap_hours,
        }


def add(*, actor: Actor, slug: str, facts: Facts) -> SecretReference:
    """Enter where a secret is. It is not read for that, and nobody may use it yet.

    Raises:
        Denied: the actor is neither an administrator nor the product itself; recorded.
        Invalid: see `Facts.values`; or the slug is none.
        Conflict: the slug is taken, another reference names this place, or the owner is gone.
    """
    values, now = facts.values, timezone.now()
    made = SecretReference(slug=slug, added_at=now, added_by=actor.ref, rotated_at=now, **values)
    fields.check(made, required=("slug", "purpose"))
    try:
        with attempt(action=Action.SECRET_ADDED, actor=actor, stream=SYSTEM_STREAM, object="secrets"):
            refuse(permissions.why_not_administer_secrets(actor))
            locks.active_people(facts.owner)
            made.save(force_insert=True)
            _record(Action.SECRET_ADDED, actor, made, {"slug": slug, **fields.told(values)})
    except IntegrityError as error:
        raise Conflict("There is a secret of this name, or one at this place, already.") from error
    return made


def change(*, actor: Actor, secret: SecretReference, facts: Facts) -> SecretReference:
    """Say anew what goes for it. What was handed out before stays as it was.

    Raises:
        Denied: the actor is not an administrator; recorded.
        Invalid: as `add`.
        Conflict: nothing differs, it has ended, or another reference names this place.
    """
    values = facts.values
    try:
        with _attempt(Action.SECRET_CHANGED, actor, secret):
            refuse(permissions.why_not_administer_secrets(actor))
            held = locks.secret(secret.pk)
            _require_live(held)
            if facts.owner != held.owner:
                locks.active_people(facts.owner)
            changed = fields.changes(held, values)
            fields.check(held, required=("purpose",))
            held.save(update_fields=list(changed))
            if {"uri", "rotator"} & changed.keys():  # what was asked for was about the place before
                _drop_rotations(held)
            _record(Action.SECRET_CHANGED, actor, held, {"slug": held.slug, "changed": changed})
    except IntegrityError as error:
        raise Conflict("Another reference names this place already.") from error
    return held


def end(*, actor: Actor, secret: SecretReference, reason: str) -> SecretReference:
    """Nobody gets it from now on; its leases, its uses and what was asked of it end. The store keeps it.

    Raises:
        Denied: the actor neither owns it nor is an administrator; recorded.
        Invalid: no reason.
        Conflict: it has ended already.
    """
    said = fields.sentence(reason, field="reason")
    with _attempt(Action.SECRET_ENDED, actor, secret):
        refuse(permissions.why_not_keep_secret(actor, secret))
        held = locks.secret(secret.pk)
        _require_live(held)
        now = timezone.now()
        held.ended_at = now
        held.save(update_fields=["ended_at"])
        SecretUse.objects.filter(secret=held, ended_at__isnull=True).update(ended_at=now)
        live = SecretLease.objects.filter(secret=held, ended_at__isnull=True, expires_at__gt=now)
        leases = live.update(ended_at=now, end_reason=LeaseEnd.PERSON)
        _drop_rotations(held)
        _record(Action.SECRET_ENDED, actor, held, {"slug": held.slug, "reason": said, "leases": leases})
    return held


def allow(*, actor: Actor, secret: SecretReference, agent: Agent, action: str, resource: str) -> SecretUse:
    """Let an agent use it for one action on one resource (or a template of resources).

    The decision point is asked each time all the same: this alone opens nothing.

    Raises:
        Denied: the actor neither owns the secret nor is an administrator; recorded.
        Invalid: action or resource are empty or too long.
        Conflict: it has ended, or the agent may do so already.
    """
    made = SecretUse(
        secret=secret,
        agent=agent,
        action=action.strip(),
        resource=resource.strip(),
        allowed_at=timezone.now(),
        allowed_by=actor.ref,
    )
    fields.check(made, required=("action", "resource"))
    try:
        with _attempt(Action.SECRET_ALLOWED, actor, secret):
            refuse(permissions.why_not_keep_secret(actor, secret))
            _require_live(locks.secret(secret.pk))
            made.save(force_insert=True)
            _record(Action.SECRET_ALLOWED, actor, secret, _told(made), governed=False)
    except IntegrityError as error:
        raise Conflict(f"{agent} may use {secret} for this already.") from error
    return made


def disallow(*, actor: Actor, use: SecretUse) -> SecretUse:
    """The agent may not use the secret for this any more; its leases for it end.

    Raises:
        Denied: the actor neither owns the secret nor is an administrator; recorded.
        Conflict: it has ended already.
    """
    secret = use.secret
    with _attempt(Action.SECRET_DISALLOWED, actor, secret):
        refuse(permissions.why_not_keep_secret(actor, secret))
        held = locks.secret(secret.pk)
        now = timezone.now()
        if not SecretUse.objects.filter(pk=use.pk, ended_at__isnull=True).update(ended_at=now):
            raise Conflict("This has ended already.")
        live = SecretLease.objects.filter(
            secret=held, agent=use.agent, action=use.action, ended_at__isnull=True, expires_at__gt=now
        )
        leases = live.update(ended_at=now, end_reason=LeaseEnd.DISALLOWED)
        _record(Action.SECRET_DISALLOWED, actor, held, {**_told(use), "leases": leases}, governed=False)
    use.ended_at = now
    return use


def check(*, actor: Actor, secret: SecretReference) -> str:
    """Whether it can be read now; gives its version, empty where its store counts none. Never the value.

    No transaction may be open.

    Raises:
        Denied: the actor neither owns it nor is an administrator; recorded.
        Conflict: it has ended.
        SecretUnavailableError: it cannot be read; recorded.
    """
    with _attempt(Action.SECRET_CHECKED, actor, secret):
        refuse(permissions.why_not_keep_secret(actor, secret))
        _require_live(locks.secret(secret.pk))
    version, problem = "", ""
    try:
        stored = secrets.read(secrets.locate(secret.uri))
    except secrets.StoreError as error:
        problem = error.message
    else:
        stored.value.drop()
        version = stored.version
    outcome = Outcome.FAILED if problem else Outcome.SUCCESS
    with transaction.atomic():
        ledger.record(
            stream=SYSTEM_STREAM,
            action=Action.SECRET_CHECKED,
            actor=actor,
            object=f"secret/{secret.pk}",
            outcome=outcome,
            body={"slug": secret.slug, "version": version, "problem": problem},
        )
    if problem:
        raise SecretUnavailableError(problem)
    return version


def _place(text: str) -> secrets.SecretURI:
    try:
        uri = secrets.parse(text.strip())
        secrets.check(uri)
    except (secrets.SecretURIError, secrets.StoreError) as error:
        raise Invalid(str(error), fields={"uri": str(error)}) from None
    return uri


def _problems(facts: Facts, uri: secrets.SecretURI) -> dict[str, str]:
    problems: dict[str, str] = {}
    if facts.rotator == Rotator.PORTAL and not secrets.writes(uri):
        problems["rotator"] = "The portal does not write there: a person rotates it."
    if facts.rotator == Rotator.STORE and not secrets.rotates_itself(uri):
        problems["rotator"] = "This store does not rotate it by itself."
    if set(facts.rotate_on) - set(ROTATE_ON):
        problems["rotate_on"] = f"Use some of: {', '.join(ROTATE_ON)}."
    ranges = (
        ("rotate_days", facts.rotate_days, 1, MOST_DAYS),
        ("rotate_uses", facts.rotate_uses, 1, MOST_USES),
        ("overlap_hours", facts.overlap_hours, 0, MOST_OVERLAP_HOURS),
    )
    for name, number, least, most in ranges:
        if number is not None and not least <= number <= most:
            problems[name] = f"Use a whole number from {least} to {most}."
    return problems


def _drop_rotations(secret: SecretReference) -> None:
    waiting = SecretRotation.objects.filter(secret=secret, state__in=OPEN_ROTATIONS)
    waiting.update(state=RotationState.DROPPED, ended_at=timezone.now())


def _require_live(secret: SecretReference) -> None:
    if secret.ended_at is not None:
        raise Conflict(f"{secret} has ended. Add it anew, under another name, if it is needed.")


def _told(use: SecretUse) -> dict[str, JSON]:
    return {"agent": f"agent/{use.agent_id}", "action": use.action, "resource": use.resource}


def _attempt(action: Action, actor: Actor, secret: SecretReference) -> Any:
    return attempt(action=action, actor=actor, stream=SYSTEM_STREAM, object=f"secret/{secret.pk}")


def _record(
    action: Action, actor: Actor, secret: SecretReference, body: dict[str, JSON], *, governed: bool = True
) -> None:
    history.record(
        changed=[secret] if governed else [],
        stream=SYSTEM_STREAM,
        action=action,
        actor=actor,
        object=f"secret/{secret.pk}",
        body=body,
    )
