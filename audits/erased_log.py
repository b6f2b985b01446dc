"""The memory of erasures outside the database, beside the guard: a restored backup must not undo them.

A line of JSON for each erasure and each redaction, appended once it has been committed. It names
opaque references alone.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import orjson
from django.conf import settings

from audits.errors import ServiceError

FILE = "erased.log"


class ErasedLogUnreadable(ServiceError):
    """A line of it says nothing that could be understood, or it cannot be read or written."""

    code = "erased_log_unreadable"
    status = 503


@dataclass(frozen=True, slots=True)
class Erased:
    """`event` explained it, and `header` is the SHA-256 of that event's header, in hex.

    An erasure has a `subject` and its `keys`, a redaction the `events` that lost their bodies.
    """

    event: UUID
    header: str
    subject: str = ""
    keys: tuple[bytes, ...] = ()
    events: tuple[UUID, ...] = ()


def path() -> Path:
    return Path(settings.KEYS_DIR) / FILE


def append(erased: Erased) -> None:
    """Add a line, on the disk before this returns.

    Raises:
        ErasedLogUnreadable: it cannot be written.
    """
    line = {
        "event": str(erased.event),
        "header": erased.header,
        "subject": erased.subject,
        "keys": [key.hex() for key in erased.keys],
        "events": [str(event) for event in erased.events],
    }
    try:
        descriptor = os.open(path(), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            size = os.fstat(descriptor).st_size
            torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            file.write((b"\n" if torn else b"") + orjson.dumps(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ErasedLogUnreadable(f"{path()} cannot be written ({error.strerror}).") from error


def lines() -> Iterator[Erased]:
    """Everything that was erased from this machine's ledger, in order.

    Raises:
        ErasedLogUnreadable: see there.
    """
    try:
        content = path().read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ErasedLogUnreadable(f"{path()} cannot be read ({error.strerror}).") from error
    # A last line without its end was cut off by a crash; the sweep adds it again.
    *whole, _torn = content.split(b"\n")
    for number, line in enumerate(whole, start=1):
        if not line.endswith(b"}"):
            continue
        try:
            found = orjson.loads(line)
            yield Erased(
                UUID(found["event"]),
                str(found["header"]),
                str(found["subject"]),
                tuple(map(bytes.fromhex, found["keys"])),
                tuple(map(UUID, found["events"])),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ErasedLogUnreadable(
                f"Line {number} of {path()} is not one that this product wrote ({error}). Put the file back "
                "from a backup: it is what keeps a restored database from undoing erasures."
            ) from error
