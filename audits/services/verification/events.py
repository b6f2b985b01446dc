"""One event from its bytes: its header, the copies beside it, and the erasable parts that it commits to."""

from typing import Any
from uuid import UUID

from audits import bodies, formats, keys, subject_keys
from audits.services.verification import headers
from audits.services.verification.absences import Absences
from audits.services.verification.report import Wrong
from audits.services.verification.rows import EventRow


class EventChecker:
    """Checks events, and counts them. Without `with_bodies` it leaves payloads and names unopened."""

    def __init__(self, absences: Absences, *, with_bodies: bool = True) -> None:
        self.absences = absences
        self.with_bodies = with_bodies
        self.events = self.erased = 0
        self._mac_keys = keys.macs(retired=True)
        self._keys: dict[bytes, subject_keys.SubjectKey | None] = {}

    def check(self, event: EventRow, place: str) -> dict[str, Any]:
        """All of one event; its header, parsed.

        Raises:
            Wrong: something was changed or is gone without a reason.
        """
        parsed = headers.checked(event, self._mac_keys, place)
        if self.with_bodies:
            self._check_parts(event, parsed, place)
        self.events += 1
        return parsed

    def _check_parts(self, event: EventRow, header: dict[str, Any], place: str) -> None:
        event_id = bytes.fromhex(event.id.replace("-", ""))
        if event.body_key is None:
            self.absences.explain_redaction(UUID(event.id), place)
            self.erased += 1
            return
        opened = self._opened(bodies.PAYLOAD, event_id, event.body_key, event.body_box, place)
        if opened is None:
            self.absences.explain_key(
                bytes(event.body_key), bodies.payload_subject(event.stream), "body", place
            )
            self.erased += 1
        elif formats.commitment(bodies.PAYLOAD, *opened).hex() != header["body"]:
            raise Wrong(place, "The event's body was changed: the header committed to another.")
        opened = self._opened(bodies.NAME, event_id, event.name_key, event.name_box, place)
        if opened is None:
            self.absences.explain_key(
                bytes(event.name_key or b""), bodies.name_subject(event.actor), "name", place
            )
        elif formats.commitment(bodies.NAME, *opened).hex() != header["name"]:
            raise Wrong(place, "The event's name was changed: the header committed to another.")

    def _opened(
        self, part: bytes, event_id: bytes, key_id: bytes | None, box: bytes | None, place: str
    ) -> bodies.Opened | None:
        """Payload or name; None where its key is gone."""
        named = bytes(key_id or b"")
        if named not in self._keys:
            self._keys[named] = subject_keys.find(named)
        key = self._keys[named]
        if key is None:
            return None
        try:
            return bodies.open_box(part, event_id, key, bytes(box or b""))
        except bodies.BoxDamaged as error:
            raise Wrong(place, f"The event's {part.decode()} was changed: {error}") from error
