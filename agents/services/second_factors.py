"""Second factors: authenticator apps, security keys, recovery codes. django-allauth keeps them (S3-16)."""

from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db import transaction

from agents import permissions
from agents.choices import NotificationKind, SessionEnd, TokenEnd
from agents.models import Person
from agents.services import api_tokens, notifications, sessions
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict
from audits.services import ledger
from audits.services.attempts import attempt, refuse


def record_added(*, actor: Person, kind: str, session: UUID | None) -> None:
    """The person has added a factor; their other sessions, which never showed it, end."""
    _record_change(Action.SECOND_FACTOR_ADDED, actor, kind, session)


def record_removed(*, actor: Person, kind: str, session: UUID | None) -> None:
    """The person has removed a factor; their other sessions end."""
    _record_change(Action.SECOND_FACTOR_REMOVED, actor, kind, session)


def reset(*, actor: Actor, person: Person) -> int:
    """Remove all second factors of somebody who has lost them, and end their sessions and API tokens.

    Returns how many factors there were. Where second factors are required, the person adds one at the
    next sign-in.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product, or is this person;
            recorded.
        Conflict: the person has none.
    """
    reference = f"person/{person.pk}"
    with attempt(action=Action.SECOND_FACTOR_RESET, actor=actor, stream=reference, object=reference):
        refuse(permissions.why_not_reset_second_factors(actor, person))
        kinds = sorted(Authenticator.objects.filter(user=person).values_list("type", flat=True))
        if not kinds:
            raise Conflict(f"{person} has no second factor.")
        Authenticator.objects.filter(user=person).delete()
        sessions.end_all(actor=actor, person=person, reason=SessionEnd.SECOND_FACTOR)
        api_tokens.end_all(actor=actor, person=person, reason=TokenEnd.SECOND_FACTOR)
        event = ledger.record(
            stream=reference,
            action=Action.SECOND_FACTOR_RESET,
            actor=actor,
            object=reference,
            body={"kinds": list(kinds)},
        )
        notifications.tell(
            people=[person],
            kind=NotificationKind.SECOND_FACTORS_RESET,
            reference=reference,
            title="Your second factors were reset by an administrator",
            key=f"event/{event.pk}",
        )
    return len(kinds)


def _record_change(action: Action, person: Person, kind: str, session: UUID | None) -> None:
    with transaction.atomic():
        ledger.record(
            stream=f"person/{person.pk}",
            action=action,
            actor=person.actor,
            object=f"person/{person.pk}",
            body={"kind": kind},
        )
        sessions.end_all(actor=person.actor, person=person, reason=SessionEnd.SECOND_FACTOR, but=session)
