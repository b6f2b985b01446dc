"""Appending to the ledger: `record()`, called by every service inside its own transaction (promise 1)."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from audits import bodies, canonical, formats, keys
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.models import Event
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

    `body` takes the payload and personal data; it and the actor's name are encrypted and can be erased.
    Everything else goes into the header, which never can. `policy` names the deciding policy
    (`{"version", "sha256"}`), `evaluation` the decision, `provenance` the digest of the agent's version,
    `trace` the run.

    Raises:
        RuntimeError: outside a transaction.
        ValueError: outside the canonical profile, or larger than a header (8 KiB) or body (1 MiB) may
            be; put large content elsewhere and its digest here.
        audits.keys.KeysUnusable: the ledger's keys are absent or open to others.
        audits.subject_keys.SubjectKeyUnusable: no key can be had to encrypt with.
    """
    database = transaction.get_connection()
    if not database.in_atomic_block:
        raise RuntimeError("record() belongs inside the transaction of the change it records.")
    if not _stream(stream) or stream == formats.HEADS_STREAM:
        raise ValueError(f"{stream!r} is not a stream; use for example 'agent/<uuid>' or 'system'.")
    if policy and policy.keys() != {"version", "sha256"}:
        raise ValueError(f"A policy has a version and a sha256; this one has {', '.join(sorted(policy))}.")
    named = sorted(set(frameworks))
    event = Event(
        new_id(), b"", b"", datetime.now(UTC), stream, Action(action), actor.ref, object, Outcome(outcome),
        ",".join(named),
    )  # fmt: skip
    content, key = canonical.dumps(dict(body or {})), event.pk.bytes
    payload, body_commitment = bodies.seal(bodies.PAYLOAD, key, bodies.payload_subject(stream), content)
    name, name_commitment = bodies.seal(bodies.NAME, key, bodies.name_subject(actor.ref), actor.name.encode())
    optional: dict[str, JSON] = {
        "evaluation": evaluation,
        "frameworks": named,
        "policy": dict(policy or {}),
        "provenance": provenance,
        "trace": trace,
    }
    event.header = canonical.dumps(
        {
            "v": 1,
            **_copied(event),
            "body": body_commitment.hex(),
            "name": name_commitment.hex(),
            **{word: value for word, value in optional.items() if value},
        }
    )
    _check_sizes(event.header, content)
    event.mac = formats.message_code(keys.mac(), event.header)
    _insert(database, event, payload, name)
    sealing.after_commit()
    return event


def _copied(event: Event) -> dict[str, JSON]:
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


def _insert(database: BaseDatabaseWrapper, event: Event, payload: bodies.Sealed, name: bodies.Sealed) -> None:
    """Event, body and pending: in one statement on PostgreSQL, in three on SQLite.

    By hand, for it is in every transaction there is: the ORM would take twice the time.
    """
    key = event.pk if database.features.has_native_uuid_field else event.pk.hex
    event_row: tuple[Any, ...] = (
        key, event.header, event.mac, database.ops.adapt_datetimefield_value(event.time), event.stream,
        str(event.action), event.actor, event.object, str(event.outcome), event.frameworks,
    )  # fmt: skip
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute(_INSERT_ALL, (*event_row, key, *payload, *name, key))
        else:
            cursor.execute(_INSERT_EVENT, event_row)
            cursor.execute(_INSERT_BODY, (key, *payload, *name))
            cursor.execute(_INSERT_PENDING, (key,))
    event._state.adding, event._state.db = False, database.alias  # noqa: SLF001 - what Model.save() does


_INSERT_EVENT = (
    "INSERT INTO audits_event "
    "(id, header, mac, time, stream, action, actor, object, outcome, frameworks) "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_INSERT_BODY = (
    "INSERT INTO audits_body (event_id, body_key, body_box, name_key, name_box) VALUES (%s, %s, %s, %s, %s)"
)
_INSERT_PENDING = "INSERT INTO audits_pending (event_id) VALUES (%s)"
_INSERT_ALL = f"WITH event AS ({_INSERT_EVENT}), body AS ({_INSERT_BODY}) {_INSERT_PENDING}"
