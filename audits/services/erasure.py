"""Erasing a person, redacting events: the content goes, the proof stays (promise 13; S1-17, S3-10).

What is committed is finished outside the database afterwards: the keys are destroyed and the erasure is
written into `audits.erased_log`. `sweep` completes what a crash cut off, and destroys again what a
restored backup brought back.
"""

import hashlib
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from django.db import connection, transaction

from audits import erasable, erased_log, explaining, locks, permissions, subject_keys
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.erased_log import Erased, ErasedLogUnreadable
from audits.errors import Conflict, Invalid, NotFound
from audits.formats import is_reference
from audits.models import Body, DestroyedKey, Event, Redaction
from audits.services import bundle_files, history, holds
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.services.cases import required
from audits.services.ledger import record
from audits.subject_keys import SubjectKeyUnusable

MOST_EVENTS = 1_000
SWEEPER = Actor.system("erasure-sweeper")

logger = logging.getLogger(__name__)


def erase(*, actor: Actor, subject: str, reason: str, request: str = "") -> Event:
    """Erase a person: their names everywhere in the ledger, the payloads of their stream, their account.

    Args:
        subject: ``person/<id>``.
        reason: why, without personal data: this stays.
        request: the reference of the person's request, if there is one.

    Raises:
        Denied: the actor may not, or is that person; recorded.
        Invalid: not a person, or no reason; `fields` says which.
        Conflict: a legal hold covers something of it, or a room objects; recorded.
        NotFound: nothing is held about this person.
    """
    said = required(reason, "reason", "Say why the person is erased. It stays, so name nobody.")
    if not (subject.startswith("person/") and is_reference(subject)):
        raise Invalid("Name the person as person/<id>.", fields={"subject": "not a person"})
    with attempt(action=Action.SUBJECT_ERASED, actor=actor, stream=SYSTEM_STREAM, object=subject):
        refuse(permissions.why_not_erase(actor, subject))
        locks.disposal()
        if hold := holds.over_subject(subject):
            raise Conflict(f"{_holds(hold.title)} {subject}: nothing of it is erased until it is released.")
        if objections := erasable.objections(subject):
            raise Conflict(" ".join(objections))
        keys = subject_keys.of(subject)
        if not keys and not erasable.names(subject):
            raise NotFound(f"Nothing is held about {subject}.")
        return _erase(actor, subject, keys, {"reason": said, **({"request": request} if request else {})})


def redact(*, actor: Actor, events: Collection[UUID], reason: str) -> Event:
    """Delete the bodies of events: payload and actor's name. Their headers stay, and that they happened.

    Args:
        events: ids, at most 1,000 at once.
        reason: why, without personal data: this stays.

    Raises:
        Denied: the actor may not; recorded.
        Invalid: no event, too many, or no reason; `fields` says which.
        NotFound: an event is not there, or its body is gone already.
        Conflict: a legal hold covers one, or the ledger's own proof needs one; recorded.
    """
    said = required(reason, "reason", "Say why. It stays, so name nobody.")
    wanted = sorted(set(events))
    if not wanted or len(wanted) > MOST_EVENTS:
        raise Invalid(f"Name 1 to {MOST_EVENTS} events.", fields={"events": "none, or too many"})
    name = _object_of(wanted)
    with attempt(action=Action.BODY_REDACTED, actor=actor, stream=SYSTEM_STREAM, object=name):
        refuse(permissions.why_not_redact(actor))
        locks.disposal()
        found = list(Event.objects.filter(pk__in=wanted, body__isnull=False).only("action"))
        if missing := set(wanted) - {event.pk for event in found}:
            raise NotFound(f"The event {min(missing)} is not there, or its body is gone already.")
        if needed := next((event for event in found if is_needed(event.action)), None):
            raise Conflict(f"The event {needed.pk} ({needed.action}) is part of the ledger's own proof.")
        if held := holds.over_events(wanted):
            raise Conflict(f"{_holds(held[0].title)} the event {held[1]}: nothing of it is redacted.")
        return _redact(actor, wanted, name, said)


def is_needed(action: str) -> bool:
    """Whether the ledger needs the payload of such an event for its own proof."""
    return action in explaining.EXPLAINING or action.startswith("key.")


@dataclass(frozen=True, slots=True)
class Plan:
    """What an erasure would take away: so many keys, payloads and names; `against` are the reasons not to."""

    keys: int
    payloads: int
    names: int
    against: tuple[str, ...]


def plan(*, subject: str) -> Plan:
    """What `erase` would do now. Reads alone, and no names."""
    hold = holds.over_subject(subject)
    return Plan(
        keys=len(subject_keys.of(subject)),
        payloads=Event.objects.filter(stream=subject).count(),
        names=Event.objects.filter(actor=subject).count(),
        against=(
            *([f"{_holds(hold.title)} {subject}."] if hold else []),
            *erasable.objections(subject),
        ),
    )


def sweep() -> int:
    """Finish what was committed and not carried out, and destroy again what a backup brought back.

    Believes the log outside and the events; a row that no event explains destroys nothing. How many keys.
    """
    try:
        logged = {line.event: line for line in erased_log.lines()}
        for line in _unlogged(logged):
            erased_log.append(line)
            logged[line.event] = line
        return sum(_destroy(line) for line in logged.values() if line.keys)
    except (ErasedLogUnreadable, SubjectKeyUnusable) as error:
        logger.error("Erasures are not finished: %s", error)  # noqa: TRY400 - its sentence says it all
        return 0


def undeclared() -> list[Erased]:
    """Erasures that the machine remembers and the database does not: it was restored from a backup.

    Raises:
        ErasedLogUnreadable: see there.
    """
    lines = list(erased_log.lines())
    known = set(Event.objects.filter(pk__in=[line.event for line in lines]).values_list("pk", flat=True))
    return [line for line in lines if line.event not in known and not _is_carried_out(line)]


def carry_over(*, actor: Actor) -> int:
    """Repeat in a restored database every erasure and redaction that it has forgotten; how many.

    Inside the transaction that declares the restoration. Holds do not count: what they would keep was
    destroyed before.

    Raises:
        RuntimeError: outside a transaction.
        ErasedLogUnreadable: see there.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("carry_over() belongs inside the transaction that declares the restoration.")
    locks.disposal()
    forgotten = undeclared()
    for line in forgotten:
        why = f"A backup was restored from before the event {line.event}, which erased this."
        if line.subject:
            _erase(actor, line.subject, _unknown(line.keys), {"reason": why})
        elif events := _with_body(line.events):
            _redact(actor, events, _object_of(events), why)
    return len(forgotten)


# --- In the transaction ---------------------------------------------------------------------------------
def _erase(actor: Actor, subject: str, keys: Sequence[bytes], words: dict[str, JSON]) -> Event:
    now = datetime.now(UTC)
    event = record(
        stream=SYSTEM_STREAM,
        action=Action.SUBJECT_ERASED,
        actor=actor,
        object=subject,
        body={"subject": subject, "keys": [key.hex() for key in keys], **words},
    )
    overwrite_what_is_deleted()
    DestroyedKey.objects.bulk_create(
        [DestroyedKey(key_id=key, subject=subject, by=event.pk, destroyed_at=now) for key in keys]
    )
    history.forget(
        events=Event.objects.filter(stream=subject, body__body_key__in=keys).values_list("pk", flat=True)
    )
    erasable.erase(subject)
    paths = bundle_files.forget(subject=subject)
    _afterwards(Erased(event.pk, _digest(event), subject=subject, keys=tuple(keys)), paths)
    return event


def _redact(actor: Actor, events: Sequence[UUID], name: str, reason: str) -> Event:
    now = datetime.now(UTC)
    event = record(
        stream=SYSTEM_STREAM,
        action=Action.BODY_REDACTED,
        actor=actor,
        object=name,
        body={"events": [str(event_id) for event_id in events], "reason": reason},
    )
    overwrite_what_is_deleted()
    known = set(Redaction.objects.filter(pk__in=events).values_list("pk", flat=True))
    Redaction.objects.bulk_create(
        [Redaction(event_id=pk, by=event.pk, redacted_at=now) for pk in events if pk not in known]
    )
    gone = Body.objects.filter(pk__in=events)
    gone._raw_delete(gone.db)  # noqa: SLF001 - the collector would load what it deletes
    history.forget(events=events)
    _afterwards(Erased(event.pk, _digest(event), events=tuple(events)), [])
    return event


def overwrite_what_is_deleted() -> None:
    """On SQLite: zeros over what this connection deletes, and no copy of it in the log after the commit."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete = ON")
        transaction.on_commit(_empty_the_log, robust=True)


def _empty_the_log() -> None:
    """As far as no reader needs it; the next one does it otherwise."""
    if not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _object_of(events: Sequence[UUID]) -> str:
    """One event, or the stream that all share, or the ledger's own."""
    if len(events) == 1:
        return f"event/{events[0]}"
    streams = set(Event.objects.filter(pk__in=events).values_list("stream", flat=True))
    return streams.pop() if len(streams) == 1 else SYSTEM_STREAM


def _unknown(keys: Iterable[bytes]) -> list[bytes]:
    return [key for key in keys if not DestroyedKey.objects.filter(pk=key).exists()]


def _with_body(events: Iterable[UUID]) -> list[UUID]:
    return sorted(Body.objects.filter(pk__in=list(events)).values_list("pk", flat=True))


def _holds(title: str) -> str:
    return f"The legal hold {title!r} covers"


def _digest(event: Event) -> str:
    return hashlib.sha256(bytes(event.header)).hexdigest()


# --- After it, and again whenever it is needed ----------------------------------------------------------
def _afterwards(line: Erased, paths: Iterable[str]) -> None:
    transaction.on_commit(partial(_carry_out, line, list(paths)))


def _carry_out(line: Erased, paths: Iterable[str]) -> None:
    """The transaction cannot be undone any more: what fails here, the sweep does."""
    try:
        _destroy(line)
        erased_log.append(line)
    except (ErasedLogUnreadable, SubjectKeyUnusable) as error:
        logger.error("The erasure %s is not finished: %s", line.event, error)  # noqa: TRY400 - as above
    bundle_files.remove(paths)


def _destroy(line: Erased) -> int:
    """The keys of an erasure that are still there; only those of the person whom it names."""
    prefix = subject_keys.digest_of(line.subject)
    mine = [key for key in line.keys if line.subject.startswith("person/") and key.startswith(prefix)]
    return sum(subject_keys.destroy(key) for key in mine if subject_keys.is_there(key))


def _unlogged(logged: Collection[UUID]) -> list[Erased]:
    """What the database remembers and the log does not, as far as an event explains it."""
    by_key = set(DestroyedKey.objects.values_list("by", flat=True).distinct())
    by_body = set(Redaction.objects.values_list("by", flat=True).distinct())
    found = [
        *((event_id, Action.SUBJECT_ERASED) for event_id in sorted(by_key.difference(logged))),
        *((event_id, Action.BODY_REDACTED) for event_id in sorted(by_body.difference(logged))),
    ]
    return [line for event_id, action in found if (line := _explained(event_id, action))]


def _explained(event_id: UUID, action: Action) -> Erased | None:
    try:
        payload = explaining.payload_of(event_id, action)
    except ValueError as error:
        logger.error("Something is said to be erased, and no event explains it: %s", error)  # noqa: TRY400 - as above
        return None
    event = Event.objects.filter(pk=event_id).first()
    if event is None:
        return None
    return Erased(
        event_id,
        _digest(event),
        subject=payload.get("subject", ""),
        keys=tuple(map(bytes.fromhex, payload.get("keys", ()))),
        events=tuple(map(UUID, payload.get("events", ()))),
    )


def _is_carried_out(line: Erased) -> bool:
    """Whether a restored database has been told of it since, by another event."""
    if not line.subject:
        return not _with_body(line.events)
    return not (_unknown(line.keys) or erasable.names(line.subject))
