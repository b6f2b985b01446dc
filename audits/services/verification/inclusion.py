"""That one entry is in the tree that a checkpoint signs."""

from audits import selectors
from audits.models import Checkpoint
from audits.services.verification.report import Wrong
from audits.services.verification.rows import EntryRow
from audits.tree import root_from_path


def check_inclusion(entry: EntryRow, leaf: bytes, checkpoint: Checkpoint) -> list[bytes]:
    """The audit path from `leaf`, computed from the entry's bytes, to the root of `checkpoint`.

    Raises:
        Wrong: it leads elsewhere, or a stored node is gone.
    """
    place = f"entry {entry.seq}"
    if leaf != entry.leaf:
        raise Wrong(place, f"The leaf of entry {entry.seq} is not the hash of its bytes: one was changed.")
    try:
        path = selectors.inclusion(checkpoint.size, entry.seq)
    except KeyError as error:
        raise Wrong(place, lacking(error)) from error
    if root_from_path(checkpoint.size, entry.seq, leaf, path) != bytes(checkpoint.root):
        raise Wrong(place, f"Entry {entry.seq} is not in the tree that checkpoint {checkpoint.size} signs.")
    return path


def lacking(error: KeyError) -> str:
    """Which part of the stored tree a selector missed, in words."""
    level, index = error.args[0]
    if level == 0:
        return f"Entry {index} is missing: it was deleted, or renumbered."
    return f"The stored hash of entries {index << level} to {((index + 1) << level) - 1} is absent."
