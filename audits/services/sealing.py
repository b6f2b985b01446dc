"""Sealing: what has been recorded gets its place in the tree, and the tree gets signed.

One sealer at a time, one transaction a batch. Only after its commit does anything leave the database.
"""

import base64
import hmac
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection, transaction

from audits import bodies, canonical, explaining, formats, guard, keys, note
from audits.actor import Actor
from audits.errors import ServiceError
from audits.models import Checkpoint, Entry, Event, Node, Pending, StreamHead
from audits.tree import Growing, leaf_hash, peaks, root_of

BATCH = 2_000
INLINE_SECONDS = 0.05
INLINE_REST = 9
HEADS_EVERY = timedelta(days=1)
ADVISORY_LOCK = 0x636F756E746572  # "counter"
SEALER = Actor.system("sealer")

logger = logging.getLogger(__name__)


class SealingRefused(ServiceError):
    """Signing now would hide that something is wrong. Nothing was sealed; events wait in `pending`."""

    code = "sealing_refused"
    status = 503


def seal() -> int:
    """Seal what is pending; the number of entries sealed, 0 if another sealer is at it.

    Raises:
        SealingRefused: the ledger is not what it was, or a pending event was changed.
        KeysUnusable: the keys cannot be read.
    """
    total = 0
    while True:
        with transaction.atomic():
            sealed = _append_pending() if _is_sole_sealer(wait=False) else 0
        total += sealed
        if sealed < BATCH:
            return total


def seal_heads() -> Entry:
    """Seal what is pending, then where every stream ends: what follows proves that nothing was cut off.

    Waits for another sealer. Raises as `seal` does.
    """
    with transaction.atomic():
        _is_sole_sealer(wait=True)
        while _append_pending() == BATCH:
            pass
        batch = _Batch.begin()
        lines = sorted(formats.heads_line(*where) for where in _checked_heads())
        heads = canonical.dumps({"count": len(lines), "root": root_of(map(leaf_hash, lines)).hex()})
        batch.know([formats.HEADS_STREAM])
        batch.add(formats.HEADS_STREAM, event_id=None, content=heads)
        batch.commit()
        return Entry.objects.get(seq=batch.tree.size - 1)


def seal_alone(*, make: Callable[[int], Event], signers: Sequence[note.Signer]) -> Checkpoint:
    """Seal one event in a checkpoint of its own that `signers` sign, the one that signs from now on first.

    For the change of the seal key, inside its transaction: `make` records the event and gets the size
    that the checkpoint will have. Waits for another sealer. Raises as `seal` does.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("seal_alone() belongs inside the transaction of the change that it seals.")
    _is_sole_sealer(wait=True)
    batch = _Batch.begin(signers)
    event = make(batch.tree.size + 1)
    header = bytes(event.header)
    stream = _checked_stream(event.pk, header, bytes(event.mac))
    batch.know([stream])
    batch.add(stream, event_id=event.pk, content=header)
    batch.commit()
    Pending.objects.filter(event=event).delete()
    return Checkpoint.objects.get(size=batch.tree.size)


def seal_heads_if_due() -> Entry | None:
    """Seal the heads where the last ones are a day old. Raises as `seal` does."""
    last = Entry.objects.filter(stream=formats.HEADS_STREAM).order_by("-stream_seq").first()
    if last and datetime.now(UTC) - last.sealed_at < HEADS_EVERY:
        return None
    return seal_heads()


def after_commit() -> None:
    """Inline mode: seal once the current transaction has committed, at most every 50 ms a process.

    Then it rests nine times as long as sealing took: it never takes more than a tenth of a process.

    An error is logged and changes nothing for the caller: the events wait.
    """
    if settings.LEDGER_SEAL_INLINE:
        transaction.on_commit(_inline.seal, robust=True)


class _Inline:
    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._ended = self._took = 0.0

    def seal(self) -> None:
        if not self._turn.acquire(blocking=False):
            return
        try:
            began = time.monotonic()
            if began - self._ended >= max(INLINE_SECONDS, INLINE_REST * self._took):
                try:
                    seal()
                finally:
                    self._ended = time.monotonic()
                    self._took = self._ended - began
        finally:
            self._turn.release()


_inline = _Inline()


def _is_sole_sealer(*, wait: bool) -> bool:
    """Take the sealers' lock until the transaction ends.

    It is a statement of its own, before the head is read: in one statement with it, or in a
    transaction that keeps an older snapshot, two sealers would continue from the same head. On SQLite
    the transaction itself is the lock: it begins IMMEDIATE.
    """
    if connection.vendor != "postgresql":
        return True
    function = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s), current_setting('transaction_isolation')", [ADVISORY_LOCK])
        locked, isolation = cursor.fetchone()
    if isolation != "read committed":
        raise SealingRefused(f"Sealing needs READ COMMITTED; this transaction is {isolation.upper()}.")
    return wait or bool(locked)


class _End(NamedTuple):
    """Where a stream ends: the number of its last entry, that entry's index, and its leaf."""

    number: int
    seq: int
    leaf: bytes


@dataclass
class _Batch:
    """The entries of one checkpoint, in the making: as rows, for there may be thousands."""

    signers: Sequence[note.Signer]
    tree: Growing
    now: datetime
    ends: dict[str, _End] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    entries: list[tuple[Any, ...]] = field(default_factory=list)
    nodes: list[tuple[int, int, bytes]] = field(default_factory=list)

    @classmethod
    def begin(cls, signers: Sequence[note.Signer] = ()) -> "_Batch":
        """Continue from the last checkpoint, once it has been checked against all we remember.

        `signers` are given where the key changes; otherwise it is the one whose turn it is.
        """
        last = Checkpoint.objects.order_by("-size").first()
        tree = _checked_tree(last)
        if not signers:
            signers = [keys.seal()]
            _check_turn(last, signers[0].verifier, tree.size)
        _check_guard(guard.remembered(), tree)
        now = datetime.now(UTC)
        return cls(signers, tree, max(now, last.sealed_at) if last else now)

    def know(self, streams: Iterable[str]) -> None:
        """Load where these streams end."""
        found = StreamHead.objects.in_bulk(list(streams))
        _check_heads(found.values())
        self.ends.update(
            {name: _End(head.stream_seq, head.seq, bytes(head.leaf)) for name, head in found.items()}
        )

    def add(self, stream: str, *, event_id: UUID | None, content: bytes) -> None:
        """An event by its header, or the heads, which have no event."""
        last = self.ends.get(stream, _End(0, 0, formats.EMPTY))
        seq, number = self.tree.size, last.number + 1
        seal = formats.seal_bytes(seq=seq, stream_seq=number, previous=last.leaf, sealed_at=self.now)
        exact = formats.event_entry if event_id else formats.heads_entry
        leaf = leaf_hash(exact(content, seal))
        heads = None if event_id else content
        self.entries.append((seq, event_id, heads, seal, stream, number, last.leaf, self.now, leaf))
        self.nodes += self.tree.append(leaf)
        self.ends[stream] = _End(number, seq, leaf)
        self.touched.add(stream)

    def commit(self) -> None:
        """Write it all, sign the tree, and remember its head outside once the transaction has committed."""
        _insert(Entry, self.entries)
        _insert(Node, self.nodes)
        StreamHead.objects.bulk_create(
            [
                StreamHead(stream=stream, stream_seq=end.number, seq=end.seq, leaf=end.leaf)
                for stream, end in self.ends.items()
                if stream in self.touched
            ],
            update_conflicts=True,
            unique_fields=["stream"],
            update_fields=["stream_seq", "seq", "leaf"],
        )
        head = guard.Head(self.tree.size, self.tree.root())
        Checkpoint.objects.create(
            size=head.size,
            root=head.root,
            note=note.sign(checkpoint_text(self.signers[0].name, head.size, head.root), *self.signers),
            key_id=self.signers[0].verifier.id,
            sealed_at=self.now,
        )
        transaction.on_commit(lambda: _remember(head))


def _insert(model: type[Entry | Node], rows: Sequence[tuple[Any, ...]]) -> None:
    """Rows with a value for each column, past the ORM, which would take most of the time of sealing."""
    fields = model._meta.concrete_fields  # noqa: SLF001 - Django's documented Model._meta API
    table, columns = model._meta.db_table, ", ".join(f'"{field.column}"' for field in fields)  # noqa: SLF001
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            return
        places = ", ".join(["%s"] * len(fields))
        prepare = [field.get_db_prep_save for field in fields]
        cursor.executemany(
            f"INSERT INTO {table} ({columns}) VALUES ({places})",  # noqa: S608 - our own names
            [[to_db(value, connection) for to_db, value in zip(prepare, row, strict=True)] for row in rows],
        )


def _append_pending() -> int:
    """Seal up to a batch of pending events, in the order in which they were recorded."""
    waiting = list(
        Pending.objects.order_by("id").values_list("id", "event_id", "event__header", "event__mac")[:BATCH]
    )
    if not waiting:
        return 0
    batch = _Batch.begin()
    events = [
        (_checked_stream(event_id, bytes(header), bytes(mac)), event_id, bytes(header))
        for _, event_id, header, mac in waiting
    ]
    batch.know({stream for stream, _, _ in events})
    for stream, event_id, header in events:
        batch.add(stream, event_id=event_id, content=header)
    batch.commit()
    Pending.objects.filter(pk__in=[pending for pending, *_ in waiting]).delete()
    return len(waiting)


def exact_bytes(entry: Entry) -> bytes:
    """What the leaf of `entry` is the hash of."""
    if entry.event is None:
        return formats.heads_entry(bytes(entry.heads or b""), bytes(entry.seal))
    return formats.event_entry(bytes(entry.event.header), bytes(entry.seal))


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """The text of a C2SP checkpoint (c2sp.org/tlog-checkpoint)."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def stored_tree(size: int) -> Growing:
    """The tree of the first `size` entries, from the stored nodes.

    Raises:
        SealingRefused: a node is absent.
    """
    wanted = peaks(size)
    stored = Node.objects.filter(pk__in=[position for position in wanted if position[0]])
    hashes = {(node.level, node.index): bytes(node.hash) for node in stored}
    if size & 1 and (last := Entry.objects.filter(seq=size - 1).first()):
        hashes[0, size - 1] = bytes(last.leaf)
    if len(hashes) != len(wanted):
        raise SealingRefused(
            f"Parts of the tree of {size} entries are absent. Run `manage.py ledger verify`; restore the "
            "database from a backup."
        )
    return Growing(size, [hashes[position] for position in wanted])


def _checked_tree(last: Checkpoint | None) -> Growing:
    size = last.size if last else 0
    tree = stored_tree(size)
    mend = "Run `manage.py ledger verify`; restore the database from a backup."
    if Entry.objects.filter(seq__gte=size).exists():
        raise SealingRefused(f"There are entries beyond the last checkpoint, of size {size}. {mend}")
    if last is None:
        return tree
    if tree.root() != bytes(last.root):
        raise SealingRefused(
            f"The tree does not have the root of its last checkpoint, of size {size}. {mend}"
        )
    known = keys.verifiers_for(size)
    try:
        signed = note.verify_each(last.note, known)
    except note.NoteError as error:
        raise SealingRefused(
            f"The last checkpoint, of size {size}, was not signed with the key in use: {error} Put back the "
            "key with which this ledger was sealed; if a change of keys was interrupted, run it again."
        ) from error
    if signed != checkpoint_text(known[0].name, size, tree.root()):
        raise SealingRefused(f"The last checkpoint, of size {size}, does not sign this tree. {mend}")
    return tree


def _check_turn(last: Checkpoint | None, key: note.VerifierKey, size: int) -> None:
    """
    Raises:
        SealingRefused: the key was changed, and this machine or this database is from before that.
    """
    if last and last.key_id != key.id and last.key_id not in [span.key.id for span in keys.spans()]:
        raise SealingRefused(
            f"The ledger's key was changed to {last.key_id} at {size} entries, and this machine still holds "
            f"{key.id}. Run `manage.py keys rotate` on the machine where that began, then copy its keys here."
        )
    if keys.verifiers_for(size + 1) != [key]:
        raise SealingRefused(
            f"The database ends at {size} entries, before the key {key.id} began to sign: an older backup "
            "was restored. Declare it, then run `manage.py keys replace --reason TEXT` (see docs/keys.md)."
        )


def _check_guard(remembered: guard.Head | None, tree: Growing) -> None:
    """
    Raises:
        SealingRefused: the database is behind what this machine has sealed, or differs from it.
    """
    if remembered is None:
        return
    mend = (
        "If somebody restored a backup on purpose, compare it with a checkpoint kept elsewhere and declare "
        "it with `manage.py ledger declare --reason TEXT`; otherwise restore the newest backup."
    )
    if remembered.size > tree.size:
        raise SealingRefused(
            f"The database is behind: it ends at entry {tree.size}, and {guard.path()} remembers "
            f"{remembered.size}. Nothing is sealed. {mend}"
        )
    then = tree if remembered.size == tree.size else stored_tree(remembered.size)
    if then.root() != remembered.root:
        raise SealingRefused(
            f"The first {remembered.size} entries are not those that {guard.path()} remembers. Nothing is "
            f"sealed. {mend}"
        )


def _checked_stream(event_id: UUID, header: bytes, mac: bytes) -> str:
    """The stream that the header names, once the header is known to be what was recorded."""
    if not any(hmac.compare_digest(formats.message_code(key, header), mac) for key in keys.macs()):
        raise SealingRefused(
            f"Event {event_id} was changed after it was recorded: its message code does not fit. Nothing is "
            "sealed until its row has been put back from a backup."
        )
    return str(orjson.loads(header)["stream"])


def _checked_heads() -> list[tuple[str, int, bytes]]:
    """(stream, last number, its leaf) of every stream but that of the heads entries themselves."""
    heads = list(StreamHead.objects.exclude(stream=formats.HEADS_STREAM))
    _check_heads(heads)
    return [(head.stream, head.stream_seq, bytes(head.leaf)) for head in heads]


def _check_heads(heads: Iterable[StreamHead]) -> None:
    """
    Raises:
        SealingRefused: a derived row does not fit the entry it was derived from.
    """
    known = list(heads)
    for start in range(0, len(known), BATCH):
        part = known[start : start + BATCH]
        entries = Entry.objects.defer("seal", "heads").in_bulk([head.seq for head in part])
        for head in part:
            if not (_fits(head, entries.get(head.seq)) or _was_pruned(head)):
                raise SealingRefused(
                    f"The stored end of stream {head.stream} does not fit entry {head.seq}. Run `manage.py "
                    "ledger verify`; restore the database from a backup."
                )


def _fits(head: StreamHead, entry: Entry | None) -> bool:
    return entry is not None and (entry.stream, entry.stream_seq, bytes(entry.leaf)) == (
        head.stream,
        head.stream_seq,
        bytes(head.leaf),
    )


def _was_pruned(head: StreamHead) -> bool:
    """Whether its entry went with a segment, the event of which says that the stream ended there so."""
    try:
        return explaining.ends_in(head.seq).get(head.stream) == (head.stream_seq, bytes(head.leaf))
    except (explaining.Unexplained, bodies.BoxDamaged):
        return False


def _remember(head: guard.Head) -> None:
    """Tell the guard. It cannot undo the commit: where it cannot be told, somebody must hear of it."""
    try:
        known = guard.remembered()
        if known is None or known.size < head.size:
            guard.remember(head)
    except (OSError, guard.GuardUnreadable) as error:
        logger.error("The guard was not told of %d entries: %s", head.size, error)  # noqa: TRY400 - its sentence says it all
