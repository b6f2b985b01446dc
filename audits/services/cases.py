"""Cases: which evidence belongs to a matter (S1-16)."""

from collections.abc import Collection
from datetime import UTC, datetime

from django.db import IntegrityError

from audits import locks, permissions
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action, CaseState
from audits.errors import Conflict, Invalid
from audits.formats import is_reference, timestamp
from audits.models import Case, Hold
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.services.ledger import record


def open_case(
    *,
    actor: Actor,
    name: str,
    description: str = "",
    subjects: Collection[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> Case:
    """Begin a case about the streams `subjects` (empty: all) and events in [since, until).

    Raises:
        Denied: the actor may not; recorded.
        Invalid: no name, no such stream, or an empty period; `fields` says which.
        Conflict: another case has this name.
    """
    streams = _checked(name, subjects, since, until)
    try:
        with attempt(action=Action.CASE_OPENED, actor=actor, stream=SYSTEM_STREAM, object="case"):
            refuse(permissions.why_not_open_case(actor))
            case = Case.objects.create(
                name=name.strip(),
                description=description.strip(),
                subjects=streams,
                since=since,
                until=until,
                opened_by=actor.ref,
                opened_at=datetime.now(UTC),
            )
            record(
                stream=SYSTEM_STREAM,
                action=Action.CASE_OPENED,
                actor=actor,
                object=f"case/{case.pk}",
                body={"name": case.name, "description": case.description, **_scope(case)},
            )
    except IntegrityError as error:
        raise Conflict(f"There is a case {name!r} already.", fields={"name": "taken"}) from error
    return case


def amend(
    *,
    actor: Actor,
    case: Case,
    description: str,
    subjects: Collection[str],
    since: datetime | None,
    until: datetime | None,
    reason: str,
) -> Case:
    """Change what a case is about. While a hold rests on it, it can only grow.

    Raises:
        Denied: the actor may not; recorded.
        Invalid: no reason, no such stream, or an empty period; `fields` says which.
        Conflict: the case is closed, or it would lose what is held.
    """
    said = required(reason, "reason", "Say why the case changes.")
    streams = _checked(case.name, subjects, since, until)
    with attempt(action=Action.CASE_AMENDED, actor=actor, stream=SYSTEM_STREAM, object=f"case/{case.pk}"):
        refuse(permissions.why_not_change_case(actor))
        case = _open(case)
        before = _scope(case)
        shrinks = _shrinks(case, streams, since, until)
        case.description = description.strip()
        case.subjects, case.since, case.until = streams, since, until
        if shrinks and (hold := _hold_on(case)):
            raise Conflict(f"The legal hold {hold.title!r} rests on this case: until then it only grows.")
        case.save(update_fields=["description", "subjects", "since", "until"])
        record(
            stream=SYSTEM_STREAM,
            action=Action.CASE_AMENDED,
            actor=actor,
            object=f"case/{case.pk}",
            body={"reason": said, "before": before, "after": _scope(case), "description": case.description},
        )
    return case


def close(*, actor: Actor, case: Case, reason: str) -> Case:
    """End a case, for good. What it was about stays on record.

    Raises:
        Denied: the actor may not; recorded.
        Invalid: no reason.
        Conflict: it is closed already, or a legal hold rests on it.
    """
    said = required(reason, "reason", "Say why the case is over.")
    with attempt(action=Action.CASE_CLOSED, actor=actor, stream=SYSTEM_STREAM, object=f"case/{case.pk}"):
        refuse(permissions.why_not_change_case(actor))
        case = _open(case)
        if hold := _hold_on(case):
            raise Conflict(f"The legal hold {hold.title!r} rests on this case. Release it first.")
        case.state, case.closed_at = CaseState.CLOSED, datetime.now(UTC)
        case.save(update_fields=["state", "closed_at"])
        record(
            stream=SYSTEM_STREAM,
            action=Action.CASE_CLOSED,
            actor=actor,
            object=f"case/{case.pk}",
            body={"name": case.name, "reason": said},
        )
    return case


def required(text: str, field: str, sentence: str) -> str:
    """`text` without the space around it.

    Raises:
        Invalid: nothing is left.
    """
    if not text.strip():
        raise Invalid(sentence, fields={field: "must not be empty"})
    return text.strip()


def check_period(since: datetime | None, until: datetime | None) -> None:
    """
    Raises:
        Invalid: nothing lies in [since, until).
    """
    if since and until and since >= until:
        raise Invalid(
            f"The period is empty: it begins at {since.isoformat()} and ends at {until.isoformat()}.",
            fields={"until": "must be after the beginning"},
        )


def _checked(
    name: str, subjects: Collection[str], since: datetime | None, until: datetime | None
) -> list[str]:
    required(name, "name", "Give the case a name.")
    check_period(since, until)
    streams = sorted({subject.strip() for subject in subjects if subject.strip()})
    for stream in streams:
        if not is_reference(stream):
            raise Invalid(
                f"{stream!r} is not a stream. Use for example agent/<id> or person/<id>, as on the pages of "
                "the ledger.",
                fields={"subjects": "not a stream"},
            )
    return streams


def _open(case: Case) -> Case:
    """The case as it is now, held until the transaction ends, so that no hold is placed on it meanwhile."""
    locks.disposal()
    case = Case.objects.get(pk=case.pk)
    if case.state != CaseState.OPEN:
        raise Conflict(f"The case {case.name!r} is closed.")
    return case


def _hold_on(case: Case) -> Hold | None:
    return Hold.objects.filter(case=case, released_at__isnull=True).first()


def _shrinks(case: Case, subjects: list[str], since: datetime | None, until: datetime | None) -> bool:
    fewer = bool(subjects) and (not case.subjects or not set(case.subjects) <= set(subjects))
    later = since is not None and (case.since is None or since > case.since)
    earlier = until is not None and (case.until is None or until < case.until)
    return fewer or later or earlier


def _scope(case: Case) -> dict[str, JSON]:
    return {
        "subjects": list(case.subjects),
        "since": timestamp(case.since) if case.since else None,
        "until": timestamp(case.until) if case.until else None,
    }
