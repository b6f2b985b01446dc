"""The ordered part of verification: the tree, the streams, the heads and what was signed of them."""

from audits import canonical, formats, guard, keys, note
from audits.models import Checkpoint, Node, Tombstone
from audits.services.sealing import checkpoint_text
from audits.services.verification.absences import Absences, Segment
from audits.services.verification.entries import Checked, Part, check_columns, check_leaf
from audits.services.verification.report import Report, Wrong
from audits.tree import Growing, leaf_hash, root_of

Ends = dict[str, tuple[int, bytes]]
"""Where each stream ends: the number of its last entry, and that one's leaf."""


class Chain:
    """Takes the entries in order, and holds nothing but the tree's peaks and where the streams end."""

    def __init__(self, report: Report, remembered: guard.Head | None, tree: Growing, ends: Ends) -> None:
        self.report, self.guard, self.tree, self.ends = report, remembered, tree, ends
        self.sealed_at = ""
        self._nodes: dict[tuple[int, int], bytes] = {}

    def take(self, start: int, end: int, part: Part) -> None:
        """The entries [start, end), as a worker found them.

        Raises:
            Wrong: the first thing that is wrong with them, in their order.
        """
        checkpoints = Checkpoint.objects.in_bulk(list(range(start + 1, end + 1)))
        entries = iter(part.entries)
        for seq in range(start, end):
            entry = next(entries, None)
            if entry is None and part.wrong:
                raise Wrong(*part.wrong)
            if entry is None or entry.seq != seq:
                raise Wrong(f"entry {seq}", f"Entry {seq} is missing: it was deleted, or renumbered.")
            self._check_place(entry)
            self._append(self.tree.append(entry.leaf))
            self.report.entries += 1
            self._check_guard()
            if seq + 1 in checkpoints:
                self.check_checkpoint(checkpoints[seq + 1])
        self.report.events += part.events
        self.report.erased += part.erased
        self._check_nodes()

    def skip(self, tombstone: Tombstone, absences: Absences) -> None:
        """Entries that were pruned: their root takes their place, and their streams go on after them."""
        segment = absences.segment(tombstone)
        place = f"entry {segment.low}"
        if self.tree.size != segment.low:
            raise Wrong(place, f"The pruned entries {segment.low} to {segment.high - 1} overlap others.")
        self._skip_streams(segment, place)
        if segment.level:
            self._nodes[segment.level, segment.low >> segment.level] = segment.root
        self._append(self.tree.append_subtree(segment.level, segment.root))
        self.report.pruned += segment.high - segment.low
        self._check_nodes()
        if checkpoint := Checkpoint.objects.filter(size=segment.high).first():
            self.check_checkpoint(checkpoint)

    def _skip_streams(self, segment: Segment, place: str) -> None:
        for part in segment.streams:
            number, leaf = self.ends.get(part.stream, (0, formats.EMPTY))
            if (part.first, part.previous) != (number + 1, leaf):
                raise Wrong(
                    place,
                    f"What was pruned of {part.stream} begins with number {part.first} and does not follow "
                    f"number {number}.",
                )
            self.ends[part.stream] = (part.last, part.leaf)

    def _check_place(self, entry: Checked) -> None:
        if entry.heads is not None:
            self._check_heads(entry, entry.heads)
            check_leaf(entry.seq, entry.leaf, entry.stored_leaf, entry.place)
            check_columns(entry.seq, entry.fits, entry.place)
        number, leaf = self.ends.get(entry.stream, (0, formats.EMPTY))
        if entry.number != number + 1 or entry.previous != leaf:
            raise Wrong(
                entry.place,
                f"Entry {entry.seq} is number {entry.number} of {entry.stream} and does not follow number "
                f"{number}: something was removed, inserted or reordered.",
            )
        if entry.sealed_at < self.sealed_at:
            raise Wrong(entry.place, f"Entry {entry.seq} was sealed before the entry before it.")
        self.sealed_at = entry.sealed_at
        self.ends[entry.stream] = (entry.number, entry.leaf)

    def _check_heads(self, entry: Checked, heads: bytes) -> None:
        if heads != heads_of(self.ends):
            raise Wrong(
                entry.place, f"The heads sealed in entry {entry.seq} are not where the streams ended."
            )

    def check_checkpoint(self, checkpoint: Checkpoint) -> None:
        """That it was signed, over this tree."""
        check_signature(checkpoint, self.tree.root())
        self.report.checkpoints += 1

    def _check_guard(self) -> None:
        if self.guard and self.guard.size == self.tree.size and self.guard.root != self.tree.root():
            raise Wrong(
                f"entry {self.tree.size - 1}",
                f"The first {self.tree.size} entries are not those that {guard.path()} remembers: the ledger "
                "was rewritten.",
            )

    def _append(self, completed: list[tuple[int, int, bytes]]) -> None:
        for level, index, value in completed:
            self._nodes[level, index] = value

    def _check_nodes(self) -> None:
        stored: dict[tuple[int, int], bytes] = {}
        for level in {level for level, _ in self._nodes}:
            indexes = [index for at, index in self._nodes if at == level]
            rows = Node.objects.filter(level=level, index__range=(min(indexes), max(indexes)))
            stored |= {(level, index): bytes(value) for index, value in rows.values_list("index", "hash")}
        for position in sorted(self._nodes):
            if stored.get(position) != self._nodes[position]:
                level, index = position
                raise Wrong(
                    f"node {level}/{index}",
                    f"The stored hash of entries {index << level} to {((index + 1) << level) - 1} is absent "
                    "or was changed.",
                )
        self._nodes.clear()


def heads_of(ends: Ends) -> bytes:
    """What a heads entry says where the streams end so."""
    lines = sorted(
        formats.heads_line(stream, number, leaf)
        for stream, (number, leaf) in ends.items()
        if stream != formats.HEADS_STREAM
    )
    return canonical.dumps({"count": len(lines), "root": root_of(map(leaf_hash, lines)).hex()})


def check_signature(checkpoint: Checkpoint, root: bytes) -> None:
    """
    Raises:
        Wrong: the checkpoint is not that of this root, or was not signed by the ledger's key.
        audits.keys.KeysUnusable: there is no key to check it with.
    """
    place = f"checkpoint {checkpoint.size}"
    if bytes(checkpoint.root) != root:
        raise Wrong(
            place, f"The first {checkpoint.size} entries do not have the root that was signed for them."
        )
    known = keys.verifiers_for(checkpoint.size)
    try:
        text = note.verify_each(checkpoint.note, known)
    except note.NoteError as error:
        raise Wrong(place, f"The checkpoint of size {checkpoint.size}: {error}") from error
    if text != checkpoint_text(known[0].name, checkpoint.size, root):
        raise Wrong(place, f"The checkpoint of size {checkpoint.size} signs something else.")
