"""What a SIEM is told next, once it is known to be what was sealed."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.db.models import Max, QuerySet

from audits.models import Checkpoint, Entry, Tombstone
from audits.services import sealing
from audits.siem import sending
from audits.siem.address import Sink
from audits.siem.record import Record
from audits.siem.transport import Message, NotDelivered
from audits.tree import leaf_hash

BATCH, BATCH_WITH_PAYLOAD = 200, 20
BATCH_BYTES = 1024 * 1024
_MEND = "Run `manage.py ledger verify`; restore the database from a backup."

logger = logging.getLogger(__name__)


class Unsound(NotDelivered):
    """The database does not hold what was sealed. Nothing is told until somebody has looked."""


def end() -> int:
    """The number that the next entry will have."""
    last = Entry.objects.aggregate(last=Max("seq"))["last"]
    return 0 if last is None else last + 1


def sealed_since(*, seq: int) -> datetime | None:
    """When the first entry from `seq` on was sealed; None where there is none."""
    return _from(seq).values_list("sealed_at", flat=True).first()


def batch(*, sink: Sink, start: int) -> list[Message]:
    """From entry `start` on, in order, up to a number and, beyond the first, a size.

    Raises:
        Unsound: the first of them is absent without having been pruned, or not what was sealed.
    """
    if start > (there := end()):
        raise Unsound(
            f"It was told {start} entries, and the ledger holds {there}: the end of the ledger is gone. Run "
            f"`manage.py ledger verify`; once that is mended or declared, replay from {there}."
        )
    messages: list[Message] = []
    size = 0
    try:
        for record in _records(sink, start):
            message = sending.prepared(sink, record)
            size += len(message.line)
            if messages and size > BATCH_BYTES:
                break
            messages.append(message)
    except Unsound:
        if not messages:
            raise
    return messages


def _records(sink: Sink, start: int) -> Iterator[Record]:
    related = ("event", "event__body") if sink.payload else ("event",)
    entries = _from(start).select_related(*related)
    expected = start
    for entry in entries[: BATCH_WITH_PAYLOAD if sink.payload else BATCH]:
        if entry.seq != expected and entry.seq != (expected := _after_pruned(sink, expected)):
            raise Unsound(f"Entry {expected} is absent, and no pruning says why. {_MEND}")
        yield _record_of(entry, with_payload=sink.payload)
        expected += 1


def _from(seq: int) -> QuerySet[Entry]:
    return Entry.objects.filter(seq__gte=seq).order_by("seq")


def _after_pruned(sink: Sink, seq: int) -> int:
    """Pruning is recorded, so the SIEM sees in the ledger itself why the numbers jump."""
    first = seq
    while gone := Tombstone.objects.filter(low__lte=seq, high__gt=seq).first():
        seq = gone.high
    if seq > first:
        logger.warning(
            "%s was not told entries %d to %d: they were pruned before.", sink.name, first, seq - 1
        )
    return seq


def _record_of(entry: Entry, *, with_payload: bool) -> Record:
    """
    Raises:
        Unsound: the leaf is not the hash of the entry.
    """
    exact = sealing.exact_bytes(entry)
    if leaf_hash(exact) != bytes(entry.leaf):
        raise Unsound(f"Entry {entry.seq} is not what was sealed. {_MEND}")
    told = Record(
        origin=settings.LEDGER_ORIGIN,
        seq=entry.seq,
        stream=entry.stream,
        number=entry.stream_seq,
        leaf=bytes(entry.leaf).hex(),
        sealed_at=entry.sealed_at,
        entry=exact.decode(),
    )
    if entry.event is None:
        signed = Checkpoint.objects.filter(size=entry.seq + 1).values_list("note", flat=True).first()
        return replace(told, checkpoint=signed or "")
    told = replace(told, header=entry.event.fields)
    if not with_payload:
        return told
    try:
        payload, name = entry.event.details, entry.event.actor_name
    except ValueError as error:  # A damaged body is for `ledger verify`; it must not stop what follows.
        return replace(told, withheld=str(error))
    return replace(told, payload=payload or None, actor_name=name)
