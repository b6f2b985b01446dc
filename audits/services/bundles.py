"""Evidence bundles: asked for, built in the background, taken away; each step is recorded."""

import hashlib
import os
import secrets
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import typst
from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify

from audits import keys, locks, notices, permissions, selectors
from audits.actor import Actor
from audits.bundle import explanations
from audits.bundle.contents import Contents
from audits.bundle.scope import Scope
from audits.choices import Action, BundleKind, BundlePhase, BundleState, Outcome
from audits.errors import Conflict, Denied, Invalid, NotFound, ServiceError
from audits.models import Bundle, Entry
from audits.queue import enqueue
from audits.selectors import Position
from audits.services import anchoring, sealing
from audits.services.ledger import record

BUILDER = Actor.system("bundle-builder")
TASK = "audits.tasks.build_bundle"
ABANDONED_AFTER = timedelta(minutes=5)
LONGEST_FRAMEWORK, LONGEST_NAME = 64, 100
SAYS_SO_EVERY = 1.0
"""Seconds between two notes of progress in the database."""


def request(
    *,
    actor: Actor,
    kind: BundleKind,
    subject: str,
    streams: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    framework: str = "",
) -> Bundle:
    """Ask for a bundle of what was sealed in [since, until); `subject` is the frozen name of its matter.

    Of an agent or a case it holds everything in their `streams`; of a person also the events elsewhere that
    name that person; of a period the whole ledger; of a framework the events that name it, in `streams` or
    anywhere. The edge that asks hands the bundle to `audits.tasks.build_bundle`.

    Raises:
        Denied: the actor may not take evidence out.
        Invalid: the period is empty, or something that belongs to the kind is missing or does not fit.
    """
    about = streams[0] if streams else str(kind)
    if reason := permissions.why_no_bundle(actor):
        _record_refusal(actor=actor, action=Action.BUNDLE_REQUESTED, object=about, reason=reason)
        raise Denied(reason)
    _check_request(BundleKind(kind), streams, since, until, framework)
    with transaction.atomic():
        bundle = Bundle.objects.create(
            kind=kind,
            streams=sorted(set(streams)),
            party=streams[0] if kind == BundleKind.PERSON else "",
            subject=subject,
            since=since,
            until=until,
            framework=framework,
            requested_by=actor.ref,
            requested_by_name=actor.name,
            requested_at=datetime.now(UTC),
        )
        record(
            stream=_stream_of(actor.ref, bundle.streams),
            action=Action.BUNDLE_REQUESTED,
            actor=actor,
            object=f"bundle/{bundle.pk}",
            body={
                "kind": str(kind),
                "streams": bundle.streams,
                "subject": subject,
                "since": since.isoformat() if since else None,
                "until": until.isoformat() if until else None,
                "framework": framework,
            },
        )
    return bundle


def _check_request(
    kind: BundleKind, streams: Sequence[str], since: datetime | None, until: datetime | None, framework: str
) -> None:
    if since and until and since >= until:
        raise Invalid(
            f"The period is empty: it begins at {since.isoformat()} and ends at {until.isoformat()}.",
            fields={"until": "must be after the beginning"},
        )
    if len(framework) > LONGEST_FRAMEWORK:
        raise Invalid(
            f"No framework has a name of {len(framework)} characters; name one such as ISO27001.",
            fields={"framework": "too long"},
        )
    if framework and kind not in {BundleKind.FRAMEWORK, BundleKind.AGENT}:
        raise Invalid(
            f"A framework does not narrow the bundle of {kind.label.lower()}. Leave it empty, or ask for a "
            "bundle of the framework.",
            fields={"framework": "not for this kind"},
        )
    needed = {
        BundleKind.AGENT: (len(streams) == 1, "Name the one agent that it is about.", "agent"),
        BundleKind.PERSON: (len(streams) == 1, "Name the one person that it is about.", "person"),
        BundleKind.PERIOD: (not streams, "A period is about the whole ledger: name no stream.", "since"),
        BundleKind.FRAMEWORK: (bool(framework), "Name the framework, for example ISO27001.", "framework"),
        BundleKind.CASE: (bool(streams), "The case names no streams. Add what it is about.", "case"),
    }
    is_there, sentence, name = needed[kind]
    if not is_there:
        raise Invalid(sentence, fields={name: "is needed"})


class TakenOver(Exception):
    """Another builder has begun: this one was taken for dead."""


def build(*, bundle_id: UUID | str) -> Bundle:
    """Build the file of a bundle that waits; the result says READY or FAILED, and why.

    Built twice from the same state, the file is the same; which state that is, is fixed when the first
    builder begins.

    Raises:
        NotFound: there is no such bundle.
        Conflict: somebody else is building it, or it was built.
    """
    bundle = _claim(bundle_id)
    try:
        path = _write(bundle)
    except TakenOver:
        return Bundle.objects.get(pk=bundle.pk)
    except (ServiceError, OSError, ValueError, typst.TypstError) as error:
        bundle.state, bundle.error = BundleState.FAILED, str(error)
        return _settle(bundle, Outcome.FAILED, {"error": bundle.error})
    bundle.state, bundle.file_name = BundleState.READY, path.name
    bundle.sha256, bundle.size = _digest(path), path.stat().st_size
    return _settle(
        bundle,
        Outcome.SUCCESS,
        {
            "sha256": bundle.sha256,
            "size": bundle.size,
            "completeness": bundle.completeness,
            "incomplete": len(bundle.incomplete),
            "events": bundle.event_count,
            "checkpoint_size": bundle.checkpoint_size,
        },
    )


def sweep() -> int:
    """Ask again for a builder where nobody came, or where the one who came died; says for how many."""
    overdue = datetime.now(UTC) - timedelta(seconds=settings.ASK_AGAIN_SECONDS)
    waiting = list(Bundle.objects.filter(_waits(), requested_at__lt=overdue).values_list("pk", flat=True))
    for bundle_id in waiting:
        enqueue(TASK, str(bundle_id))
    return len(waiting)


def download(*, actor: Actor, bundle: Bundle) -> Path:
    """The file of a bundle that is ready, once it is known to be the one that was built.

    Raises:
        Denied: the actor may not take evidence out.
        Conflict: it is not ready, or its file was changed or removed.
    """
    if reason := permissions.why_no_download(actor):
        _record_refusal(
            actor=actor, action=Action.BUNDLE_DOWNLOADED, object=f"bundle/{bundle.pk}", reason=reason
        )
        raise Denied(reason)
    if bundle.state != BundleState.READY:
        raise Conflict(f"The bundle is {bundle.state}. Wait until it is ready, or request another.")
    if not bundle.path.is_file() or _digest(bundle.path) != bundle.sha256:
        raise Conflict(
            f"The file {bundle.file_name} was changed or removed after it was built. Request another bundle."
        )
    with transaction.atomic():
        record(
            stream=_stream_of(actor.ref, bundle.streams),
            action=Action.BUNDLE_DOWNLOADED,
            actor=actor,
            object=f"bundle/{bundle.pk}",
            body={"sha256": bundle.sha256, "subject": bundle.subject, "streams": bundle.streams},
        )
    return bundle.path


def _claim(bundle_id: UUID | str) -> Bundle:
    now = datetime.now(UTC)
    with transaction.atomic():
        locks.disposal()  # what is being pruned is gone before this begins; then nothing is
        claimed = Bundle.objects.filter(_waits(), pk=bundle_id).update(
            state=BundleState.BUILDING, started_at=now, heard_at=now
        )
    bundle = Bundle.objects.filter(pk=bundle_id).first()
    if bundle is None:
        raise NotFound(f"There is no bundle {bundle_id}.")
    if not claimed:
        raise Conflict(f"The bundle {bundle_id} is {bundle.state}: it does not wait to be built.")
    return bundle


def _waits() -> Q:
    """Nobody has begun, or whoever did has not been heard of since."""
    abandoned = Q(state=BundleState.BUILDING, heard_at__lt=datetime.now(UTC) - ABANDONED_AFTER)
    return Q(state=BundleState.QUEUED) | abandoned


class _Progress:
    """Notes how far a builder has come, in short transactions of their own, for those who wait."""

    def __init__(self, bundle: Bundle) -> None:
        self._mine = Bundle.objects.filter(
            pk=bundle.pk, state=BundleState.BUILDING, started_at=bundle.started_at
        )
        self._said = 0.0

    def __call__(self, phase: BundlePhase, done: int, total: int) -> None:
        """
        Raises:
            TakenOver: see there.
        """
        now = time.monotonic()
        if now - self._said < SAYS_SO_EVERY:
            return
        self._said = now
        if not self._mine.update(phase=phase, done=done, total=total, heard_at=datetime.now(UTC)):
            raise TakenOver


def _write(bundle: Bundle) -> Path:
    """Write the file under its final name only once it is whole."""
    progress = _Progress(bundle)
    progress(BundlePhase.SEALING, 0, 0)
    position = _position(bundle)
    contents = Contents(Scope.of(bundle, position), anchoring.for_bundle(position.checkpoint.size), progress)
    directory = Path(settings.BUNDLES_DIR)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / _file_name(bundle)
    partial = directory / f"{bundle.pk}-{secrets.token_hex(4)}.partial"
    try:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            contents.write(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    bundle.completeness, bundle.event_count = contents.scope.completeness, contents.written.count
    bundle.incomplete = contents.incomplete
    return path


def _position(bundle: Bundle) -> Position:
    """The state to build from: the one that was fixed, or the newest heads, sealed now where they are old.

    Raises:
        sealing.SealingRefused: see there.
    """
    if bundle.checkpoint_size and _is_of_this_key(bundle.checkpoint_size):
        return selectors.position_at(bundle.checkpoint_size)
    position = selectors.last_position()
    if position is None or not _is_current(position, bundle):
        position = selectors.position_at(sealing.seal_heads().seq + 1)
    bundle.checkpoint_size = position.checkpoint.size
    Bundle.objects.filter(pk=bundle.pk).update(checkpoint_size=bundle.checkpoint_size)
    return position


def _is_of_this_key(size: int) -> bool:
    """Whether the key in use signed the checkpoint: a verifier follows rotations up to it, not back."""
    return keys.verifier_for(size) == keys.seal().verifier


def _is_current(position: Position, bundle: Bundle) -> bool:
    if not _is_of_this_key(position.checkpoint.size):
        return False
    only_streams = bundle.kind in {BundleKind.AGENT, BundleKind.CASE}
    newest = explanations.newest()
    if newest and not Entry.objects.filter(event=newest, seq__lt=position.heads.seq).exists():
        return False
    return selectors.is_current(position, bundle.streams if only_streams else (), bundle.until)


def _file_name(bundle: Bundle) -> str:
    """One that people recognise in a folder, and that no other bundle has."""
    name = slugify(bundle.subject)[:LONGEST_NAME]
    return f"{name}-{bundle.requested_at:%Y%m%dT%H%M%SZ}-{bundle.pk.hex[-8:]}.zip"


def _settle(bundle: Bundle, outcome: Outcome, body: dict[str, str | int]) -> Bundle:
    bundle.built_at, bundle.phase = datetime.now(UTC), ""
    said = {"kind": bundle.kind, "streams": bundle.streams, "subject": bundle.subject}
    with transaction.atomic():
        bundle.save()
        record(
            stream=_stream_of(bundle.requested_by, bundle.streams),
            action=Action.BUNDLE_BUILT,
            actor=BUILDER,
            object=f"bundle/{bundle.pk}",
            outcome=outcome,
            body=said | body,
        )
        notices.bundle_ended(
            reference=f"bundle/{bundle.pk}",
            requested_by=bundle.requested_by,
            ready=bundle.state == BundleState.READY,
        )
    return bundle


def _record_refusal(*, actor: Actor, action: Action, object: str, reason: str) -> None:  # noqa: A002 - as in record
    with transaction.atomic():
        record(
            stream=_stream_of(actor.ref, ()),
            action=action,
            actor=actor,
            object=object,
            outcome=Outcome.DENIED,
            body={"reason": reason},
        )


def _stream_of(actor_ref: str, subject_streams: Sequence[str]) -> str:
    """Where the story of a bundle is told: never in the stream that it is about, which it would change."""
    is_person = actor_ref.startswith("person/")
    return actor_ref if is_person and actor_ref not in subject_streams else "system"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
