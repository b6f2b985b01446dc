"""TLS for a sender who must know that the receiver read to the end.

`ssl.SSLSocket.unwrap` cannot tell: it takes an alert of the receiver for the end of the conversation, so
that a batch which was refused would count as taken. Here the two ends of the conversation are read one by
one.
"""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress

from audits.siem.transport import Deadline

CHUNK = 16 * 1024
ANSWER_LIMIT = 64 * 1024


class Unconfirmed(OSError):
    """The receiver went away without saying that it had read to the end."""


class Conversation:
    """One way: we speak, the receiver listens and says when it has heard the end."""

    def __init__(
        self, connection: socket.socket, context: ssl.SSLContext, host: str, deadline: Deadline
    ) -> None:
        self._connection = connection
        self._deadline = deadline
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._until_done(self._tls.do_handshake)

    def send(self, data: bytes) -> None:
        for start in range(0, len(data), CHUNK):
            part = data[start : start + CHUNK]
            self._until_done(lambda part=part: self._tls.write(part))  # type: ignore[misc]

    def end(self, *, trust_eof: bool) -> None:
        """Say close_notify and wait for the receiver's (RFC 5425, 4.4), and for the connection's end.

        With `trust_eof` the end of the connection is enough: for receivers that break the RFC there.

        Raises:
            ssl.SSLError: the receiver sent an alert, for example because it wants a certificate of ours.
            Unconfirmed: it closed without close_notify.
        """
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._flush()
        self._connection.shutdown(socket.SHUT_WR)
        answered, notified = 0, False
        while received := self._receive():
            self._incoming.write(received)
            answered += len(received)
            if answered > ANSWER_LIMIT:
                raise Unconfirmed("it answers without end, which no syslog receiver does")
            notified = notified or self._is_notified()
        if not notified and not trust_eof:
            raise Unconfirmed(
                "it closed without close_notify (RFC 5425, 4.4), so nothing shows that it read to the end. "
                "If it never sends one, as rsyslog's gtls driver, add ?close=eof to the address"
            )

    def _is_notified(self) -> bool:
        try:
            while self._tls.read(CHUNK):
                pass
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLZeroReturnError:
            pass
        return True

    def _until_done(self, step: Callable[[], object]) -> None:
        while True:
            try:
                step()
            except ssl.SSLWantReadError:
                self._flush()
                received = self._receive()
                if not received:
                    raise Unconfirmed("it closed the connection before it had listened") from None
                self._incoming.write(received)
            except ssl.SSLError:
                self._flush()  # tell the receiver why
                raise
            else:
                self._flush()
                return

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._connection.settimeout(self._deadline.left())
            self._connection.sendall(data)

    def _receive(self) -> bytes:
        self._connection.settimeout(self._deadline.left())
        return self._connection.recv(CHUNK)
