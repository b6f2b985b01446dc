"""What the page of an event tells besides its facts: its proof, its neighbours, what explains a gap."""

import base64
from dataclasses import dataclass
from uuid import UUID

from django.utils.safestring import SafeString

from audits import bodies, subject_keys
from audits.admin.base import page_of
from audits.admin.show import show_time
from audits.errors import ServiceError
from audits.models import Body, Checkpoint, DestroyedKey, Entry, Event, Redaction
from audits.services import retention, verification
from audits.tree import inclusion_ranges


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An event beside this one: `label` says where."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Step:
    """One hash of the path from the leaf to the root: which entries it stands for."""

    hash: str
    covers: str


@dataclass(frozen=True, slots=True)
class ShownProof:
    """The inclusion proof in a form to read; `problem` says why there is none."""

    leaf: str = ""
    steps: tuple[Step, ...] = ()
    root: str = ""
    size: int = 0
    seq: int = 0
    checkpoint_url: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A part that is gone, and the event that says why; without one it is not explained."""

    part: str
    url: str = ""


def neighbours(event: Event) -> list[Neighbour]:
    """The events before and after it, in the ledger and in its stream."""
    entry: Entry | None = getattr(event, "entry", None)
    if entry is None:
        return []
    sealed = Entry.objects.filter(event__isnull=False)
    mine = sealed.filter(stream=entry.stream)
    beside = (
        ("Previous in the ledger", sealed.filter(seq__lt=entry.seq).order_by("-seq")),
        ("Next in the ledger", sealed.filter(seq__gt=entry.seq).order_by("seq")),
        ("Previous in its stream", mine.filter(stream_seq__lt=entry.stream_seq).order_by("-stream_seq")),
        ("Next in its stream", mine.filter(stream_seq__gt=entry.stream_seq).order_by("stream_seq")),
    )
    found = [(label, rows.values_list("event_id", flat=True).first()) for label, rows in beside]
    return [Neighbour(label, page_of(Event(pk=event_id))) for label, event_id in found if event_id]


def proof_of(event: Event) -> ShownProof:
    """Its proof against the newest checkpoint."""
    try:
        proved = verification.prove(event_id=event.pk)
    except ServiceError as error:
        return ShownProof(problem=error.message)
    seq, size = proved.proof.index, proved.size
    covered = [
        f"entry {low}" if high - low == 1 else f"entries {low} to {high - 1}"
        for low, high in inclusion_ranges(size, seq)
    ]
    steps = tuple(Step(each.hex(), covers) for each, covers in zip(proved.proof.hashes, covered, strict=True))
    return ShownProof(
        leaf=proved.leaf.hex(),
        steps=steps,
        root=base64.b64decode(proved.proof.checkpoint.split("\n")[2]).hex(),
        size=size,
        seq=seq,
        checkpoint_url=page_of(Checkpoint(pk=size)),
    )


def explanations(event: Event) -> list[Explanation]:
    """What of it is gone: its body by a redaction, a part of it with the key of a person."""
    try:
        body = event.body
    except Body.DoesNotExist:
        redaction = Redaction.objects.filter(pk=event.pk).first()
        return [Explanation("Its body was redacted.", _address(redaction.by) if redaction else "")]
    gone = []
    for part, sealed in ((bodies.PAYLOAD, body.payload), (bodies.NAME, body.name)):
        if subject_keys.find(sealed.key) is None:
            row = DestroyedKey.objects.filter(pk=sealed.key).first()
            word = "payload" if part == bodies.PAYLOAD else "actor's name"
            gone.append(
                Explanation(f"Its {word} was erased with a person's key.", _address(row.by) if row else "")
            )
    return gone


def _address(event_id: UUID) -> str:
    return page_of(Event(pk=event_id))


def kept_until(event: Event) -> SafeString:
    return show_time(retention.kept_until(event))


def verified_in_words(report: verification.Report) -> str:
    """What was recomputed, for the person who pressed the button."""
    parts = "Its payload and name are those that the header committed to"
    if report.erased:
        parts = "Its payload was erased, as an event of the ledger says"
    if report.pending:
        return (
            "Verified: the header is what was recorded, and the copies beside it agree. "
            f"{parts}. It waits to be sealed, so it has no place in the tree yet."
        )
    return (
        "Verified: the header is what was recorded, and the copies beside it agree. "
        f"{parts}. Its leaf leads to the root of checkpoint {report.size}, which the ledger's key "
        f"{report.key.split('+')[1]} signed."
    )
