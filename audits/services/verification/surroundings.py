"""What surrounds the sealed entries: what waits, the derived rows, and what should not be there."""

from collections.abc import Iterable

from django.db.models import Exists, OuterRef

from audits import guard, subject_keys
from audits.models import Body, Checkpoint, DestroyedKey, Entry, Event, Pending, StreamHead
from audits.services.verification.chain import Ends
from audits.services.verification.events import EventChecker
from audits.services.verification.report import Wrong
from audits.services.verification.rows import waiting

CHUNK = 1_000


def check_beyond(size: int, remembered: guard.Head | None) -> None:
    """Nothing beyond the last checkpoint, and nothing that is remembered beyond the end."""
    # The end is read before the checkpoint: what is sealed between the two is no alarm.
    last = Entry.objects.order_by("-seq").values_list("seq", flat=True).first()
    newest = Checkpoint.objects.order_by("-size").first()
    signed = newest.size if newest else 0
    beyond = Entry.objects.filter(seq__gte=signed).order_by("seq").first()
    if last is not None and last >= signed and beyond:
        raise Wrong(f"entry {beyond.seq}", f"Entry {beyond.seq} is beyond the last signed checkpoint.")
    if remembered and remembered.size > size:
        raise Wrong(
            f"entry {size}",
            f"The ledger ends at {size} entries, and {guard.path()} remembers {remembered.size}: its end was "
            "cut off, or a backup was restored.",
        )


def check_stream_heads(ends: Ends, size: int) -> None:
    """The derived rows that say where the streams end."""
    stored = {head.stream: head for head in StreamHead.objects.all()}
    for stream, (number, leaf) in ends.items():
        head = stored.pop(stream, None)
        if head and head.seq >= size:
            continue  # sealed while we were reading
        if head is None or (head.stream_seq, bytes(head.leaf)) != (number, leaf):
            raise Wrong(f"stream {stream}", f"The stored end of stream {stream} is not number {number}.")
    for head in stored.values():
        if head.seq < size:
            raise Wrong(f"stream {head.stream}", f"The stored end of stream {head.stream} is invented.")


def check_pending(events: EventChecker) -> int:
    """The events that wait to be sealed; how many."""
    count = 0
    for event in waiting(CHUNK):
        events.check(event, f"event {event.id}, not sealed yet")
        count += 1
    sealed = Pending.objects.filter(Exists(Entry.objects.filter(event_id=OuterRef("event_id")))).first()
    if sealed:
        raise Wrong(f"event {sealed.event_id}", "A sealed event was put back among those that wait.")
    return count


def check_unsealed() -> None:
    lost = Event.objects.filter(pending__isnull=True, entry__isnull=True).order_by().first()
    if lost:
        raise Wrong(
            f"event {lost.pk}", "The event is neither sealed nor does it wait to be: its entry was removed."
        )


def check_orphans() -> None:
    models: tuple[type[Body | Pending], ...] = (Body, Pending)
    for model in models:
        event = Event.objects.filter(pk=OuterRef("event_id"))
        orphan = model.objects.filter(~Exists(event)).order_by().first()
        if orphan:
            raise Wrong(f"event {orphan.event_id}", "The event was deleted; parts of it are left.")


def keys_that_came_back() -> Iterable[str]:
    """Subjects that were erased and whose key is there again, from a backup that was kept too long."""
    for row in DestroyedKey.objects.iterator(CHUNK):
        if subject_keys.find(bytes(row.key_id)) is not None:
            yield row.subject
