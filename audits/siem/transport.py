"""What every way out has in common: what it is given, how it fails, and an end in time."""

import ssl
import time
from dataclasses import dataclass
from pathlib import Path

from audits.siem.record import Record

SECONDS = 20.0
"""For one batch, from connecting to the receiver's confirmation, however slowly it answers."""


class NotDelivered(Exception):
    """The receiver did not confirm the batch: it may have all of it, a part, or nothing. It is sent again.

    The sentence may be shown to people: it holds nothing of the records, and no secret of an address.
    """


@dataclass(frozen=True, slots=True)
class Message:
    """A record and its line in the sink's format."""

    record: Record
    line: bytes


@dataclass(frozen=True, slots=True)
class Options:
    """What all sinks share. `ca_file`: who may sign receivers' certificates, in place of the system's list.

    `certificate_file`: our own certificate with its key, where receivers ask for one.
    """

    ca_file: Path | None = None
    certificate_file: Path | None = None
    webhook_secret: str = ""
    seconds: float = SECONDS


def tls_context(options: Options) -> ssl.SSLContext:
    """TLS 1.2 or newer; the receiver's certificate is checked, and that it is for the host (RFC 5425, 5).

    Raises:
        NotDelivered: a file cannot be read or is no certificate.
    """
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if options.certificate_file:
            context.load_cert_chain(options.certificate_file)
    except (OSError, ssl.SSLError) as error:
        raise NotDelivered(
            f"The certificates of COUNTERSIGN_SIEM_CA_FILE or COUNTERSIGN_SIEM_CERTIFICATE_FILE cannot be "
            f"used: {error}."
        ) from error
    return context


class Deadline:
    """What is left of a time that no single wait can prolong."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, more than none.

        Raises:
            TimeoutError: the time is up.
        """
        remaining = self._end - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the time for this batch is up")
        return remaining
