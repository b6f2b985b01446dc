"""Verifications that are kept: each is a row of the history, and an event of the ledger."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import QuerySet

from audits import permissions
from audits.actor import Actor
from audits.choices import Action, Outcome, Verdict, VerificationKind
from audits.errors import Denied, ServiceError
from audits.models import Checkpoint, Verification
from audits.services.ledger import record
from audits.services.verification.report import Progress, Report
from audits.services.verification.single import verify_checkpoint, verify_event
from audits.services.verification.stream import verify_stream
from audits.services.verification.whole import verify

logger = logging.getLogger(__name__)

VERIFIER = Actor.system("verifier")
OF_EVERYTHING = (VerificationKind.WHOLE, VerificationKind.SINCE)
SHORTEST_LEDGER = timedelta(hours=1)
"""A ledger younger than this is not verified on schedule yet."""
LONGEST_PROBLEM = 4_000


def check_ledger(
    *,
    actor: Actor,
    since: int | datetime | None = None,
    stream: str = "",
    jobs: int | None = None,
    with_bodies: bool = True,
    progress: Progress | None = None,
) -> tuple[Report, Verification]:
    """Verify the ledger, from `since` on, or one `stream` of it; keep what was found.

    Raises:
        Denied: the actor may not.
        ServiceError: nothing could be said, as `verify` and `verify_stream` raise; kept as *unable*.
    """
    if stream:
        return _kept(
            actor,
            VerificationKind.STREAM,
            stream,
            lambda: verify_stream(stream=stream, with_bodies=with_bodies, progress=progress),
        )
    return _kept(
        actor,
        VerificationKind.WHOLE if since is None else VerificationKind.SINCE,
        "" if since is None else f"since {since}",
        lambda: verify(since=since, jobs=jobs, with_bodies=with_bodies, progress=progress),
    )


def check_event(*, actor: Actor, event_id: UUID) -> tuple[Report, Verification]:
    """Verify one event, its proof and the signature of its checkpoint; keep what was found.

    Raises as `check_ledger`.
    """
    subject = f"event/{event_id}"
    return _kept(actor, VerificationKind.EVENT, subject, lambda: verify_event(event_id=event_id))


def check_checkpoint(*, actor: Actor, size: int) -> tuple[Report, Verification]:
    """Verify the root and the signature of one checkpoint; keep what was found.

    Raises as `check_ledger`.
    """
    subject = f"checkpoint/{size}"
    return _kept(actor, VerificationKind.CHECKPOINT, subject, lambda: verify_checkpoint(size=size))


def check_if_due() -> Verification | None:
    """What the schedule asks for: all of the ledger daily, else what came since the last sound run.

    `settings.VERIFY_WHOLE_HOURS` and `settings.VERIFY_EVERY_MINUTES` say how often. The result says
    what is wrong, also where nothing could be said; None where nothing was due.
    """
    now = datetime.now(UTC)
    oldest = Checkpoint.objects.order_by("size").first()
    if oldest is None or now - oldest.sealed_at < SHORTEST_LEDGER:
        return None
    scheduled = of_everything()
    whole = scheduled.filter(kind=VerificationKind.WHOLE).first()
    last = scheduled.first()
    since: int | None = None
    if whole and now - whole.started_at < timedelta(hours=settings.VERIFY_WHOLE_HOURS):
        if last and now - last.started_at < timedelta(minutes=settings.VERIFY_EVERY_MINUTES):
            return None
        sound = last_sound()
        since = sound.size if sound else None
    try:
        _, kept = check_ledger(actor=VERIFIER, since=since)
    except ServiceError:
        return scheduled.first()  # kept as unable; the dashboard says it
    return kept


def of_everything() -> QuerySet[Verification]:
    """The verifications of all or of all that was new which have their verdict, newest first."""
    with_verdict = Verification.objects.exclude(verdict=Verdict.PENDING)
    return with_verdict.filter(kind__in=OF_EVERYTHING).order_by("-id")


def last_sound() -> Verification | None:
    """Where the next verification may start from."""
    return of_everything().filter(verdict=Verdict.SOUND).first()


def _kept(
    actor: Actor, kind: VerificationKind, subject: str, run: Callable[[], Report]
) -> tuple[Report, Verification]:
    if reason := permissions.why_no_verification(actor):
        with transaction.atomic():
            record(
                stream=_stream_of(actor),
                action=Action.LEDGER_VERIFIED,
                actor=actor,
                object=_object(kind, subject),
                outcome=Outcome.DENIED,
                body={"reason": reason},
            )
        raise Denied(reason)
    row = Verification(kind=kind, started_at=datetime.now(UTC), by=actor.ref)
    try:
        report = run()
    except ServiceError as error:
        keep(actor, row, Report(kind, subject, problem=error.message), Verdict.UNABLE)
        raise
    verdict = Verdict.SOUND if report.is_sound else Verdict.WRONG
    return report, keep(actor, row, report, verdict)


def keep(actor: Actor, row: Verification, report: Report, verdict: Verdict) -> Verification:
    """Write down what was found, in a row that is new or waits for its verdict, and as an event."""
    row.subject, row.verdict, row.ended_at = report.subject[:200], verdict, datetime.now(UTC)
    row.first, row.size, row.entries = report.first, report.size, report.entries
    row.place, row.problem = report.place[:300], report.problem[:LONGEST_PROBLEM]
    row.warnings = report.warnings
    try:
        with transaction.atomic():
            row.event = _record(actor, row)
            row.save()
    except ServiceError as error:
        # What is wrong may be just what events need. The history says it all the same.
        row.event = None
        row.warnings = [*report.warnings, f"No event could be written: {error.message}"]
        _save_alone(row)
    except DatabaseError as error:
        row.event = None
        row.warnings = [*report.warnings, f"The verification could not be kept: {error}"]
        logger.error("A verification could not be kept: %s", error)  # noqa: TRY400 - its sentence says it all
    report.warnings = list(row.warnings)
    return row


def _save_alone(row: Verification) -> None:
    try:
        with transaction.atomic():
            row.save()
    except DatabaseError as error:
        logger.error("A verification could not be kept: %s", error)  # noqa: TRY400 - as above


def _record(actor: Actor, row: Verification) -> UUID:
    event = record(
        stream=_stream_of(actor),
        action=Action.LEDGER_VERIFIED,
        actor=actor,
        object=_object(row.kind, row.subject),
        outcome=Outcome.SUCCESS if row.verdict == Verdict.SOUND else Outcome.FAILED,
        body={
            "verification": str(row.pk),
            "kind": str(row.kind),
            "subject": row.subject,
            "verdict": str(row.verdict),
            "first": row.first,
            "size": row.size,
            "entries": row.entries,
            "place": row.place,
            "problem": row.problem,
            "warnings": list(row.warnings),
            **({} if row.by == actor.ref else {"requested_by": row.by}),
        },
    )
    return event.pk


def _object(kind: str, subject: str) -> str:
    """What the event is about: the event, the checkpoint, the stream, or the ledger."""
    of_one = (VerificationKind.EVENT, VerificationKind.CHECKPOINT, VerificationKind.STREAM)
    return subject if kind in of_one and subject else "ledger"


def _stream_of(actor: Actor) -> str:
    return actor.ref if actor.kind == "person" else "system"
