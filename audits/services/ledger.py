"""Appending to the ledger: `record()`, called by every service inside its own transaction (promise 1)."""

import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import connection, models

from audits import canonical, formats, keys
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.models import Body, Event, Pending
from audits.models.base import new_id
from audits.services import sealing

MAX_HEADER_BYTES = 8 * 1024
MAX_BODY_BYTES = 1024 * 1024
_stream = re.compile(r"[a-z]+(/[A-Za-z0-9_.-]{1,150})?\Z").match


def record(
    *,
    stream: str,
    action: Action,
    actor: Actor,
    object: str,  # noqa: A002 - the word of the ledger's format
    outcome: Outcome = Outcome.SUCCESS,
    body: Mapping[str, JSON] | None = None,
    policy: Mapping[str, str] | None = None,
    evaluation: str | None = None,
    provenance: str | None = None,
    frameworks: Sequence[str] = (),
    trace: str | None = None,
) -> Event:
    """Write the event of what the surrounding transaction does; if it cannot, nothing happens.

    `body` takes the payload and all personal data (the actor's name is added); everything else goes
    into the header, which can never be erased. `policy` names the deciding policy
    (`{"version", "sha256"}`), `evaluation` the decision, `provenance` the digest of the agent's
    version, `trace` the run.

    Raises:
        RuntimeError: outside a transaction.
        ValueError: outside the canonical profile, or larger than a header (8 KiB) or body (1 MiB) may
            be; put large content elsewhere and its digest here.
        audits.keys.KeysUnusable: the ledger's keys are absent or open to others.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("record() belongs inside the transaction of the change it records.")
    if not _stream(stream) or stream == formats.HEADS_STREAM:
        raise ValueError(f"{stream!r} is not a stream; use for example 'agent/<uuid>' or 'system'.")
    content = canonical.dumps({**(body or {}), "actor_name": actor.name})
    salt = os.urandom(32)
    event = Event(
        id=new_id(),
        time=datetime.now(UTC),
        stream=stream,
        action=Action(action),
        actor=actor.ref,
        object=object,
        outcome=Outcome(outcome),
        frameworks=",".join(sorted(set(frameworks))),
    )
    optional: dict[str, JSON] = {
        "evaluation": evaluation,
        "frameworks": sorted(set(frameworks)),
        "policy": dict(policy or {}),
        "provenance": provenance,
        "trace": trace,
    }
    event.header = canonical.dumps(
        {
            "v": 1,
            **copied(event),
            "body": formats.body_commitment(salt, content).hex(),
            **{name: value for name, value in optional.items() if value},
        }
    )
    _check_sizes(event.header, content)
    event.mac = formats.message_code(keys.mac(), event.header)
    _insert(event, Body(event=event, salt=salt, content=content), Pending(event=event))
    sealing.after_commit()
    return event


def copied(event: Event) -> dict[str, JSON]:
    """The part of the header that the search columns repeat."""
    return {
        "id": str(event.pk),
        "time": formats.timestamp(event.time),
        "stream": event.stream,
        "action": str(event.action),
        "actor": event.actor,
        "object": event.object,
        "outcome": str(event.outcome),
    }


def _check_sizes(header: bytes, content: bytes) -> None:
    if len(header) > MAX_HEADER_BYTES:
        raise ValueError(f"The header is {len(header)} bytes; at most {MAX_HEADER_BYTES} are allowed.")
    if len(content) > MAX_BODY_BYTES:
        raise ValueError(
            f"The body is {len(content)} bytes; at most {MAX_BODY_BYTES} are allowed. Record its digest."
        )


def _insert(event: Event, body: Body, pending: Pending) -> None:
    """All three rows: in one statement on PostgreSQL, in three on SQLite."""
    rows = (event, body, pending)
    values = [
        [field.get_db_prep_save(getattr(row, field.attname), connection) for field in _fields(type(row))]
        for row in rows
    ]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_INSERT_ALL, [value for row in values for value in row])
        else:
            for statement, row in zip(_INSERTS, values, strict=True):
                cursor.execute(statement, row)
    event._state.adding = False  # noqa: SLF001 - what Model.save() does


@cache
def _fields(model: type[models.Model]) -> "list[models.Field[Any, Any]]":
    fields = model._meta.concrete_fields  # noqa: SLF001 - Django's documented Model._meta API
    return [field for field in fields if not isinstance(field, models.AutoField)]


def _insertion(model: type[models.Model]) -> str:
    columns = ", ".join(f'"{field.column}"' for field in _fields(model))
    places = ", ".join(["%s"] * len(_fields(model)))
    table = model._meta.db_table  # noqa: SLF001 - as above
    return f'INSERT INTO "{table}" ({columns}) VALUES ({places})'  # noqa: S608 - our own names


_INSERTS = [_insertion(model) for model in (Event, Body, Pending)]
_INSERT_ALL = "WITH event AS ({}), body AS ({}) {}".format(*_INSERTS)
