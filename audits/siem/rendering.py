"""A record in the format of its sink, and no longer than a sink takes."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from audits.siem import cef, ocsf, plain
from audits.siem.address import Format
from audits.siem.record import MAX_BYTES, Record

LINES: Mapping[Format, Callable[[Record], bytes]] = {"ocsf": ocsf.line, "cef": cef.line, "json": plain.line}


def render(format: Format, record: Record) -> bytes:  # noqa: A002 - the word of the address
    """One line, without its end; a payload that would make it longer than `MAX_BYTES` is left out."""
    line = LINES[format](record)
    if len(line) <= MAX_BYTES or record.payload is None:
        return line
    withheld = f"the record would have {len(line)} bytes; at most {MAX_BYTES} are sent"
    return LINES[format](replace(record, payload=None, withheld=withheld))
