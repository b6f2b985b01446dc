"""Plain JSON: the entry itself, and what helps to find and to check it. `docs/siem.md` lists the fields."""

import json
from typing import Any

from audits.siem.record import Record, json_line


def line(record: Record) -> bytes:
    """One line, without its end."""
    return json_line(fields(record))


def fields(record: Record) -> dict[str, Any]:
    """`entry` parses into the canonical JSON (RFC 8785) of which `leaf` is the hash."""
    told: dict[str, Any] = {
        "v": 1,
        "origin": record.origin,
        "seq": record.seq,
        "stream": record.stream,
        "stream_seq": record.number,
        "leaf": record.leaf,
        "action": record.action,
        "outcome": record.outcome,
        "entry": json.loads(record.entry),
    }
    optional = {
        "checkpoint": record.checkpoint,
        "actor_name": record.actor_name,
        "payload_withheld": record.withheld,
    }
    told |= {name: value for name, value in optional.items() if value}
    if record.payload is not None:
        told["payload"] = record.payload
    return told
