"""Telling a SIEM what the ledger says: every sealed entry, in order, at least once (S4-3).

One process at a time delivers to a sink, by a lease on its cursor. It reads from the cursor on, sends,
and only once the receiver has confirmed moves the cursor: killed in between, the batch is sent twice.
No transaction is open while anything is sent.
"""

import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from audits import permissions
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Invalid, NotFound
from audits.models import SinkCursor
from audits.services import siem_records
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.services.ledger import record
from audits.siem import sending
from audits.siem.address import Sink
from audits.siem.transport import SECONDS, NotDelivered, Options

TURN = timedelta(seconds=20)
"""A worker gives its place up after so long, though more waits: other work has its turn."""
LEASE = timedelta(seconds=2 * SECONDS + 20)
LONGEST_PAUSE = timedelta(minutes=5)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a sink stands. `waiting` entries are not confirmed, the oldest of them sealed at `since`."""

    sink: Sink | None
    cursor: SinkCursor
    waiting: int
    since: datetime | None

    @property
    def is_failing(self) -> bool:
        """A sink that nobody configures any more does not fail; it is not asked."""
        return self.sink is not None and bool(self.cursor.error)


def standings() -> list[Standing]:
    """Of every sink that is configured or ever was, by name; one that no longer is has no `sink`."""
    end = siem_records.end()
    cursors = {cursor.name: cursor for cursor in SinkCursor.objects.all()}
    cursors = {name: SinkCursor(name=name) for name in configured()} | cursors
    found = []
    for _, cursor in sorted(cursors.items()):
        oldest = siem_records.sealed_since(seq=cursor.next_seq)
        found.append(Standing(configured().get(cursor.name), cursor, max(0, end - cursor.next_seq), oldest))
    return found


def failing() -> list[SinkCursor]:
    """The cursors of configured sinks whose last attempt failed."""
    names = list(configured())
    return list(SinkCursor.objects.filter(name__in=names, failing_since__isnull=False)) if names else []


def configured() -> dict[str, Sink]:
    return {sink.name: sink for sink in settings.SIEM_SINKS}


def undelivered_from() -> int | None:
    """The first entry that some configured sink has not confirmed; None where there is no sink.

    What is pruned before that never reaches that sink.
    """
    if not settings.SIEM_SINKS:
        return None
    _know_all()
    names = list(configured())
    return min(SinkCursor.objects.filter(name__in=names).values_list("next_seq", flat=True))


def due() -> list[str]:
    """The names of the sinks for which something waits, that nobody serves and that need not pause."""
    if not settings.SIEM_SINKS:
        return []
    _know_all()
    mine = SinkCursor.objects.filter(_is_free(), name__in=list(configured()))
    return list(mine.exclude(next_seq=siem_records.end()).values_list("name", flat=True))


def deliver(*, name: str, patient: bool = True) -> int:
    """Send what waits for a sink until nothing does or a worker's turn is over; how many were confirmed.

    0 where somebody else is at it, or, for the `patient`, where it failed too short a time ago. A
    failure is written on the cursor and is no error here: the entries wait.

    Raises:
        NotFound: no sink of this name is configured.
    """
    sink = _configured(name)
    lease = _take(name, patient=patient)
    if lease is None:
        return 0
    confirmed, end = 0, time.monotonic() + TURN.total_seconds()
    try:
        while time.monotonic() < end:
            done = _deliver_batch(sink, lease)
            confirmed += done
            if not done:
                break
    finally:
        _held(name, lease).update(lease=None, leased_until=None)
    return confirmed


def replay(*, actor: Actor, name: str, seq: int) -> SinkCursor:
    """Have a sink told again, from entry `seq` of the ledger on.

    Raises:
        Denied: the actor may not.
        NotFound: no sink of this name is configured.
        Invalid: `seq` lies beyond what was delivered: a replay goes back, nothing is ever skipped.
    """
    cursor = _known(_configured(name))
    stream = actor.ref if actor.kind == "person" else SYSTEM_STREAM
    subject = f"sink/{cursor.pk}"
    with attempt(action=Action.SINK_REPLAYED, actor=actor, stream=stream, object=subject):
        refuse(permissions.why_no_replay(actor))
        cursor = SinkCursor.objects.select_for_update().get(pk=cursor.pk)
        if not 0 <= seq <= cursor.next_seq:
            raise Invalid(
                f"{name} was told everything before entry {cursor.next_seq}. Name a number from 0 to "
                f"{cursor.next_seq}; what it was not told yet cannot be skipped.",
                fields={"seq": f"from 0 to {cursor.next_seq}"},
            )
        before, cursor.next_seq, cursor.retry_at = cursor.next_seq, seq, None
        # Whoever is sending now may no longer move the cursor; its time runs out before another begins.
        cursor.lease = uuid4() if cursor.lease else None
        cursor.save(update_fields=["next_seq", "retry_at", "lease"])
        record(
            stream=stream,
            action=Action.SINK_REPLAYED,
            actor=actor,
            object=subject,
            body={"sink": name, "from": seq, "before": before},
        )
    return cursor


# --- The cursor -----------------------------------------------------------------------------------------
def _configured(name: str) -> Sink:
    sinks = configured()
    if name not in sinks:
        there = ", ".join(sinks) or "none"
        raise NotFound(f"COUNTERSIGN_SIEM has no sink {name!r}. There is: {there}.")
    return sinks[name]


def _known(sink: Sink) -> SinkCursor:
    return SinkCursor.objects.get_or_create(name=sink.name)[0]


def _know_all() -> None:
    """A sink that is new begins at the ledger's first entry."""
    known = set(SinkCursor.objects.values_list("name", flat=True))
    for sink in settings.SIEM_SINKS:
        if sink.name not in known:
            _known(sink)


def _is_free(*, patient: bool = True) -> Q:
    now = datetime.now(UTC)
    free = Q(leased_until__isnull=True) | Q(leased_until__lte=now)
    return free & (Q(retry_at__isnull=True) | Q(retry_at__lte=now)) if patient else free


def _take(name: str, *, patient: bool) -> UUID | None:
    """One conditional update: of two who ask, one gets it."""
    _know_all()
    lease = uuid4()
    taken = SinkCursor.objects.filter(_is_free(patient=patient), name=name).update(
        lease=lease, leased_until=datetime.now(UTC) + LEASE
    )
    return lease if taken else None


def _held(name: str, lease: UUID) -> QuerySet[SinkCursor]:
    return SinkCursor.objects.filter(name=name, lease=lease)


# --- A batch --------------------------------------------------------------------------------------------
def _deliver_batch(sink: Sink, lease: UUID) -> int:
    """The number of entries that the receiver confirmed; 0 where none wait, or it failed."""
    renewed = _held(sink.name, lease)
    if not renewed.update(leased_until=datetime.now(UTC) + LEASE):
        return 0
    start = SinkCursor.objects.values_list("next_seq", flat=True).get(name=sink.name)
    try:
        messages = siem_records.batch(sink=sink, start=start)
        if not messages:
            return 0
        sending.send(sink, messages, _options())
    except NotDelivered as error:
        _failed(sink, lease, str(error))
        return 0
    moved = _held(sink.name, lease).update(
        next_seq=messages[-1].record.seq + 1,
        delivered_at=datetime.now(UTC),
        failing_since=None,
        error="",
        attempts=0,
        retry_at=None,
    )
    return len(messages) if moved else 0


def _failed(sink: Sink, lease: UUID, error: str) -> None:
    """Pause twice as long after each failure, five minutes at most."""
    with transaction.atomic():
        cursor = _held(sink.name, lease).select_for_update().first()
        if cursor is None:
            return
        now = datetime.now(UTC)
        if cursor.failing_since is None:
            cursor.failing_since = now
            logger.warning("%s does not take events: %s They wait.", sink.name, error)
        cursor.attempts += 1
        cursor.error = error
        cursor.retry_at = now + min(timedelta(seconds=2 ** min(cursor.attempts, 16)), LONGEST_PAUSE)
        cursor.save(update_fields=["failing_since", "attempts", "error", "retry_at"])


def _options() -> Options:
    return Options(
        ca_file=settings.SIEM_CA_FILE,
        certificate_file=settings.SIEM_CERTIFICATE_FILE,
        webhook_secret=settings.SIEM_WEBHOOK_SECRET,
    )
