"""Field history is written here and nowhere else: with the event that commits to it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NotRequired, TypedDict, Unpack
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Model

from audits import history, permissions
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.errors import Conflict, Invalid
from audits.history import Governed, Now
from audits.models import Event
from audits.models.base import new_id
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

CHUNK = 500


class Words(TypedDict):
    """What `ledger.record` takes besides the body; see there."""

    stream: str
    action: Action
    actor: Actor
    object: str
    outcome: NotRequired[Outcome]
    policy: NotRequired[Mapping[str, str]]
    evaluation: NotRequired[str | None]
    provenance: NotRequired[str | None]
    trace: NotRequired[str | None]


def record(
    *, changed: Sequence[Model], body: Mapping[str, JSON] | None = None, **words: Unpack[Words]
) -> Event:
    """Record the event of a change, and what the changed rows are now.

    Call it after the change, in its transaction. Each of `changed` gets one row of history, taken from
    the database and not from the instance, and the event's payload commits to it: under ``history`` it
    lists the model, the id and the digest of each.

    Raises:
        KeyError: a row of a model that has no history.
        ValueError: an action of those in `audits.history.UNGOVERNED`; others as `ledger.record` says.
        RuntimeError: outside a transaction.
    """
    if changed and words["action"] in history.UNGOVERNED:
        raise ValueError(f"{words['action']} changes no governed row: nobody would look for its history.")
    kept = [(governed, row) for governed, rows in _by_model(changed) for row in _next(governed, rows)]
    committed = [
        {"model": governed.label, "id": str(governed.pk_of(row)), "digest": governed.digest_of(row)}
        for governed, row in kept
    ]
    event = ledger.record(body={**(body or {}), "history": committed} if kept else body, **words)
    for _, row in kept:
        row.event, row.history_date = event, event.time
        row.save(force_insert=True)
    return event


def forget(*, events: Iterable[UUID]) -> int:
    """Delete the history that these events commit to, once their payloads are gone; says how many rows.

    Whoever erases a person, redacts an event or prunes a segment calls this in the same transaction,
    after that: the database refuses it while the payload is there. It needs no event of its own, for
    what made the payload go has one.
    """
    forgotten = 0
    for chunk in _in_chunks(events):
        for governed in history.GOVERNED.values():
            rows = governed.rows.objects.filter(event_id__in=chunk)
            forgotten += rows._raw_delete(rows.db)  # noqa: SLF001 - the collector would look for what points at it
    return forgotten


def adopt(*, actor: Actor, model: str, key: str, reason: str) -> Event:
    """Accept a row as it is now, though no event told of its last change; from now on it is history.

    For what an administrator changed with a database shell, or added with Django's own commands.

    Args:
        model: for example ``governance.riskclass``.
        key: the row's primary key.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: no reason, no such model or no such row.
        Conflict: the row is as its history says.
    """
    with attempt(action=Action.HISTORY_ADOPTED, actor=actor, stream=SYSTEM_STREAM, object="history"):
        refuse(permissions.why_not_adopt(actor))
        if not reason.strip():
            raise Invalid("Say why the row is right as it is.", fields={"reason": "must not be empty"})
        governed = _governed(model)
        found = _found(governed, key)
        if found.number and not history.differences(governed, found, _newest(governed, found)):
            raise Conflict(f"{model}/{key} is as its history says.")
        return record(
            changed=[found.row],
            stream=governed.stream(found.row),
            action=Action.HISTORY_ADOPTED,
            actor=actor,
            object=f"{governed.kind}/{found.row.pk}",
            body={"model": model, "reason": reason.strip()},
        )


def _by_model(changed: Sequence[Model]) -> Iterator[tuple[Governed, list[Any]]]:
    for label in dict.fromkeys(row._meta.label_lower for row in changed):  # noqa: SLF001 - public in Django
        keys = [row.pk for row in changed if row._meta.label_lower == label]  # noqa: SLF001 - as above
        yield history.GOVERNED[label], keys


def _next(governed: Governed, keys: list[Any]) -> Iterator[Any]:
    """What the rows are now, as rows of history that lack nothing but their event."""
    found = history.now(governed, keys)
    for key in dict.fromkeys(keys):
        at = found[key]
        yield governed.rows(
            history_id=new_id(),
            number=at.number + 1,
            history_type="~" if at.number else "+",
            related=at.related,
            **{field.attname: getattr(at.row, field.attname) for field in governed.fields},
        )


def _governed(model: str) -> Governed:
    if governed := history.GOVERNED.get(model):
        return governed
    known = ", ".join(sorted(history.GOVERNED))
    raise Invalid(f"{model!r} has no history. These have: {known}.", fields={"model": "unknown"})


def _found(governed: Governed, key: str) -> Now:
    """The row, held until the transaction ends."""
    try:
        value = governed.model._meta.pk.to_python(key)  # noqa: SLF001 - as above
        held = governed.model._base_manager.select_for_update(no_key=True)  # noqa: SLF001 - as above
        held.filter(pk=value).first()
        return history.now(governed, [value])[value]
    except (KeyError, ValidationError) as error:
        raise Invalid(f"There is no {governed.label} {key!r}.", fields={"key": "unknown"}) from error


def _newest(governed: Governed, found: Now) -> Any:
    return governed.rows.objects.get(**{governed.key: found.row.pk}, number=found.number)


def _in_chunks(events: Iterable[UUID]) -> Iterator[list[UUID]]:
    waiting = iter(events)
    while chunk := list(islice(waiting, CHUNK)):
        yield chunk
