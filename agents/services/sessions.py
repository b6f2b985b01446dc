"""Sign-ins: what began, what was refused, and what ended, each an event (S1-10).

A session is a row; the cookie only names it. So a session ends for good by its row, whichever process
holds the cookie's data.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from axes.utils import reset
from django.db import transaction
from django.utils import timezone

from agents import permissions, selectors, typed_names
from agents.choices import Refusal, SessionEnd
from agents.models import Lockout, Person, Session
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.errors import Conflict
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

SIGN_IN = Actor.system("sign-in")
SEEN_EVERY = timedelta(minutes=1)
MAX_USER_AGENT = 200


def start(*, actor: Person, methods: Sequence[str], address: str | None, user_agent: str) -> Session:
    """A person has signed in, by these methods (RFC 8176 names)."""
    now = timezone.now()
    with transaction.atomic():
        session = Session.objects.create(
            person=actor,
            methods=list(methods),
            address=address,
            user_agent=user_agent[:MAX_USER_AGENT],
            started_at=now,
            seen_at=now,
        )
        ledger.record(
            stream=f"person/{actor.pk}",
            action=Action.SESSION_STARTED,
            actor=actor.actor,
            object=f"session/{session.pk}",
            body={"amr": list(methods), "address": address, "user_agent": session.user_agent},
        )
    return session


def record_refusal(*, actor: Actor = SIGN_IN, name: str, why: Refusal, address: str | None) -> None:
    """Somebody tried to sign in and was refused.

    What they typed as a password is never recorded. A name that nobody has may be a password typed in
    the wrong field, so it is recorded only as a keyed digest: equal names have equal digests, and
    nobody without the secret key can try words against it.
    """
    person = selectors.person_named(name)
    body = {"reason": why.value, "address": address}
    with transaction.atomic():
        ledger.record(
            stream=f"person/{person.pk}" if person else SYSTEM_STREAM,
            action=Action.SESSION_REFUSED,
            actor=actor,
            object=f"person/{person.pk}" if person else "people",
            outcome=Outcome.DENIED,
            body=body if person else body | {"name_digest": typed_names.digest(name)},
        )


def seen(*, session: Session) -> None:
    """Note that the session is in use; at most once a minute, and no event."""
    now = timezone.now()
    if now - session.seen_at >= SEEN_EVERY:
        Session.objects.filter(pk=session.pk, ended_at__isnull=True).update(seen_at=now)


def end(*, actor: Actor, session: Session, reason: SessionEnd) -> Session:
    """End a session, at once and for good.

    Raises:
        Denied: it is somebody else's and the actor is no administrator; recorded.
        Conflict: it has ended already.
    """
    with attempt(
        action=Action.SESSION_ENDED,
        actor=actor,
        stream=f"person/{session.person_id}",
        object=f"session/{session.pk}",
    ):
        refuse(permissions.why_not_end_session(actor, session))
        if not _close(actor, session, reason):
            raise Conflict("This session has ended already.")
    return session


def end_all(*, actor: Actor, person: Person, reason: SessionEnd, but: UUID | None = None) -> int:
    """End every session of a person, except `but`. Part of another change, which has asked permission."""
    with transaction.atomic():
        open_ones = Session.objects.filter(person=person, ended_at__isnull=True)
        if but:
            open_ones = open_ones.exclude(pk=but)
        return sum(_close(actor, session, reason) for session in open_ones)


def sweep() -> int:
    """End the sessions whose time is over, whether or not anybody comes back to them."""
    ended = 0
    for session in selectors.sessions_over():
        with transaction.atomic():
            ended += _close(SIGN_IN, session, selectors.why_session_over(session) or SessionEnd.EXPIRED)
    return ended


def lift_lockout(*, actor: Actor, lockout: Lockout) -> None:
    """Let a name be tried again from an address before its time.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Conflict: it was lifted already.
    """
    person = selectors.person_named(lockout.username or "")
    reference = f"person/{person.pk}" if person else "people"
    stream = reference if person else SYSTEM_STREAM
    with attempt(action=Action.LOCKOUT_LIFTED, actor=actor, stream=stream, object=reference):
        refuse(permissions.why_not_administer_people(actor))
        if not reset(username=lockout.username, ip=lockout.ip_address):
            raise Conflict("This lockout is lifted already.")
        ledger.record(
            stream=stream,
            action=Action.LOCKOUT_LIFTED,
            actor=actor,
            object=reference,
            body={"address": lockout.ip_address, "failures": lockout.failures_since_start},
        )


def _close(actor: Actor, session: Session, reason: SessionEnd) -> bool:
    now = timezone.now()
    if not Session.objects.filter(pk=session.pk, ended_at__isnull=True).update(
        ended_at=now, end_reason=reason
    ):
        return False
    session.ended_at, session.end_reason = now, reason
    ledger.record(
        stream=f"person/{session.person_id}",
        action=Action.SESSION_ENDED,
        actor=actor,
        object=f"session/{session.pk}",
        body={"reason": reason.value},
    )
    return True
