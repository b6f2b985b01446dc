"""Exceptions for wildcards (S1-8): who gave leave to use one, why, and until when. Each ends by itself."""

from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from agents.models import Agent, Person
from agents.services import fields, register
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import resource_pattern, role_permissions
from governance.models import Grant, ScopeException
from governance.services import grants, locks

MAX_REFERENCE = 300


def grant(*, actor: Person, reference: str, reason: str, until: datetime) -> ScopeException:
    """Give leave to name resources with this wildcard, such as ``table/*``.

    Raises:
        Invalid: it is no reference with a wildcard, there is no reason, or the end is not within the limit.
        Denied: the actor is no administrator; recorded.
    """
    said = fields.sentence(reason, field="reason")
    with attempt(
        action=Action.SCOPE_EXCEPTION_GRANTED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object="scope_exceptions",
    ):
        refuse(role_permissions.against_excepting(actor))
        _check(reference, until)
        made = ScopeException.objects.create(reference=reference, reason=said, granted_by=actor, until=until)
        history.record(
            changed=[made],
            stream=SYSTEM_STREAM,
            action=Action.SCOPE_EXCEPTION_GRANTED,
            actor=actor.actor,
            object=f"scope_exception/{made.pk}",
            body={"reference": reference, "reason": said, "until": until.isoformat()},
        )
    return made


def end(*, actor: Person, exception: ScopeException, reason: str) -> ScopeException:
    """End it before its time: what agents may read by it ends at once.

    Raises:
        Invalid: no reason.
        Denied: the actor is no administrator; recorded.
        Conflict: it is over already.
    """
    said = fields.sentence(reason, field="reason")
    with attempt(
        action=Action.SCOPE_EXCEPTION_ENDED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"scope_exception/{exception.pk}",
    ):
        refuse(role_permissions.against_excepting(actor))
        using = Grant.objects.filter(exception=exception, ends_at__gt=timezone.now())
        agents = [locks.agent(pk) for pk in sorted(set(using.values_list("agent_id", flat=True)))]
        held = ScopeException.objects.select_for_update(of=("self",), no_key=True).get(pk=exception.pk)
        now = timezone.now()
        if held.ended_at is not None or held.until <= now:
            raise Conflict("This exception is over already.")
        held.ended_at, held.ended_by = now, actor.actor.ref
        held.save(update_fields=["ended_at", "ended_by"])
        history.record(
            changed=[held],
            stream=SYSTEM_STREAM,
            action=Action.SCOPE_EXCEPTION_ENDED,
            actor=actor.actor,
            object=f"scope_exception/{held.pk}",
            body={"reference": held.reference, "reason": said},
        )
        _withdraw(actor, held, agents, now)
    return held


def _withdraw(actor: Person, exception: ScopeException, agents: list[Agent], now: datetime) -> None:
    rows = Grant.objects.filter(exception=exception)
    if rows.filter(ends_at__gt=now).exclude(agent__in=agents).exists():
        raise Conflict("Somebody gave an agent a role by this exception meanwhile. Try again.")
    grants.end(actor=actor.actor, rows=rows, at=now)
    for agent in agents:
        register.raise_epoch(actor=actor.actor, agent=agent)


def _check(reference: str, until: datetime) -> None:
    most = settings.SCOPE_EXCEPTION_MAX_DAYS
    wrong: dict[str, str] = {}
    type_, _, identifier = reference.partition("/")
    blank = any(character.isspace() for character in reference)
    if not type_ or not identifier or blank or len(reference) > MAX_REFERENCE:
        wrong["reference"] = "must be a type and an identifier, such as table/*"
    elif not resource_pattern.is_wildcard(reference):
        wrong["reference"] = "is no wildcard, and needs no exception"
    elif resource_pattern.is_wildcard(f"{type_}/x"):
        wrong["reference"] = "leaves the type open: write it out"
    now = timezone.now()
    if not now < until <= now + timedelta(days=most):
        wrong["until"] = f"must be within {most} days from now"
    if wrong:
        raise Invalid(" ".join(f"{name}: {text}." for name, text in wrong.items()), fields=wrong)
