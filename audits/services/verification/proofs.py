"""What leaves the house: the proof of one event, and the comparison with a checkpoint that somebody kept."""

from dataclasses import dataclass
from uuid import UUID

from audits import formats, keys, note, selectors
from audits.errors import Conflict, NotFound, ServiceError
from audits.models import Checkpoint
from audits.services import sealing
from audits.services.verification.chain import check_signature
from audits.services.verification.inclusion import check_inclusion, lacking
from audits.services.verification.report import Wrong
from audits.services.verification.rows import of_event
from audits.tlog_proof import Proof, ProofError, signed
from audits.tree import check_consistency, leaf_hash


class Unsound(ServiceError):
    """The ledger is not what was signed: nothing is proved until somebody has looked at it."""

    code = "unsound"
    status = 409


class Unreadable(ServiceError):
    """What was given is not what it should be, or was signed by somebody else."""

    code = "unreadable"
    status = 422


@dataclass(frozen=True, slots=True)
class Proved:
    """The proof of one event, and the exact bytes of the entry that it proves."""

    proof: Proof
    entry: bytes
    size: int

    @property
    def leaf(self) -> bytes:
        return leaf_hash(self.entry)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A checkpoint that was kept against the ledger. `proof` shows that the ledger continues it."""

    kept: note.Checkpoint
    size: int
    root: bytes
    proof: tuple[bytes, ...]
    problem: str = ""

    @property
    def is_prefix(self) -> bool:
        return not self.problem


def prove(*, event_id: UUID) -> Proved:
    """The proof that an event is in the tree of the newest checkpoint.

    Raises:
        NotFound: there is no such event.
        Conflict: it waits to be sealed.
        Unsound: what is stored does not lead to the root that was signed.
    """
    entry, event = of_event(event_id)
    if event is None:
        raise NotFound(f"There is no event {event_id}.")
    checkpoint = Checkpoint.objects.order_by("-size").first()
    if entry is None or checkpoint is None:
        raise Conflict("The event waits to be sealed. Try again in a moment, or run `manage.py ledger seal`.")
    exact = formats.event_entry(event.header, entry.seal)
    try:
        path = check_inclusion(entry, leaf_hash(exact), checkpoint)
        check_signature(checkpoint, bytes(checkpoint.root))
    except Wrong as wrong:
        raise Unsound(f"At {wrong.place}: {wrong.problem}") from wrong
    return Proved(Proof(entry.seq, tuple(path), checkpoint.note), exact, checkpoint.size)


def compare(*, checkpoint: str) -> Comparison:
    """Whether the ledger continues the tree of a checkpoint that somebody kept.

    Raises:
        Unreadable: it is no checkpoint, or not signed with this ledger's key.
        Unsound: the ledger's own newest checkpoint is not that of its tree.
    """
    kept = _signed(checkpoint)
    newest = Checkpoint.objects.order_by("-size").first()
    if newest is None or kept.size > newest.size:
        size = newest.size if newest else 0
        return Comparison(
            kept,
            size,
            bytes(newest.root) if newest else b"",
            (),
            f"The ledger has {size} entries, and the checkpoint signs {kept.size}: its end was cut off, or a "
            "backup was restored.",
        )
    root = bytes(newest.root)
    try:
        check_signature(newest, sealing.stored_tree(newest.size).root())
        proof = tuple(selectors.consistency(kept.size, newest.size))
    except Wrong as wrong:
        raise Unsound(f"At {wrong.place}: {wrong.problem}") from wrong
    except KeyError as error:
        raise Unsound(f"{lacking(error)} Run `manage.py ledger verify`.") from error
    if check_consistency(kept.size, kept.root, newest.size, root, proof):
        return Comparison(kept, newest.size, root, proof)
    return Comparison(kept, newest.size, root, proof, _difference(kept))


def _signed(checkpoint: str) -> note.Checkpoint:
    """What a checkpoint says that one of the ledger's keys, of its size, has signed."""
    problem = "There is no key for it."
    try:
        size = note.Checkpoint.parse(note.text_of(checkpoint)).size
    except note.NoteError as error:
        raise Unreadable(f"{error} Give the whole file, as it was kept.") from error
    for key in reversed(keys.verifiers_for(size)):
        try:
            return signed(checkpoint, key)
        except ProofError as error:
            problem = str(error)
    raise Unreadable(f"{problem} Give the whole file, as it was kept.")


def _difference(kept: note.Checkpoint) -> str:
    try:
        ours = sealing.stored_tree(kept.size).root().hex()
    except sealing.SealingRefused as error:
        ours = f"none ({error.message})"
    return (
        f"The first {kept.size} entries are not those that the checkpoint signs: their root is {ours}, and "
        f"it signs {kept.root.hex()}. The ledger was rewritten, or the checkpoint is of another ledger."
    )
