"""Checking the ledger from its bytes: nothing stored is believed but keys and what memory is outside."""

import hmac
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from audits import bodies, canonical, formats, guard, keys, note, triggers
from audits.models import Body, Checkpoint, Entry, Event, Node, Pending, StreamHead
from audits.services.ledger import Recorded, copied
from audits.services.sealing import checkpoint_text
from audits.tree import Growing, leaf_hash, root_of

CHUNK = 1_000
SHOWN_TRIGGERS = 3


@dataclass
class Report:
    """What `verify` found. `problem` is empty where all is well; else it names the first wrong thing."""

    problem: str = ""
    place: str = ""
    entries: int = 0
    events: int = 0
    pending: int = 0
    checkpoints: int = 0
    streams: int = 0
    root: str = ""
    key: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.problem


_EVENT = (
    "id", "time", "stream", "action", "actor", "object", "outcome", "frameworks", "header", "mac",
    "body__body_key", "body__body_box", "body__name_key", "body__name_box",
)  # fmt: skip


class _Entry(NamedTuple):
    seq: int
    stream: str
    stream_seq: int
    previous: bytes
    sealed_at: datetime
    leaf: bytes
    seal: bytes
    heads: bytes | None
    event_id: UUID | None


class _Wrong(Exception):
    def __init__(self, place: str, problem: str) -> None:
        super().__init__(problem)
        self.place, self.problem = place, problem


def verify() -> Report:
    """Recompute the whole ledger, and say in words what is wrong first, if anything is.

    Raises:
        audits.keys.KeysUnusable: without the keys nothing can be said.
        audits.guard.GuardUnreadable: nor without the memory outside.
    """
    report = Report(key=str(keys.ledger_verifier()))
    if absent := triggers.missing(connection):
        names = ", ".join(absent[:SHOWN_TRIGGERS]) + (", …" if len(absent) > SHOWN_TRIGGERS else "")
        report.warnings.append(
            f"{len(absent)} triggers that keep the ledger append-only are off ({names}). "
            "Run `manage.py migrate`."
        )
    verification = _Verification(report)
    try:
        verification.run()
    except _Wrong as wrong:
        report.place, report.problem = wrong.place, wrong.problem
    except (KeyError, TypeError, ValueError) as error:
        report.place = f"entry {report.entries}, or what surrounds it"
        report.problem = f"What is stored there is not what the ledger writes ({error!r})."
    return report


class _Verification:
    def __init__(self, report: Report) -> None:
        self.report = report
        self.key = keys.ledger_verifier()
        self.mac_key = keys.mac()
        # The memory outside is read first: the database can only be ahead of it.
        self.guard = guard.remembered()
        last = Checkpoint.objects.order_by("-size").first()
        self.size = last.size if last else 0
        self.tree = Growing()
        self.ends: dict[str, tuple[int, bytes]] = {}
        self.sealed_at: datetime | None = None

    def run(self) -> None:
        for start in range(0, self.size, CHUNK):
            self.check_chunk(start, min(start + CHUNK, self.size))
        self.report.root = self.tree.root().hex()
        self.check_beyond()
        self.check_stream_heads()
        self.check_pending()
        self.check_unsealed()
        self.check_orphans()

    # --- The sealed part --------------------------------------------------------------------------------
    def check_chunk(self, start: int, end: int) -> None:
        entries = iter(_sealed(start, end))
        checkpoints = Checkpoint.objects.in_bulk(list(range(start + 1, end + 1)))
        nodes: dict[tuple[int, int], bytes] = {}
        for seq in range(start, end):
            entry, event = next(entries, (None, None))
            if entry is None or entry.seq != seq:
                raise _Wrong(f"entry {seq}", f"Entry {seq} is missing: it was deleted, or renumbered.")
            leaf = self.check_entry(entry, event)
            nodes |= {(level, index): value for level, index, value in self.tree.append(leaf)}
            self.report.entries += 1
            self.check_guard()
            if seq + 1 in checkpoints:
                self.check_checkpoint(checkpoints[seq + 1])
        self.check_nodes(nodes)

    def check_entry(self, entry: _Entry, event: Recorded | None) -> bytes:
        """All of one entry; its leaf, computed."""
        place = f"entry {entry.seq}"
        if event is not None:
            place += f", event {event.pk}"
            stream = str(self.check_event(event, place)["stream"])
            exact = formats.event_entry(bytes(event.header), bytes(entry.seal))
        elif entry.event_id is not None:
            raise _Wrong(place, f"The event {entry.event_id} of entry {entry.seq} was deleted.")
        else:
            self.check_heads(entry, place)
            stream = formats.HEADS_STREAM
            exact = formats.heads_entry(bytes(entry.heads or b""), bytes(entry.seal))
        leaf = leaf_hash(exact)
        if leaf != bytes(entry.leaf):
            raise _Wrong(
                place, f"The leaf of entry {entry.seq} is not the hash of its bytes: one was changed."
            )
        self.check_place(entry, stream, place)
        return leaf

    def check_place(self, entry: _Entry, stream: str, place: str) -> None:
        number, previous = self.ends.get(stream, (0, formats.EMPTY))
        seal = formats.seal_bytes(
            seq=entry.seq,
            stream_seq=entry.stream_seq,
            previous=bytes(entry.previous),
            sealed_at=entry.sealed_at,
        )
        if seal != bytes(entry.seal) or entry.stream != stream:
            raise _Wrong(place, f"The columns of entry {entry.seq} differ from what was sealed.")
        if entry.stream_seq != number + 1 or bytes(entry.previous) != previous:
            raise _Wrong(
                place,
                f"Entry {entry.seq} is number {entry.stream_seq} of {stream} and does not follow number "
                f"{number}: something was removed, inserted or reordered.",
            )
        if self.sealed_at and entry.sealed_at < self.sealed_at:
            raise _Wrong(place, f"Entry {entry.seq} was sealed before the entry before it.")
        self.sealed_at = entry.sealed_at
        self.ends[stream] = (entry.stream_seq, bytes(entry.leaf))

    def check_heads(self, entry: _Entry, place: str) -> None:
        lines = sorted(
            formats.heads_line(stream, number, leaf)
            for stream, (number, leaf) in self.ends.items()
            if stream != formats.HEADS_STREAM
        )
        root = root_of(map(leaf_hash, lines)).hex()
        if bytes(entry.heads or b"") != canonical.dumps({"count": len(lines), "root": root}):
            raise _Wrong(place, f"The heads sealed in entry {entry.seq} are not where the streams ended.")

    def check_event(self, event: Recorded, place: str) -> dict[str, Any]:
        """Header, columns, message code and body of one event; its header, parsed."""
        header = bytes(event.header)
        if not hmac.compare_digest(formats.message_code(self.mac_key, header), bytes(event.mac)):
            raise _Wrong(place, "The event's header was changed: its message code does not fit.")
        parsed: dict[str, Any] = orjson.loads(header)
        for name, value in copied(event).items():
            if parsed[name] != value:
                raise _Wrong(
                    place,
                    f"The event's column '{name}' was changed: it says {value!r}, the header "
                    f"{parsed[name]!r}.",
                )
        if event.frameworks != ",".join(parsed.get("frameworks", ())):
            raise _Wrong(place, "The event's column 'frameworks' was changed: the header says otherwise.")
        self.check_part(bodies.PAYLOAD, event, event.body_key, event.body_box, parsed, place)
        self.check_part(bodies.NAME, event, event.name_key, event.name_box, parsed, place)
        self.report.events += 1
        return parsed

    def check_part(
        self,
        part: bytes,
        event: Recorded,
        key: bytes | None,
        box: bytes | None,
        header: dict[str, Any],
        place: str,
    ) -> None:
        """Payload or name: there, opened by its key, and the one that the header committed to."""
        word = part.decode()
        if key is None or box is None:
            raise _Wrong(place, f"The event's {word} is missing, and no redaction explains it.")
        try:
            opened = bodies.unseal(part, event.pk.bytes, bodies.Sealed(key, box))
        except bodies.BoxDamaged as error:
            raise _Wrong(place, f"The event's {word} was changed: {error}") from error
        if opened is None:
            raise _Wrong(place, f"The key of the event's {word} is gone, and no erasure explains it.")
        if formats.commitment(part, *opened).hex() != header[word]:
            raise _Wrong(place, f"The event's {word} was changed: the header committed to another.")

    def check_checkpoint(self, checkpoint: Checkpoint) -> None:
        place = f"checkpoint {checkpoint.size}"
        root = self.tree.root()
        if bytes(checkpoint.root) != root:
            raise _Wrong(
                place, f"The first {checkpoint.size} entries do not have the root that was signed for them."
            )
        try:
            text = note.verify(checkpoint.note, self.key)
        except note.NoteError as error:
            raise _Wrong(place, f"The checkpoint of size {checkpoint.size}: {error}") from error
        if text != checkpoint_text(self.key.name, checkpoint.size, root):
            raise _Wrong(place, f"The checkpoint of size {checkpoint.size} signs something else.")
        self.report.checkpoints += 1

    def check_guard(self) -> None:
        if self.guard and self.guard.size == self.tree.size and self.guard.root != self.tree.root():
            raise _Wrong(
                f"entry {self.tree.size - 1}",
                f"The first {self.tree.size} entries are not those that {guard.path()} remembers: the ledger "
                "was rewritten.",
            )

    def check_nodes(self, nodes: dict[tuple[int, int], bytes]) -> None:
        stored: dict[tuple[int, int], bytes] = {}
        for level in {level for level, _ in nodes}:
            indexes = [index for at, index in nodes if at == level]
            rows = Node.objects.filter(level=level, index__range=(min(indexes), max(indexes)))
            stored |= {(level, index): bytes(value) for index, value in rows.values_list("index", "hash")}
        for position in sorted(nodes):
            if stored.get(position) != nodes[position]:
                level, index = position
                raise _Wrong(
                    f"node {level}/{index}",
                    f"The stored hash of entries {index << level} to {((index + 1) << level) - 1} is absent "
                    "or was changed.",
                )

    # --- What surrounds it ------------------------------------------------------------------------------
    def check_beyond(self) -> None:
        newest = Checkpoint.objects.order_by("-size").first()
        beyond = Entry.objects.filter(seq__gte=newest.size if newest else 0).order_by("seq").first()
        if beyond:
            raise _Wrong(f"entry {beyond.seq}", f"Entry {beyond.seq} is beyond the last signed checkpoint.")
        if self.guard and self.guard.size > self.size:
            raise _Wrong(
                f"entry {self.size}",
                f"The ledger ends at {self.size} entries, and {guard.path()} remembers {self.guard.size}: "
                "its end was cut off, or a backup was restored.",
            )

    def check_stream_heads(self) -> None:
        stored = {head.stream: head for head in StreamHead.objects.all()}
        self.report.streams = len(self.ends)
        for stream, (number, leaf) in self.ends.items():
            head = stored.pop(stream, None)
            if head and head.seq >= self.size:
                continue  # sealed while we were reading
            if head is None or (head.stream_seq, bytes(head.leaf)) != (number, leaf):
                raise _Wrong(f"stream {stream}", f"The stored end of stream {stream} is not number {number}.")
        for head in stored.values():
            if head.seq < self.size:
                raise _Wrong(f"stream {head.stream}", f"The stored end of stream {head.stream} is invented.")

    def check_pending(self) -> None:
        for event in _in_chunks(Event.objects.filter(pending__isnull=False, entry__isnull=True)):
            self.report.pending += 1
            self.check_event(event, f"event {event.pk}, not sealed yet")
        sealed = Pending.objects.filter(Exists(Entry.objects.filter(event_id=OuterRef("event_id")))).first()
        if sealed:
            raise _Wrong(f"event {sealed.event_id}", "A sealed event was put back among those that wait.")

    def check_unsealed(self) -> None:
        lost = Event.objects.filter(pending__isnull=True, entry__isnull=True).first()
        if lost:
            raise _Wrong(
                f"event {lost.pk}",
                "The event is neither sealed nor does it wait to be: its entry was removed.",
            )

    def check_orphans(self) -> None:
        models: tuple[type[Body | Pending], ...] = (Body, Pending)
        for model in models:
            event = Event.objects.filter(pk=OuterRef("event_id"))
            orphan = model.objects.filter(~Exists(event)).first()
            if orphan:
                raise _Wrong(f"event {orphan.event_id}", "The event was deleted; parts of it are left.")


def _sealed(start: int, end: int) -> Iterator[tuple[_Entry, Recorded | None]]:
    """The entries [start, end) in order, each with its event where it has one that is there."""
    width = len(_Entry._fields)
    rows = Entry.objects.filter(seq__range=(start, end - 1)).order_by("seq")
    for row in rows.values_list(*_Entry._fields, *(f"event__{name}" for name in _EVENT)):
        yield _Entry._make(row[:width]), Recorded._make(row[width:]) if row[width] is not None else None


def _in_chunks(events: QuerySet[Event]) -> Iterator[Recorded]:
    after = UUID(int=0)
    while chunk := list(events.filter(pk__gt=after).order_by("pk").values_list(*_EVENT)[:CHUNK]):
        yield from map(Recorded._make, chunk)
        after = chunk[-1][0]
