"""The header of an event: what was recorded, and the copies beside it that searches use."""

import hmac
from collections.abc import Sequence
from typing import Any

import orjson

from audits import formats
from audits.services.verification.report import Wrong
from audits.services.verification.rows import EventRow

_COPIED = ("id", "time", "stream", "action", "actor", "object", "outcome")


def checked(event: EventRow, mac_keys: Sequence[bytes], place: str) -> dict[str, Any]:
    """The header, parsed.

    Raises:
        Wrong: it, or a copy beside it, was changed.
    """
    header = event.header
    if not any(hmac.compare_digest(formats.message_code(key, header), event.mac) for key in mac_keys):
        raise Wrong(place, "The event's header was changed: its message code does not fit.")
    parsed: dict[str, Any] = orjson.loads(header)
    for name in _COPIED:
        if (said := getattr(event, name)) != parsed[name]:
            raise Wrong(
                place,
                f"The event's column '{name}' was changed: it says {said!r}, the header {parsed[name]!r}.",
            )
    if event.frameworks != ",".join(parsed.get("frameworks", ())):
        raise Wrong(place, "The event's column 'frameworks' was changed: the header says otherwise.")
    return parsed
