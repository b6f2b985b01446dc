"""Legal holds: what they cover is neither erased nor redacted nor pruned (S1-16)."""

from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q

from audits import locks, permissions
from audits.actor import Actor
from audits.choices import Action, CaseState, HoldScope
from audits.errors import Conflict, Invalid
from audits.formats import is_reference, timestamp
from audits.models import Case, Event, Hold
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.services.cases import check_period, required
from audits.services.ledger import record


def place(
    *,
    actor: Actor,
    title: str,
    scope: HoldScope,
    reason: str,
    subject: str = "",
    case: Case | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Hold:
    """Stop erasure, redaction and pruning of what the hold covers, from now until it is released.

    Args:
        subject: whom a hold on a person or an agent is about, ``person/<id>`` or ``agent/<id>``.
        case: what a hold on a case is about; as long as it rests on it, the case only grows.
        since, until: events in [since, until) by their own time; for a hold on a case, the case says.

    Raises:
        Denied: the actor may not; recorded.
        Invalid: title, reason, subject, case or period do not fit the scope; `fields` says which.
        Conflict: the case is closed.
    """
    words = required(title, "title", "Give the hold a title."), required(reason, "reason", "Say why.")
    _check(scope, subject, case, since, until)
    with attempt(action=Action.HOLD_PLACED, actor=actor, stream=SYSTEM_STREAM, object="hold"):
        refuse(permissions.why_not_hold(actor))
        locks.disposal()
        if case and Case.objects.get(pk=case.pk).state != CaseState.OPEN:
            raise Conflict(f"The case {case.name!r} is closed.")
        hold = Hold.objects.create(
            title=words[0],
            scope=scope,
            subject=subject,
            case=case,
            since=since,
            until=until,
            reason=words[1],
            placed_by=actor.ref,
            placed_at=datetime.now(UTC),
        )
        record(
            stream=SYSTEM_STREAM,
            action=Action.HOLD_PLACED,
            actor=actor,
            object=f"hold/{hold.pk}",
            body={
                "title": hold.title,
                "scope": str(scope),
                "subject": subject,
                "case": str(case.pk) if case else None,
                "since": timestamp(since) if since else None,
                "until": timestamp(until) if until else None,
                "reason": hold.reason,
            },
        )
    return hold


def release(*, actor: Actor, hold: Hold, reason: str) -> Hold:
    """End a hold: a second person does, never who placed it.

    Raises:
        Denied: the actor placed it, is no person, or may not; recorded.
        Invalid: no reason.
        Conflict: it was released already.
    """
    said = required(reason, "reason", "Say why the hold ends.")
    with attempt(action=Action.HOLD_RELEASED, actor=actor, stream=SYSTEM_STREAM, object=f"hold/{hold.pk}"):
        locks.disposal()
        hold = Hold.objects.select_related("case").get(pk=hold.pk)
        refuse(permissions.why_not_release(actor, hold.placed_by))
        if not hold.is_live:
            raise Conflict(f"The legal hold {hold.title!r} was released already.")
        hold.released_by, hold.released_at, hold.release_reason = actor.ref, datetime.now(UTC), said
        hold.save(update_fields=["released_by", "released_at", "release_reason"])
        record(
            stream=SYSTEM_STREAM,
            action=Action.HOLD_RELEASED,
            actor=actor,
            object=f"hold/{hold.pk}",
            body={"title": hold.title, "placed_by": hold.placed_by, "reason": said},
        )
    return hold


def live() -> list[Hold]:
    """The holds that are not released, each with its case."""
    return list(Hold.objects.filter(released_at__isnull=True).select_related("case"))


def over_subject(subject: str) -> Hold | None:
    """A live hold that covers `subject`, or an event of which erasing it would take something away.

    That is an event of its stream (the payload) or by it (the name). Call it under `locks.disposal`.
    """
    theirs = Q(stream=subject) | Q(actor=subject)
    for hold in live():
        subjects, _since, _until = hold.reach
        if subjects is not None and subject in subjects:
            return hold
        if Event.objects.filter(theirs, hold.held).exists():
            return hold
    return None


def over_events(events: list[UUID]) -> tuple[Hold, UUID] | None:
    """A live hold that covers one of these events, and which. Call it under `locks.disposal`."""
    for hold in live():
        held = Event.objects.filter(hold.held, pk__in=events).values_list("pk", flat=True).first()
        if held:
            return hold, held
    return None


def _check(
    scope: HoldScope, subject: str, case: Case | None, since: datetime | None, until: datetime | None
) -> None:
    check_period(since, until)
    if scope in {HoldScope.PERSON, HoldScope.AGENT}:
        if not (subject.startswith(f"{scope}/") and is_reference(subject)):
            raise Invalid(f"Name the {scope} as {scope}/<id>.", fields={"subject": f"not a {scope}"})
    elif subject:
        raise Invalid(f"A hold on {scope} names no subject.", fields={"subject": "must be empty"})
    if (scope == HoldScope.CASE) != (case is not None):
        raise Invalid("A hold on a case names the case, no other does.", fields={"case": "does not fit"})
    if scope == HoldScope.PERIOD and since is None and until is None:
        raise Invalid("Say from when or until when.", fields={"since": "or an end"})
    if scope in {HoldScope.CASE, HoldScope.EVERYTHING} and (since or until):
        raise Invalid(f"A hold on {scope} has no period of its own.", fields={"since": "must be empty"})
