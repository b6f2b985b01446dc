"""Verifications that people ask for: done in the background, one row from the asking to the verdict."""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from audits import permissions
from audits.actor import Actor
from audits.choices import Action, Verdict, VerificationKind
from audits.errors import Conflict, Invalid, NotFound, ServiceError
from audits.formats import is_reference
from audits.models import Verification
from audits.queue import enqueue
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.services.ledger import record
from audits.services.verification import runs
from audits.services.verification.report import Progress, Report
from audits.services.verification.stream import verify_stream
from audits.services.verification.whole import verify

TASK = "audits.tasks.verify_on_request"
ON_REQUEST = (VerificationKind.WHOLE, VerificationKind.SINCE, VerificationKind.STREAM)
ABANDONED_AFTER = timedelta(minutes=10)
SAYS_SO_EVERY = 1.0
"""Seconds between two notes of progress in the database."""


def request(*, actor: Actor, kind: VerificationKind, stream: str = "") -> Verification:
    """Ask for a verification of all, of what came since the last sound one, or of one `stream`.

    The edge that asks hands it to `audits.tasks.verify_on_request`.

    Raises:
        Denied: the actor may not; recorded.
        Invalid: one event or checkpoint is verified at once, or the stream is missing or no reference.
        Conflict: the same is under way, or none was sound yet; recorded.
    """
    if kind not in ON_REQUEST:
        raise Invalid("Only the ledger or a stream is verified in the background.", fields={"kind": "wrong"})
    if bool(stream) != (kind == VerificationKind.STREAM) or (stream and not is_reference(stream)):
        raise Invalid(
            "Name the one stream to verify, for example agent/<id>, or none.", fields={"stream": "no stream"}
        )
    told_in = actor.ref if actor.kind == "person" else SYSTEM_STREAM
    about = stream or "ledger"
    with attempt(action=Action.VERIFICATION_REQUESTED, actor=actor, stream=told_in, object=about):
        refuse(permissions.why_no_verification(actor, stream))
        if Verification.objects.filter(kind=kind, subject=stream, verdict=Verdict.PENDING).exists():
            raise Conflict("The same is being verified. Wait for its verdict.")
        if kind == VerificationKind.SINCE and runs.last_sound() is None:
            raise Conflict("No verification was sound yet, so there is nothing to start from: verify it all.")
        row = Verification.objects.create(
            kind=kind,
            subject=stream,
            verdict=Verdict.PENDING,
            started_at=datetime.now(UTC),
            by=actor.ref,
        )
        record(
            stream=told_in,
            action=Action.VERIFICATION_REQUESTED,
            actor=actor,
            object=about,
            body={"verification": str(row.pk), "kind": str(kind), "subject": stream},
        )
    return row


def run_requested(*, verification_id: UUID | str) -> Verification:
    """Verify what was asked for, and say how far it has come; the row holds the verdict.

    Raises:
        NotFound: nobody asked for it.
        Conflict: it has its verdict, or somebody else is at it.
    """
    row = _claim(verification_id)
    try:
        report = _verify(row, _Progress(row))
        verdict = Verdict.SOUND if report.is_sound else Verdict.WRONG
    except ServiceError as error:
        report, verdict = Report(row.kind, row.subject, problem=error.message), Verdict.UNABLE
    with transaction.atomic():
        waiting = Verification.objects.select_for_update().filter(pk=row.pk, verdict=Verdict.PENDING).first()
        if waiting is not None:  # else it was taken for abandoned, and somebody else was faster
            runs.keep(runs.VERIFIER, waiting, report, verdict)
    return Verification.objects.get(pk=row.pk)


def sweep() -> int:
    """Hand out again what nobody has begun, or what was left behind; says how many."""
    overdue = datetime.now(UTC) - timedelta(seconds=settings.ASK_AGAIN_SECONDS)
    waiting = list(Verification.objects.filter(_waits(), started_at__lt=overdue).values_list("pk", flat=True))
    for verification_id in waiting:
        enqueue(TASK, str(verification_id))
    return len(waiting)


def _claim(verification_id: UUID | str) -> Verification:
    mine = Verification.objects.filter(_waits(), pk=verification_id)
    claimed = mine.update(heard_at=datetime.now(UTC))
    row = Verification.objects.filter(pk=verification_id).first()
    if row is None:
        raise NotFound(f"There is no verification {verification_id}.")
    if not claimed:
        raise Conflict(f"The verification {verification_id} has its verdict, or somebody is at it.")
    return row


def _waits() -> Q:
    """Nobody has begun, or whoever did has not been heard of since."""
    abandoned = Q(heard_at__lt=datetime.now(UTC) - ABANDONED_AFTER)
    return Q(verdict=Verdict.PENDING) & (Q(heard_at__isnull=True) | abandoned)


def _verify(row: Verification, progress: Progress) -> Report:
    if row.kind == VerificationKind.STREAM:
        return verify_stream(stream=row.subject, progress=progress)
    if row.kind == VerificationKind.WHOLE:
        return verify(progress=progress)
    sound = runs.last_sound()
    return verify(since=sound.size if sound else None, progress=progress)


class _Progress:
    """Notes how far a verification has come, for those who wait for it."""

    def __init__(self, row: Verification) -> None:
        self._mine = Verification.objects.filter(pk=row.pk, verdict=Verdict.PENDING)
        self._said = 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now - self._said >= SAYS_SO_EVERY:
            self._said = now
            self._mine.update(entries=done, size=total, heard_at=datetime.now(UTC))
