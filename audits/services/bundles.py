"""Evidence bundles: asked for, built in the background, taken away; each step is recorded."""

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify

from audits import permissions, selectors
from audits.actor import Actor
from audits.archive import ArchiveTooLargeError
from audits.choices import Action, BundleState, Outcome
from audits.errors import Conflict, Denied, Invalid, NotFound, ServiceError
from audits.models import Bundle
from audits.queue import enqueue
from audits.services import bundle_contents, sealing
from audits.services.ledger import record

BUILDER = Actor.system("bundle-builder")
TASK = "audits.tasks.build_bundle"
ABANDONED_AFTER = timedelta(minutes=15)
LONGEST_FRAMEWORK = 64


def request(
    *,
    actor: Actor,
    stream: str,
    subject: str,
    since: datetime | None = None,
    until: datetime | None = None,
    framework: str = "",
) -> Bundle:
    """Ask for a bundle of what was sealed of `stream` in [since, until); `subject` is its frozen name.

    With `framework` it holds only the events that name it, and proves no more than their presence.
    The edge that asks hands the bundle to `audits.tasks.build_bundle`.

    Raises:
        Denied: the actor may not take evidence out.
        Invalid: the period is empty, or the framework's name too long.
    """
    if reason := permissions.why_no_bundle(actor):
        _record_refusal(actor=actor, action=Action.BUNDLE_REQUESTED, object=stream, reason=reason)
        raise Denied(reason)
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
    with transaction.atomic():
        bundle = Bundle.objects.create(
            stream=stream,
            subject=subject,
            since=since,
            until=until,
            framework=framework,
            requested_by=actor.ref,
            requested_by_name=actor.name,
            requested_at=datetime.now(UTC),
        )
        record(
            stream=_stream_of(actor.ref, stream),
            action=Action.BUNDLE_REQUESTED,
            actor=actor,
            object=f"bundle/{bundle.pk}",
            body={
                "stream": stream,
                "subject": subject,
                "since": since.isoformat() if since else None,
                "until": until.isoformat() if until else None,
                "framework": framework,
            },
        )
    return bundle


def build(*, bundle_id: UUID | str) -> Bundle:
    """Build the file of a bundle that waits; the result says READY or FAILED, and why.

    Built twice from the same state of the stream, the file is the same.

    Raises:
        NotFound: there is no such bundle.
        Conflict: somebody else is building it, or it was built.
    """
    bundle = _claim(bundle_id)
    try:
        path = _write(bundle)
    except (ServiceError, ArchiveTooLargeError, OSError, ValueError) as error:
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
            stream=_stream_of(actor.ref, bundle.stream),
            action=Action.BUNDLE_DOWNLOADED,
            actor=actor,
            object=f"bundle/{bundle.pk}",
            body={"sha256": bundle.sha256, "subject": bundle.subject, "stream": bundle.stream},
        )
    return bundle.path


def _claim(bundle_id: UUID | str) -> Bundle:
    claimed = Bundle.objects.filter(_waits(), pk=bundle_id).update(
        state=BundleState.BUILDING, started_at=datetime.now(UTC)
    )
    bundle = Bundle.objects.filter(pk=bundle_id).first()
    if bundle is None:
        raise NotFound(f"There is no bundle {bundle_id}.")
    if not claimed:
        raise Conflict(f"The bundle {bundle_id} is {bundle.state}: it does not wait to be built.")
    return bundle


def _waits() -> Q:
    """Nobody has begun, or whoever did has not been heard of since."""
    abandoned = Q(state=BundleState.BUILDING, started_at__lt=datetime.now(UTC) - ABANDONED_AFTER)
    return Q(state=BundleState.QUEUED) | abandoned


def _write(bundle: Bundle) -> Path:
    """Write the file under its final name only once it is whole."""
    position = selectors.last_position()
    if position is None or not selectors.is_current(position, bundle.stream):
        sealing.seal_heads()
        position = selectors.last_position()
    if position is None:
        raise Conflict("The ledger could not be sealed.")
    contents = bundle_contents.of(bundle, position)
    directory = Path(settings.BUNDLES_DIR)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial, path = directory / f"{bundle.pk}.partial", directory / _file_name(bundle)
    try:
        with os.fdopen(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file:
            contents.write(file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    bundle.completeness, bundle.event_count = contents.completeness, contents.count
    bundle.checkpoint_size = position.checkpoint.size
    return path


def _file_name(bundle: Bundle) -> str:
    """One that people recognise in a folder, and that no other bundle has."""
    return f"{slugify(bundle.subject)}-{bundle.requested_at:%Y%m%dT%H%M%SZ}-{bundle.pk.hex[-8:]}.zip"


def _settle(bundle: Bundle, outcome: Outcome, body: dict[str, str | int]) -> Bundle:
    bundle.built_at = datetime.now(UTC)
    with transaction.atomic():
        bundle.save()
        record(
            stream=_stream_of(bundle.requested_by, bundle.stream),
            action=Action.BUNDLE_BUILT,
            actor=BUILDER,
            object=f"bundle/{bundle.pk}",
            outcome=outcome,
            body={"stream": bundle.stream, "subject": bundle.subject, **body},
        )
    return bundle


def _record_refusal(*, actor: Actor, action: Action, object: str, reason: str) -> None:  # noqa: A002 - as in record
    with transaction.atomic():
        record(
            stream=_stream_of(actor.ref, ""),
            action=action,
            actor=actor,
            object=object,
            outcome=Outcome.DENIED,
            body={"reason": reason},
        )


def _stream_of(actor_ref: str, subject_stream: str) -> str:
    """Where the story of a bundle is told: never in the stream that it is about, which it would change."""
    is_person = actor_ref.startswith("person/")
    return actor_ref if is_person and actor_ref != subject_stream else "system"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
