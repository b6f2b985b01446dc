"""What is said about a person: where they are quoted, and all that is held about them (S1-17, S3-10)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from django.db.models import Q, QuerySet

from audits import bodies, erasable, permissions
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Invalid
from audits.formats import is_reference, timestamp
from audits.models import Event
from audits.services.attempts import attempt, refuse
from audits.services.ledger import record

CHUNK = 500
SHORTEST = 3
MOST_SHOWN = 1_000


@dataclass(frozen=True, slots=True)
class Mention:
    """An event of another stream that quotes the person; `words` are those that were found."""

    event: UUID
    time: datetime
    stream: str
    action: str
    words: tuple[str, ...]


def mentions(*, actor: Actor, subject: str, also: Sequence[str] = ()) -> list[Mention]:
    """The events of other streams whose payload quotes a person, oldest first; at most 1,000.

    Erasing the person does not reach these: redact those that should not keep the name. It reads every
    body there is, a chunk at a time, and the search itself is recorded.

    Args:
        subject: ``person/<id>``; looked for is every name of their account.
        also: more words to look for, each of 3 letters or more, as for a person who was erased.

    Raises:
        Denied: the actor may not; recorded.
        Invalid: not a person, or nothing to look for; `fields` says which.
    """
    _check(subject)
    words = {word.strip() for word in [*erasable.names(subject), *also] if len(word.strip()) >= SHORTEST}
    with attempt(action=Action.SUBJECT_SEARCHED, actor=actor, stream=subject, object=subject):
        refuse(permissions.why_not_redact(actor))
        if not words:
            raise Invalid(
                f"The account has no name any more: say what to look for, {SHORTEST} letters or more.",
                fields={"also": "nothing to look for"},
            )
        found: list[Mention] = []
        for mention in _quoting(subject, words):
            found.append(mention)
            if len(found) == MOST_SHOWN:
                break
        record(
            stream=subject,
            action=Action.SUBJECT_SEARCHED,
            actor=actor,
            object=subject,
            body={"found": len(found)},
        )
    return found


def export(*, actor: Actor, subject: str) -> dict[str, JSON]:
    """Everything that is held about a person, as JSON (GDPR Articles 15 and 20); that it was, is recorded.

    Of events by them in other streams it has the header and their name; the payload is another's.

    Raises:
        Denied: the actor may not; recorded.
        Invalid: not a person.
    """
    _check(subject)
    with attempt(action=Action.SUBJECT_EXPORTED, actor=actor, stream=subject, object=subject):
        refuse(permissions.why_not_export(actor))
        events: list[JSON] = [
            {
                "header": event.fields,
                "actor_name": event.actor_name if event.actor == subject else "",
                "payload": event.details if event.stream == subject else {},
            }
            for event in _in_chunks(Event.objects.filter(Q(stream=subject) | Q(actor=subject)))
        ]
        event = record(
            stream=subject,
            action=Action.SUBJECT_EXPORTED,
            actor=actor,
            object=subject,
            body={"events": len(events)},
        )
    return {
        "subject": subject,
        "exported_at": timestamp(event.time),
        "records": dict(erasable.export(subject)),
        "events": events,
    }


def _check(subject: str) -> None:
    if not (subject.startswith("person/") and is_reference(subject)):
        raise Invalid("Name the person as person/<id>.", fields={"subject": "not a person"})


def _quoting(subject: str, words: set[str]) -> Iterator[Mention]:
    looked_for = {word: _as_a_word(word) for word in sorted(words)}
    for event in _in_chunks(Event.objects.exclude(stream=subject)):
        text = _text(event)
        if found := tuple(word for word, pattern in looked_for.items() if pattern.search(text)):
            yield Mention(event.pk, event.time, event.stream, event.action, found)


def _as_a_word(word: str) -> re.Pattern[str]:
    """As JSON writes it, whole: `ada` is not in `canada`."""
    return re.compile(rf"(?<!\w){re.escape(orjson.dumps(word)[1:-1].decode())}(?!\w)", re.IGNORECASE)


def _text(event: Event) -> str:
    try:
        opened = bodies.unseal(bodies.PAYLOAD, event.pk.bytes, event.body.payload)
    except bodies.BoxDamaged:
        return ""
    return opened.content.decode() if opened else ""


def _in_chunks(events: QuerySet[Event]) -> Iterator[Event]:
    after = UUID(int=0)
    ordered = events.filter(body__isnull=False).select_related("body").order_by("pk")
    while chunk := list(ordered.filter(pk__gt=after)[:CHUNK]):
        yield from chunk
        after = chunk[-1].pk
