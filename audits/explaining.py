"""What explains an absence: events whose bytes are believed, not the rows that point at them."""

import hmac
from functools import lru_cache
from typing import Any
from uuid import UUID

import orjson

from audits import bodies, formats, keys
from audits.choices import Action, Outcome
from audits.models import Event, Tombstone

SYSTEM = "system"
EXPLAINING = (Action.SUBJECT_ERASED, Action.BODY_REDACTED, Action.SEGMENT_PRUNED)


class Unexplained(ValueError):
    """The event is absent, is of another kind, or is not what was recorded."""


@lru_cache(maxsize=32)
def payload_of(event_id: UUID, action: Action) -> dict[str, Any]:
    """The payload of an explaining event, its header and payload checked. Do not change it: it is remembered.

    Raises:
        Unexplained: see there.
    """
    event = Event.objects.select_related("body").filter(pk=event_id).first()
    body = getattr(event, "body", None)
    opened = bodies.unseal(bodies.PAYLOAD, event_id.bytes, body.payload) if body else None
    if event is None or opened is None:
        raise Unexplained(f"The event {event_id}, which should say why something is gone, is gone itself.")
    header = bytes(event.header)
    codes = (formats.message_code(key, header) for key in keys.macs(retired=True))
    if not any(hmac.compare_digest(code, bytes(event.mac)) for code in codes):
        raise Unexplained(f"The event {event_id} was changed: its message code does not fit.")
    said = orjson.loads(header)
    known = (said["id"], said["stream"], said["action"], said["outcome"])
    if known != (str(event_id), SYSTEM, str(action), str(Outcome.SUCCESS)):
        raise Unexplained(f"The event {event_id} is no {action} of the stream {SYSTEM}.")
    if formats.commitment(bodies.PAYLOAD, *opened).hex() != said["body"]:
        raise Unexplained(f"The payload of the event {event_id} was changed.")
    payload: dict[str, Any] = orjson.loads(opened.content)
    return payload


def ends_in(seq: int) -> dict[str, tuple[int, bytes]]:
    """Of the pruned segment that held entry `seq`: stream to (last number, its leaf); empty where none did.

    Raises:
        Unexplained: a tombstone without its event.
    """
    tombstone = tombstone_over(seq)
    if tombstone is None:
        return {}
    payload = payload_of(tombstone.by, Action.SEGMENT_PRUNED)
    if (payload["low"], payload["high"]) != (tombstone.low, tombstone.high):
        raise Unexplained(f"The event {tombstone.by} explains other entries than its tombstone.")
    return {each["stream"]: (each["last"], bytes.fromhex(each["leaf"])) for each in payload["streams"]}


def tombstone_over(seq: int) -> Tombstone | None:
    """The tombstone of the segment that held entry `seq`, if it was pruned."""
    tombstone = Tombstone.objects.filter(low__lte=seq).order_by("-low").first()
    return tombstone if tombstone and seq < tombstone.high else None
