"""The ledger from its bytes, all of it or from a signed checkpoint on."""

from collections.abc import Iterator
from datetime import datetime

from django.db import connection

from audits import guard, keys, triggers
from audits.errors import Invalid
from audits.models import Checkpoint, Entry, StreamHead, Tombstone
from audits.services import anchoring, history_verification, key_rotation, sealing
from audits.services.verification import parallel, surroundings
from audits.services.verification.absences import Absences, StreamPart
from audits.services.verification.again import unless_pruned
from audits.services.verification.chain import Chain, Ends, check_signature
from audits.services.verification.events import EventChecker
from audits.services.verification.report import MALFORMED, Progress, Report, Wrong, unexpected
from audits.tree import Growing

CHUNK = 1_000
SHOWN_TRIGGERS = 3


def verify(
    *,
    since: int | datetime | None = None,
    jobs: int | None = None,
    with_bodies: bool = True,
    progress: Progress | None = None,
) -> Report:
    """Recompute the ledger, and say in words what is wrong first, if anything is.

    With `since`, a sequence number or a time, it starts from the last signed checkpoint before that:
    what is older is believed as far as that checkpoint signs it. Without `with_bodies` the payloads
    and names stay unopened, and the report says so. `jobs` is the number of processes.

    Raises:
        audits.keys.KeysUnusable: without the keys nothing can be said.
        audits.guard.GuardUnreadable: nor without the memory outside.
        audits.errors.Invalid: nothing was sealed yet at `since`, or less than that number.
    """
    return unless_pruned(lambda: _verify(since=since, jobs=jobs, with_bodies=with_bodies, progress=progress))


def _verify(
    *, since: int | datetime | None, jobs: int | None, with_bodies: bool, progress: Progress | None
) -> Report:
    report = Report("whole" if since is None else "since", key=str(keys.ledger_verifier()))
    report.warnings += _lacking_triggers()
    # The memory outside is read first: the database can only be ahead of it.
    remembered = guard.remembered()
    last = Checkpoint.objects.order_by("-size").first()
    report.size = last.size if last else 0
    try:
        tree, ends = _start(since, report) if since is not None else (Growing(), {})
        chain = Chain(report, remembered, tree, ends)
        wanted = parallel.sensible_jobs(report.size - report.first) if jobs is None else jobs
        report.jobs = parallel.possible_jobs(wanted)
        _check_sealed(chain, report, with_bodies=with_bodies, progress=progress)
        report.root, report.streams = chain.tree.root().hex(), len(chain.ends)
        _check_surroundings(chain, report, remembered, with_bodies=with_bodies)
        _check_keys(report)
        _check_anchors(report)
    except Wrong as wrong:
        report.blame(wrong)
    except MALFORMED as error:
        report.blame(unexpected(f"entry {report.first + report.entries + report.pruned}", error))
    if not with_bodies:
        report.warnings.append("Payloads and names were not opened: only headers were verified.")
    return report


def _check_keys(report: Report) -> None:
    report.warnings += [
        f"After {gap.size} entries the chain of keys is broken: {gap.old.id} was replaced without its "
        f"signature ({gap.reason}). Who trusts it must get {gap.new.id} by another way."
        for gap in keys.breaks()
    ]
    report.warnings += key_rotation.unfinished()
    problem = next(iter(key_rotation.disagreements()), None)
    if problem:
        raise Wrong("keys", problem)


def _check_anchors(report: Report) -> None:
    """What is outside is asked again: it may remember another ledger than this one."""
    found = anchoring.examine()
    report.warnings += found.warnings
    if found.problems:
        raise Wrong("anchors", found.problems[0])


def _lacking_triggers() -> list[str]:
    absent = triggers.missing(connection)
    if not absent:
        return []
    names = ", ".join(absent[:SHOWN_TRIGGERS]) + (", …" if len(absent) > SHOWN_TRIGGERS else "")
    return [
        f"{len(absent)} triggers that keep the ledger append-only are off ({names}). Run `manage.py migrate`."
    ]


def _start(since: int | datetime, report: Report) -> tuple[Growing, Ends]:
    """The tree and the ends of the streams at the last signed checkpoint before `since`."""
    before = Checkpoint.objects.order_by("-size")
    if isinstance(since, datetime):
        found = before.filter(sealed_at__lt=since).first()
        report.subject = f"since {since.isoformat()}"
    else:
        if not 0 <= since <= report.size:
            raise Invalid(f"--since {since}: the ledger has {report.size} entries.")
        found = before.filter(size__lte=since).first()
        report.subject = f"since entry {since}"
    if found is None:
        return Growing(), {}
    report.first = found.size
    try:
        tree = sealing.stored_tree(found.size)
    except sealing.SealingRefused as error:
        raise Wrong(f"checkpoint {found.size}", error.message) from error
    check_signature(found, tree.root())
    return tree, ends_before(found.size)


def ends_before(size: int) -> Ends:
    """Where the streams ended after `size` entries, as the derived rows and the entries say.

    It is not believed: what follows must link to it, and the next heads entry must sign it.
    """
    ends: Ends = {}
    pruned = _first_pruned(size)
    for head in StreamHead.objects.all():
        if head.seq < size:
            ends[head.stream] = (head.stream_seq, bytes(head.leaf))
            continue
        next_one = Entry.objects.filter(stream=head.stream, seq__gte=size).order_by("stream_seq").first()
        part = pruned.get(head.stream)
        if part and (next_one is None or part.first < next_one.stream_seq):
            number, leaf = part.first - 1, part.previous
        else:
            number, leaf = (next_one.stream_seq - 1, bytes(next_one.previous)) if next_one else (0, b"")
        if number > 0:
            ends[head.stream] = (number, leaf)
    return ends


def _first_pruned(size: int) -> dict[str, StreamPart]:
    """What was pruned first of each stream from `size` on, as the sealed events say."""
    absences, parts = Absences(), dict[str, StreamPart]()
    for tombstone in Tombstone.objects.filter(low__gte=size).order_by("low"):
        for part in absences.segment(tombstone).streams:
            parts.setdefault(part.stream, part)
    return parts


def _check_sealed(chain: Chain, report: Report, *, with_bodies: bool, progress: Progress | None) -> None:
    absences = Absences()
    ranges: list[parallel.Range] = []

    def check_ranges() -> None:
        checked = parallel.check(ranges, jobs=report.jobs, with_bodies=with_bodies)
        for start, end, part in checked:
            chain.take(start, end, part)
            if progress:
                progress(chain.tree.size - report.first, report.size - report.first)
        ranges.clear()

    for tombstone in _plan(report.first, report.size, ranges):
        check_ranges()
        chain.skip(tombstone, absences)
    check_ranges()


def _plan(start: int, size: int, ranges: list[parallel.Range]) -> Iterator[Tombstone]:
    """Fill `ranges` with what is there, and stop at each segment that is said to be pruned."""
    for tombstone in Tombstone.objects.filter(low__gte=start, low__lt=size).order_by("low"):
        ranges += _cut(start, tombstone.low)
        yield tombstone
        start = tombstone.high
        if Entry.objects.filter(seq__range=(tombstone.low, tombstone.high - 1)).exists():
            raise Wrong(
                f"entry {tombstone.low}",
                f"The entries {tombstone.low} to {tombstone.high - 1} were pruned, and some are there.",
            )
    ranges += _cut(start, size)


def _cut(start: int, end: int) -> list[parallel.Range]:
    return [(low, min(low + CHUNK, end)) for low in range(start, end, CHUNK)]


def _check_surroundings(
    chain: Chain, report: Report, remembered: guard.Head | None, *, with_bodies: bool
) -> None:
    surroundings.check_beyond(report.size, remembered)
    surroundings.check_stream_heads(chain.ends, report.size)
    events = EventChecker(Absences(), with_bodies=with_bodies)
    report.pending = surroundings.check_pending(events)
    report.events += report.pending
    report.erased += events.erased
    if report.kind == "whole":
        surroundings.check_unsealed()
        surroundings.check_orphans()
        if with_bodies:
            _check_history()
    for subject in surroundings.keys_that_came_back():
        report.warnings.append(
            f"The key of {subject} was destroyed, and is there again. Remove it from the backups of keys."
        )


def _check_history() -> None:
    """Field history agrees with the events that commit to it; they were verified before."""
    for found in history_verification.problems():
        raise Wrong(found.place, found.problem)
