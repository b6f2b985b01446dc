"""One event, or one checkpoint, by itself: what the button "Verify this" does."""

from uuid import UUID

from audits import keys
from audits.errors import NotFound
from audits.models import Checkpoint
from audits.services import sealing
from audits.services.verification.absences import Absences
from audits.services.verification.chain import check_signature
from audits.services.verification.entries import check_entry
from audits.services.verification.events import EventChecker
from audits.services.verification.inclusion import check_inclusion
from audits.services.verification.report import MALFORMED, Report, Wrong, unexpected
from audits.services.verification.rows import EntryRow, EventRow, of_event


def verify_event(*, event_id: UUID) -> Report:
    """Recompute one event: header, copies, payload and name, leaf, path, root and signature.

    Raises:
        NotFound: there is no such event.
        audits.keys.KeysUnusable: without the keys nothing can be said.
    """
    entry, event = of_event(event_id)
    if event is None:
        raise NotFound(f"There is no event {event_id}.")
    report = Report("event", subject=f"event/{event_id}", key=str(keys.ledger_verifier()))
    place = f"entry {entry.seq}, event {event_id}" if entry else f"event {event_id}, not sealed yet"
    try:
        _check_event(entry, event, report, place)
    except Wrong as wrong:
        report.blame(wrong)
    except MALFORMED as error:
        report.blame(unexpected(place, error))
    return report


def _check_event(entry: EntryRow | None, event: EventRow, report: Report, place: str) -> None:
    events = EventChecker(Absences())
    if entry is None:
        events.check(event, place)
        report.pending = 1
        report.warnings.append("The event waits to be sealed: it has no place in the tree yet.")
    else:
        checked = check_entry(entry, event, events, place)
        checkpoint = Checkpoint.objects.order_by("-size").first()
        if checkpoint is None or checkpoint.size <= entry.seq:
            raise Wrong(place, f"Entry {entry.seq} is beyond the last signed checkpoint.")
        check_inclusion(entry, checked.leaf, checkpoint)
        check_signature(checkpoint, bytes(checkpoint.root))
        report.first, report.size, report.entries, report.checkpoints = entry.seq, checkpoint.size, 1, 1
        report.root = bytes(checkpoint.root).hex()
    report.events, report.erased = events.events, events.erased


def verify_checkpoint(*, size: int) -> Report:
    """Recompute the root of one checkpoint from the stored tree, and check who signed it.

    Raises:
        NotFound: there is no such checkpoint.
        audits.keys.KeysUnusable: without the keys nothing can be said.
    """
    checkpoint = Checkpoint.objects.filter(size=size).first()
    if checkpoint is None:
        raise NotFound(f"There is no checkpoint of size {size}.")
    report = Report("checkpoint", f"checkpoint/{size}", size=size, key=str(keys.ledger_verifier()))
    try:
        root = sealing.stored_tree(size).root()
        check_signature(checkpoint, root)
        report.root, report.checkpoints = root.hex(), 1
    except sealing.SealingRefused as error:
        report.blame(Wrong(f"checkpoint {size}", error.message))
    except Wrong as wrong:
        report.blame(wrong)
    return report
