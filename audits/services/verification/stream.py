"""Every entry of one stream: that none is missing, and that each is in the signed tree."""

from collections.abc import Iterator

from audits import formats, keys, selectors
from audits.errors import NotFound
from audits.models import Checkpoint, Entry, StreamHead, Tombstone
from audits.services.verification.absences import Absences, StreamPart
from audits.services.verification.again import unless_pruned
from audits.services.verification.chain import check_signature
from audits.services.verification.entries import check_entry, check_leaf
from audits.services.verification.events import EventChecker
from audits.services.verification.inclusion import check_inclusion, lacking
from audits.services.verification.report import MALFORMED, Progress, Report, Wrong, unexpected
from audits.services.verification.rows import EntryRow, between, of_stream
from audits.tree import leaf_hash, root_from_gaps, root_of

CHUNK = 1_000


def verify_stream(*, stream: str, with_bodies: bool = True, progress: Progress | None = None) -> Report:
    """All entries of `stream`: numbered without a gap, linked, and in the tree of the last checkpoint.

    That it ends where it ends is proved by the last heads entry, and by the derived row from there on.

    Raises:
        NotFound: nothing was sealed in such a stream.
        audits.keys.KeysUnusable: without the keys nothing can be said.
    """
    return unless_pruned(lambda: _verify(stream, with_bodies=with_bodies, progress=progress))


def _verify(stream: str, *, with_bodies: bool, progress: Progress | None) -> Report:
    report = Report("stream", subject=stream, key=str(keys.ledger_verifier()), streams=1)
    last = Checkpoint.objects.order_by("-size").first()
    head = StreamHead.objects.filter(stream=stream).first()
    if last is None or head is None:
        raise NotFound(f"Nothing was sealed in the stream {stream!r}; name one such as agent/<id> or system.")
    report.size = last.size
    try:
        _Stream(report, last, head, progress, with_bodies=with_bodies).check()
    except Wrong as wrong:
        report.blame(wrong)
    except MALFORMED as error:
        report.blame(unexpected(f"stream {stream}, number {report.entries + 1}", error))
    if not with_bodies:
        report.warnings.append("Payloads and names were not opened: only headers were verified.")
    return report


class _Stream:
    def __init__(
        self,
        report: Report,
        checkpoint: Checkpoint,
        head: StreamHead,
        progress: Progress | None,
        *,
        with_bodies: bool,
    ) -> None:
        self.report, self.checkpoint, self.head, self.progress = report, checkpoint, head, progress
        self.absences = Absences()
        self.events = EventChecker(self.absences, with_bodies=with_bodies)
        self.stream = report.subject
        self.number, self.leaf = 0, formats.EMPTY
        self.seq = -1
        all_heads = Entry.objects.filter(stream=formats.HEADS_STREAM, seq__lt=checkpoint.size)
        heads = all_heads.order_by("-stream_seq").first()  # those that this checkpoint signs
        self.heads_seq = heads.seq if heads else -1
        self.at_heads: tuple[int, bytes] | None = None

    def check(self) -> None:
        size = self.checkpoint.size
        leaves = self._leaves()
        seqs = self._places()
        try:
            root = root_from_gaps(size, leaves, selectors.proof_hashes(size, seqs))
        except KeyError as error:
            raise Wrong(f"stream {self.stream}", lacking(error)) from error
        if root != bytes(self.checkpoint.root):
            raise Wrong(
                f"stream {self.stream}",
                f"Its entries are not those of the tree that checkpoint {size} signs.",
            )
        check_signature(self.checkpoint, root)
        self.report.root, self.report.checkpoints = root.hex(), 1
        self._check_end()
        self.report.events, self.report.erased = self.events.events, self.events.erased

    def _places(self) -> Iterator[int]:
        """Where its entries are, as stored: the leaves that come with them must fit there."""
        rows = Entry.objects.filter(stream=self.stream, seq__lt=self.checkpoint.size).order_by("stream_seq")
        return rows.values_list("seq", flat=True).iterator(CHUNK)

    def _leaves(self) -> Iterator[tuple[int, bytes]]:
        pruned = self._pruned()
        while True:
            if part := pruned.pop(self.number + 1, None):
                self._skip(part)
                continue
            end = min((first for first in pruned if first > self.number), default=self.number + 1 + CHUNK)
            rows = of_stream(self.stream, self.number + 1, min(end, self.number + 1 + CHUNK))
            if not rows:
                return
            for entry, event in rows:
                if entry.seq >= self.checkpoint.size:
                    return
                place = f"entry {entry.seq}" + (f", event {event.id}" if event else "")
                leaf = check_entry(entry, event, self.events, place).leaf
                check_leaf(entry.seq, leaf, entry.leaf, place)
                self._follow(entry, place)
                yield entry.seq, leaf
            if self.progress:
                self.progress(self.report.entries, self.head.stream_seq)

    def _follow(self, entry: EntryRow, place: str) -> None:
        if (entry.number, entry.previous) != (self.number + 1, self.leaf) or entry.seq <= self.seq:
            raise Wrong(
                place,
                f"Entry {entry.seq} is number {entry.number} of {self.stream} and does not follow number "
                f"{self.number}: something was removed, inserted or reordered.",
            )
        if entry.seq > self.heads_seq and self.at_heads is None:
            self.at_heads = (self.number, self.leaf)
        self.number, self.leaf, self.seq = entry.number, entry.leaf, entry.seq
        self.report.entries += 1

    def _pruned(self) -> dict[int, StreamPart]:
        """What was pruned of the stream, by the number with which it begins."""
        segments = map(self.absences.segment, Tombstone.objects.order_by("low"))
        return {
            part.first: part for segment in segments for part in segment.streams if part.stream == self.stream
        }

    def _skip(self, part: StreamPart) -> None:
        if part.previous != self.leaf:
            raise Wrong(
                f"stream {self.stream}",
                f"What was pruned from number {part.first} on does not follow number {self.number}.",
            )
        self.number, self.leaf = part.last, part.leaf
        self.report.pruned += part.last - part.first + 1

    def _check_end(self) -> None:
        """Nothing was cut off: the signed heads know where it was, the derived row where it is."""
        if self.stream != formats.HEADS_STREAM and self.heads_seq >= 0:
            self._check_signed_end(self.at_heads or (self.number, self.leaf))
        head = self.head
        if head.seq < self.checkpoint.size and (head.stream_seq, bytes(head.leaf)) != (
            self.number,
            self.leaf,
        ):
            raise Wrong(
                f"stream {self.stream}",
                f"It ends at number {self.number}, and its stored end is number {head.stream_seq}.",
            )

    def _check_signed_end(self, end: tuple[int, bytes]) -> None:
        position = selectors.last_position()
        if position is None or position.heads.seq != self.heads_seq:
            return  # others were sealed in the meantime; the derived row speaks for the end
        ends = {stream: (number, leaf) for stream, number, leaf in selectors.ends_at(position)}
        lines = sorted(formats.heads_line(stream, *where) for stream, where in ends.items())
        said = bytes(position.heads.heads or b"")
        entry, _ = between(self.heads_seq, self.heads_seq + 1)[0]
        check_inclusion(entry, leaf_hash(formats.heads_entry(said, entry.seal)), self.checkpoint)
        if root_of(map(leaf_hash, lines)).hex().encode() not in said:
            raise Wrong(
                f"entry {self.heads_seq}",
                f"The heads sealed in entry {self.heads_seq} are not where the streams ended.",
            )
        if ends.get(self.stream, (0, formats.EMPTY)) != end:
            raise Wrong(
                f"stream {self.stream}",
                f"It ended at number {end[0]} when entry {self.heads_seq} was sealed, and the signed heads "
                "say otherwise: its end was cut off.",
            )
