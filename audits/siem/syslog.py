"""Syslog (RFC 5424) over TLS (RFC 5425) and TCP, each message preceded by its length (RFC 6587, 3.4.1).

Syslog confirms nothing. What comes closest: a connection carries one batch and ends in order, and the
batch counts once the receiver has closed its side, too. It reads to the end before it can do that; one
that dies with something unread resets the connection instead, and the batch is sent again.
"""

import re
import socket
from collections.abc import Iterable, Sequence
from datetime import datetime

from audits.choices import Outcome
from audits.formats import timestamp
from audits.siem import tls
from audits.siem.address import Sink
from audits.siem.record import PRODUCT, PRODUCT_VERSION, Record
from audits.siem.transport import Deadline, Message, NotDelivered, Options, tls_context

LOG_AUDIT = 13  # RFC 5424, 6.2.1
INFORMATIONAL, WARNING = 6, 4
LONGEST_MESSAGE_ID, LONGEST_HOST = 32, 255
MAX_SEQUENCE = 2**31 - 1
_not_printable = re.compile(r"[^\x21-\x7e]")


def deliver(sink: Sink, messages: Sequence[Message], options: Options) -> None:
    """Send the batch and wait until the receiver has closed the connection.

    Raises:
        NotDelivered: see there.
    """
    host = socket.gethostname()
    data = b"".join(framed(frame(message, host)) for message in messages)
    deadline = Deadline(options.seconds)
    context = tls_context(options) if sink.transport == "syslog+tls" else None
    try:
        with socket.create_connection((sink.host, sink.port), deadline.left()) as connection:
            if context is None:
                _send(connection, data, deadline)
                connection.shutdown(socket.SHUT_WR)
                _await_end(connection, deadline)
            else:
                conversation = tls.Conversation(connection, context, sink.host, deadline)
                conversation.send(data)
                conversation.end(trust_eof=sink.trust_eof)
    except TimeoutError as error:
        raise NotDelivered(
            f"{sink.host}:{sink.port} did not take the batch and close the connection within "
            f"{options.seconds:g} seconds."
        ) from error
    except (OSError, UnicodeError) as error:
        raise NotDelivered(f"{sink.host}:{sink.port}: {error}.") from error


def frame(message: Message, host: str) -> bytes:
    """One RFC 5424 message. MSG carries the line as MSG-ANY, without a byte order mark (6.4)."""
    return _header(message.record, host).encode("ascii") + b" " + message.line


def framed(message: bytes) -> bytes:
    """Octet counting: what a message says can never end it."""
    return b"%d %s" % (len(message), message)


def _header(record: Record, host: str) -> str:
    severity = INFORMATIONAL if record.outcome == Outcome.SUCCESS else WARNING
    data = structured("origin", (("software", PRODUCT), ("swVersion", PRODUCT_VERSION))) + structured(
        "meta", (("sequenceId", str(record.seq % MAX_SEQUENCE + 1)),)
    )
    return (
        f"<{LOG_AUDIT * 8 + severity}>1 {_time(record.time)} {_name(host, LONGEST_HOST)} "
        f"{_name(PRODUCT.lower(), LONGEST_HOST)} - {_name(record.action, LONGEST_MESSAGE_ID)} {data}"
    )


def structured(name: str, parameters: Iterable[tuple[str, str]]) -> str:
    """An SD-ELEMENT of the IANA registry (RFC 5424, 6.3 and 7); values are ASCII of our own."""
    return "[" + " ".join([name, *(f'{key}="{_parameter(value)}"' for key, value in parameters)]) + "]"


def _parameter(value: str) -> str:
    return re.sub(r'(["\\\]])', r"\\\1", _not_printable.sub("?", value))


def _name(text: str, longest: int) -> str:
    return _not_printable.sub("_", text)[:longest] or "-"


def _time(moment: datetime) -> str:
    return timestamp(moment)


def _send(connection: socket.socket, data: bytes, deadline: Deadline) -> None:
    for start in range(0, len(data), tls.CHUNK):
        connection.settimeout(deadline.left())
        connection.sendall(data[start : start + tls.CHUNK])


def _await_end(connection: socket.socket, deadline: Deadline) -> None:
    """Read until the receiver closes; what it says means nothing in syslog."""
    received = 0
    while received <= tls.ANSWER_LIMIT:
        connection.settimeout(deadline.left())
        answer = connection.recv(tls.CHUNK)
        if not answer:
            return
        received += len(answer)
    raise tls.Unconfirmed("it answers without end, which no syslog receiver does")
