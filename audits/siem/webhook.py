"""HTTP POST of a batch, signed as Standard Webhooks 1.0 has it (standardwebhooks.com, symmetric `v1`).

The body is a JSON array of records, or lines of CEF. A batch that is sent again unchanged keeps its
`webhook-id`; each record has an id of its own besides. Any 2xx confirms the whole batch.
"""

import hashlib
import re
import ssl
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import httpcore2
import httpx2
from standardwebhooks import Webhook

from audits.siem.address import Sink
from audits.siem.record import json_array
from audits.siem.transport import Deadline, Message, NotDelivered, Options, tls_context


def deliver(sink: Sink, messages: Sequence[Message], options: Options) -> None:
    """
    Raises:
        NotDelivered: no answer in time, or one that is not 2xx. Redirects are not followed.
    """
    context = tls_context(options)
    deadline = Deadline(options.seconds)
    body, kind = _body(sink, messages)
    headers = {"Content-Type": kind, **signed(body, options.webhook_secret)}
    try:
        with (
            httpx2.Client(
                transport=_Door(context, deadline), trust_env=False, follow_redirects=False
            ) as client,
            client.stream("POST", sink.url, content=body, headers=headers) as response,
        ):
            status, succeeded = response.status_code, response.is_success
    except (httpx2.TimeoutException, TimeoutError) as error:
        raise NotDelivered(f"{sink.host} did not answer within {options.seconds:g} seconds.") from error
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise NotDelivered(f"{sink.host} could not be reached: {_without_address(error, sink)}.") from error
    if not succeeded:
        raise NotDelivered(f"{sink.host} answered with HTTP {status}; only 2xx confirms a batch.")


def signed(body: bytes, secret: str) -> dict[str, str]:
    """The headers that let the receiver check who sent it, when, and that nothing was altered."""
    now = datetime.now(UTC)
    message_id = f"msg_{hashlib.sha256(body).hexdigest()[:40]}"
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, now, body.decode()),
    }


def _body(sink: Sink, messages: Sequence[Message]) -> tuple[bytes, str]:
    lines = [message.line for message in messages]
    if sink.format == "cef":
        return b"".join(line + b"\n" for line in lines), "text/plain; charset=utf-8"
    return json_array(lines), "application/json"


def _without_address(error: Exception, sink: Sink) -> str:
    """What the library says, should it quote the URL, which may hold a token."""
    return re.sub(r"https?://\S+", sink.host, str(error).replace(sink.url, sink.host))


class _Door(httpx2.HTTPTransport):
    """One connection, no proxy of the environment, and an end however slowly the answer drips."""

    def __init__(self, context: ssl.SSLContext, deadline: Deadline) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context, max_keepalive_connections=0, network_backend=_Network(deadline)
        )


class _Network(httpcore2.NetworkBackend):
    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002 - the deadline is shorter
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        stream = self._sockets.connect_tcp(host, port, self._deadline.left(), local_address, socket_options)
        return _Stream(stream, self._deadline)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002 - the deadline
        return self._stream.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - the deadline
        self._stream.write(buffer, self._deadline.left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the deadline
    ) -> httpcore2.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _Stream(secured, self._deadline)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
