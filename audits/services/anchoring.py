"""Anchors: checkpoints are published where an administrator of the database has no hand, and checked there.

Only what has been committed goes out, each sink by itself: one that fails hurts no other, nothing waits
for any of them. Publishing writes no event, for that would be sealed, and published, without end.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import orjson
from django.conf import settings
from django.db import transaction
from django.utils.module_loading import import_string

from audits import note, permissions, selectors
from audits.actor import Actor
from audits.anchors import address
from audits.anchors.base import AnchorUnavailable, AnchorWrong, CannotReadBack, Published, Seen, Sink
from audits.choices import Action, AnchorLevel, AnchorState, Outcome
from audits.errors import Conflict, Denied, Invalid
from audits.models import Anchor, Checkpoint
from audits.operator_http import AddressRefused
from audits.services import sealing
from audits.services.ledger import record
from audits.tree import EMPTY_ROOT

ANCHORER = Actor.system("anchorer")
NEWEST, SPREAD, CHUNK = 10, 10, 500

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """How one sink stands, from what is known here: nothing is asked."""

    sink: str
    level: AnchorLevel
    size: int
    """Entries of the newest checkpoint that it has; 0 where it has none."""
    anchored_at: datetime | None
    is_late: bool
    wrong: str
    """What it was found to contradict; empty where nothing."""
    error: str
    """Why the last attempt failed; empty where it did not."""
    anchor: Anchor | None

    @property
    def is_missing(self) -> bool:
        """Late, and nothing was ever published there."""
        return self.is_late and self.anchored_at is None


@dataclass(frozen=True, slots=True)
class Examination:
    """`problems` contradict the ledger; `warnings` are what could not be found out, or is late."""

    problems: list[str]
    warnings: list[str]


def publish() -> list[Anchor]:
    """Publish the newest checkpoint to every sink that does not have it yet; what became of each.

    Call it outside any transaction: what goes out must have been committed.

    Raises:
        Invalid: COUNTERSIGN_ANCHORS is not understood.
    """
    newest = Checkpoint.objects.order_by("-size").first()
    if newest is None:
        return []
    return [anchor for sink in sinks() if (anchor := _publish(sink, newest)) is not None]


def check(*, actor: Actor, anchor: Anchor) -> Anchor:
    """Ask again whether what was published is still out there and is the ledger's; recorded.

    Raises:
        Denied: the actor may not see anchors.
        Invalid: it was never anchored, or its sink is not in the settings any more.
        Conflict: the sink cannot be asked.
    """
    if reason := permissions.why_no_anchor_check(actor):
        _record_check(actor, anchor, Outcome.DENIED, {"reason": reason})
        raise Denied(reason)
    if anchor.state != AnchorState.ANCHORED:
        raise Invalid("It was not anchored, so there is nothing to check. `manage.py ledger anchor` tries.")
    sink = next((sink for sink in sinks() if sink.name == anchor.sink), None)
    if sink is None:
        raise Invalid(f"{anchor.sink} is not in COUNTERSIGN_ANCHORS any more: add it to check there again.")
    try:
        _check(sink, anchor)
    except (AnchorUnavailable, CannotReadBack) as error:
        _record_check(actor, anchor, Outcome.FAILED, {"problem": str(error)})
        raise Conflict(f"It could not be checked. {error}") from error
    outcome = Outcome.FAILED if anchor.check_problem else Outcome.SUCCESS
    _record_check(actor, anchor, outcome, {"problem": anchor.check_problem})
    return anchor


def examine(progress: Callable[[str], None] = lambda _sink: None, *, everything: bool = False) -> Examination:
    """Compare the ledger with what its anchors say: all that each sink lists, and the receipts held here.

    Of the receipts the newest and some spread over the past are checked, with `everything` each one: a
    root covers all before it, so a rewritten entry contradicts every anchor after it. `progress` gets
    the name of each sink before it is asked.
    """
    found = Examination([], [])
    try:
        known = sinks()
    except Invalid as error:
        return Examination([], [str(error)])
    newest = Checkpoint.objects.order_by("-size").first()
    for sink in known:
        progress(sink.name)
        for ask in (partial(_survey, sink, newest), partial(_recheck, sink, everything=everything)):
            try:
                found.problems.extend(ask())
            except AnchorWrong as error:
                found.problems.append(f"{sink.name}: {error}")
            except AnchorUnavailable as error:
                found.warnings.append(f"{sink.name} could not be asked: {error}")
            except CannotReadBack:
                continue  # not a defect of the sink: its kind keeps nothing
    found.warnings.extend(_lateness())
    return Examination(list(dict.fromkeys(found.problems)), list(dict.fromkeys(found.warnings)))


def problems() -> list[str]:
    """Where the anchors contradict the ledger, in sentences; asks each sink."""
    return examine().problems


def standing() -> list[Standing]:
    """How each sink in the settings stands, without asking it; late and wrong ones are alarms.

    Raises:
        Invalid: COUNTERSIGN_ANCHORS is not understood.
    """
    return [_standing(sink) for sink in sinks()]


def for_bundle(size: int) -> list[tuple[str, bytes]]:
    """The files under `anchors/` of a bundle whose checkpoint has `size` entries: of each sink the newest
    receipt of a checkpoint that is not larger, with that checkpoint. In a fixed order.
    """
    files: list[tuple[str, bytes]] = []
    listed = []
    names = Anchor.objects.filter(state=AnchorState.ANCHORED, size__lte=size)
    for number, name in enumerate(sorted(set(names.order_by().values_list("sink", flat=True))), 1):
        anchor = names.filter(sink=name).order_by("-size")[0]
        folder = f"anchors/{number:02}-{name.partition(':')[0]}"
        receipt = f"{folder}/{_receipt_file(anchor)}"
        files += [(f"{folder}/checkpoint.txt", anchor.note.encode()), (receipt, bytes(anchor.receipt))]
        listed.append({"level": anchor.level, "receipt": receipt, "sink": name, "size": anchor.size})
    index = orjson.dumps(listed, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    return [("anchors/index.json", index), *files] if listed else []


def sinks() -> list[Sink]:
    """The sinks of the settings, in their order.

    Raises:
        Invalid: COUNTERSIGN_ANCHORS is not understood.
    """
    found: dict[str, Sink] = {}
    for text in settings.ANCHORS:
        try:
            where = address.parse(text)
        except AddressRefused as error:
            raise Invalid(f"COUNTERSIGN_ANCHORS: {error}") from error
        found.setdefault(where.name, import_string(address.ADAPTERS[where.kind])(where))
    return list(found.values())


# --- Publishing ---------------------------------------------------------------------------------------
def _publish(sink: Sink, newest: Checkpoint) -> Anchor | None:
    """One attempt at one sink; None where it has this checkpoint, or a later one of another process."""
    last = _last(sink)
    if last is not None and last.size >= newest.size:
        return None
    anchor = _open(sink, newest)
    if anchor is None:
        return None
    try:
        receipt = sink.publish(_published(newest), last.size if last else 0, selectors.consistency)
    except AnchorWrong as error:
        anchor.state, anchor.error, anchor.check_problem = AnchorState.FAILED, str(error), str(error)
        logger.error("An anchor contradicts the ledger. %s: %s", sink.name, error)  # noqa: TRY400 - its sentence says it all
    except AnchorUnavailable as error:
        anchor.state, anchor.error = AnchorState.FAILED, str(error)
        logger.warning("Not anchored at %s: %s", sink.name, error)
    except Exception as error:
        anchor.state, anchor.error = AnchorState.FAILED, f"Unexpected: {error!r}"
        logger.exception("Not anchored at %s", sink.name)
    else:
        anchor.state, anchor.receipt, anchor.error = AnchorState.ANCHORED, receipt, ""
        anchor.anchored_at, anchor.check_problem = datetime.now(UTC), ""
    anchor.save()
    return anchor


def _open(sink: Sink, newest: Checkpoint) -> Anchor | None:
    """The row of this attempt: that of the failed one before it, moved on to the newest checkpoint."""
    anchors = Anchor.objects.filter(sink=sink.name)
    with transaction.atomic():
        if anchors.filter(size=newest.size, state=AnchorState.ANCHORED).exists():
            return None
        tried = anchors.exclude(state=AnchorState.ANCHORED).select_for_update().order_by("-size").first()
        anchor = tried or Anchor(sink=sink.name, created_at=datetime.now(UTC))
        anchor.level, anchor.size, anchor.note = sink.level, newest.size, newest.note
        anchor.state, anchor.attempts = AnchorState.PENDING, anchor.attempts + 1
        anchor.save()
    return anchor


def _last(sink: Sink) -> Anchor | None:
    return Anchor.objects.filter(sink=sink.name, state=AnchorState.ANCHORED).order_by("-size").first()


# --- Checking -----------------------------------------------------------------------------------------
def _survey(sink: Sink, newest: Checkpoint | None) -> Iterator[str]:
    """Where what the sink itself remembers is not what the ledger is."""
    batch: list[Seen] = []
    last = _published(newest) if newest else Published(0, EMPTY_ROOT, "")
    for seen in sink.survey(last, selectors.consistency):
        batch.append(seen)
        if len(batch) == CHUNK:
            yield from _contradictions(batch)
            batch.clear()
    yield from _contradictions(batch)


def _contradictions(batch: list[Seen]) -> Iterator[str]:
    roots = _Roots([seen.size for seen in batch])
    for seen in batch:
        problem = roots.problem(seen.size, seen.root)
        if problem:
            yield f"{seen.where}: {problem}"


def _recheck(sink: Sink, *, everything: bool) -> Iterator[str]:
    """Which of the receipts that are held here no longer hold."""
    held = Anchor.objects.filter(sink=sink.name, state=AnchorState.ANCHORED).order_by("-size")
    for anchor in held.iterator(CHUNK) if everything else _some(list(held.values_list("pk", flat=True))):
        with suppress(CannotReadBack):
            _check(sink, anchor)
        if anchor.check_problem:
            yield f"{sink.name}, checkpoint of {anchor.size} entries: {anchor.check_problem}"
    for failed in Anchor.objects.filter(sink=sink.name, state=AnchorState.FAILED).exclude(check_problem=""):
        yield f"{sink.name}: {failed.check_problem}"


def _some(ids: list[Any]) -> list[Anchor]:
    """The newest, and of the rest some that are spread evenly."""
    rest = ids[NEWEST:]
    step = max(1, len(rest) // SPREAD)
    return list(Anchor.objects.filter(pk__in=[*ids[:NEWEST], *rest[::step][:SPREAD]]).order_by("-size"))


def _check(sink: Sink, anchor: Anchor) -> None:
    """Check one anchor, and write down when and what is wrong with it.

    Raises:
        AnchorUnavailable, CannotReadBack: it could not be found out; what was known before stays.
    """
    said = Checkpoint.objects.filter(size=anchor.size).first()
    problem = _Roots([anchor.size]).problem(anchor.size, _root_in(anchor.note))
    if not problem and said is not None and said.note != anchor.note:
        problem = "It is not the note that was published, though its root is the same."
    try:
        if not problem:
            sink.check(_published(said) if said else _noted(anchor), bytes(anchor.receipt))
    except AnchorWrong as error:
        problem = str(error)
    anchor.checked_at, anchor.check_problem = datetime.now(UTC), problem
    anchor.save(update_fields=["checked_at", "check_problem"])


class _Roots:
    """The roots that the ledger has today at some sizes: from its checkpoints, or else from its nodes."""

    def __init__(self, sizes: list[int]) -> None:
        rows = Checkpoint.objects.filter(size__in=sizes).values_list("size", "root")
        self._known = {size: bytes(root) for size, root in rows}
        newest = Checkpoint.objects.order_by("-size").first()
        self._end = newest.size if newest else 0

    def problem(self, size: int, root: bytes) -> str:
        """Why the ledger is not the one that had `root` at `size`; empty where it is."""
        if size > self._end:
            return (
                f"The ledger had {size} entries, and ends at {self._end} now: its end was cut off, or a "
                "backup was restored."
            )
        if self._root(size) != root:
            return f"The first {size} entries are not those that were anchored: the ledger was rewritten."
        return ""

    def _root(self, size: int) -> bytes:
        if size not in self._known:
            try:
                self._known[size] = sealing.stored_tree(size).root()
            except sealing.SealingRefused:
                self._known[size] = b""
        return self._known[size]


def _record_check(actor: Actor, anchor: Anchor, outcome: Outcome, body: dict[str, str]) -> None:
    with transaction.atomic():
        record(
            stream=actor.ref if actor.kind == "person" else "system",
            action=Action.ANCHOR_CHECKED,
            actor=actor,
            object=f"anchor/{anchor.pk}",
            outcome=outcome,
            body={"sink": anchor.sink, "size": anchor.size, **body},
        )


# --- How it stands ------------------------------------------------------------------------------------
def _standing(sink: Sink) -> Standing:
    anchors = Anchor.objects.filter(sink=sink.name)
    last, tried = _last(sink), anchors.exclude(state=AnchorState.ANCHORED).order_by("-size").first()
    wrong = anchors.exclude(check_problem="").order_by("-size").first()
    return Standing(
        sink=sink.name,
        level=sink.level,
        size=last.size if last else 0,
        anchored_at=last.anchored_at if last else None,
        is_late=_is_late(last.size if last else 0),
        wrong=wrong.check_problem if wrong else "",
        error=tried.error if tried and (last is None or tried.size > last.size) else "",
        anchor=wrong or last or tried,
    )


def _is_late(size: int) -> bool:
    """Whether the first checkpoint after `size` entries has waited longer than the settings allow."""
    allowed = timedelta(seconds=settings.ANCHOR_SECONDS * settings.ANCHOR_LATE_INTERVALS)
    waiting = Checkpoint.objects.filter(size__gt=size).order_by("size").first()
    return waiting is not None and datetime.now(UTC) - waiting.sealed_at > allowed


def _lateness() -> Iterator[str]:
    for sink in standing():
        if sink.is_late:
            since = f"the last one has {sink.size} entries" if sink.size else "none was ever published"
            yield f"{sink.sink} is late with the newest checkpoint; {since}. {sink.error}".strip()


def _published(checkpoint: Checkpoint) -> Published:
    return Published(checkpoint.size, bytes(checkpoint.root), checkpoint.note)


def _noted(anchor: Anchor) -> Published:
    return Published(anchor.size, _root_in(anchor.note), anchor.note)


def _root_in(text: str) -> bytes:
    """The root that a checkpoint's note names; empty where it names none."""
    try:
        return note.Checkpoint.parse(note.text_of(text)).root
    except note.NoteError:
        return b""


def _receipt_file(anchor: Anchor) -> str:
    kind = anchor.sink.partition(":")[0]
    adapter: type[Sink] = import_string(address.ADAPTERS[kind])
    return adapter.receipt_file
