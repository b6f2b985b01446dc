"""The one door out: every HTTP request of the product leaves through here (S2-9).

What the door holds, for each request:

* http and https only, no user name or password in the URL, the host name canonical (IDNA, no
  trailing dot), no redirect followed by itself, no proxy taken from the environment;
* the name is resolved once, every address it resolves to is checked, and the connection goes to an
  address that was checked: a second answer of the name server (DNS rebinding) has no effect;
* private, loopback, link-local and other addresses that are not globally reachable, cloud metadata
  among them, are refused unless an operator named the origin: in `OUTBOUND_ALLOWED_PRIVATE`, or as
  the URL of a service this product was pointed at (`trusted_origins`);
* what leaves while an agent acts is asked of its egress lists first, and recorded (`outbound_watch`);
* one connection a request, an end to it in seconds however slowly the other side drips, and a cap on
  the bytes of the answer, which is never decompressed.

The error says whether trying again can help. Tests replace the door with `replaced_by`.
"""

import functools
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpcore2
import httpx2
from django.conf import settings

from agents import outbound_watch, strict_json
from agents.addresses import is_metadata, is_public
from agents.outbound_watch import Origin
from agents.strict_json import JSON
from audits.capped import CappedStream

TIMEOUT_SECONDS = 20.0
MAX_BYTES = 16 * 1024 * 1024
DEFAULT_PORTS = {"http": 80, "https": 443}
HTTP_TOO_MANY_REQUESTS, HTTP_SERVER_ERRORS = 429, 500
LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


class OutboundError(httpx2.TransportError):
    """A request that was refused here or failed out there.

    `temporary` says whether trying again can help; `status` is the HTTP status where there was one,
    `retry_after` the seconds the other side asked us to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        temporary: bool = False,
        status: int | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.temporary = temporary
        self.status = status
        self.retry_after = retry_after


class AnswerError(OutboundError):
    """There was an answer, and it is not taken: too long, or in an encoding nobody asked for."""


def client(
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    trusted_origins: Collection[str] = (),
    max_bytes: int = MAX_BYTES,
) -> httpx2.Client:
    """A client whose every request goes through the door; close it after use (`with`).

    Args:
        timeout_seconds: the end of a request, from connecting to the answer's last byte.
        trusted_origins: URLs an operator configured; their host and port may be private.
        max_bytes: the longest answer that is read.

    Raises (from its requests): `OutboundError` where the door refuses; other
    `httpx2.TransportError`s where the network fails.
    """
    return httpx2.Client(
        transport=transport(
            timeout_seconds=timeout_seconds, trusted_origins=trusted_origins, max_bytes=max_bytes
        ),
        timeout=httpx2.Timeout(timeout_seconds),
        follow_redirects=False,
        trust_env=False,
    )


def transport(
    *,
    timeout_seconds: float = TIMEOUT_SECONDS,
    trusted_origins: Collection[str] = (),
    max_bytes: int = MAX_BYTES,
) -> httpx2.BaseTransport:
    """The door itself, for a library that brings its own client (arguments as for `client`)."""
    allowed = {origin(url) for url in trusted_origins if url} | {
        origin(f"http://{entry}") for entry in settings.OUTBOUND_ALLOWED_PRIVATE
    }
    return _Door(allowed=frozenset(allowed), seconds=timeout_seconds, max_bytes=max_bytes)


def get_json(
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    trusted_origins: Collection[str] = (),
    max_bytes: int = MAX_BYTES,
) -> JSON:
    """GET a JSON document.

    Raises:
        OutboundError: refused, unreachable, too slow, too long, not 200, or not JSON. 429, 5xx and
            failures of the network are `temporary`.
    """
    with client(
        timeout_seconds=timeout_seconds, trusted_origins=trusted_origins, max_bytes=max_bytes
    ) as door:
        try:
            response = door.get(url, params=params, headers=headers)
        except OutboundError:
            raise
        except httpx2.TimeoutException as error:
            message = f"{_host(url)} did not answer within {timeout_seconds:g} seconds."
            raise OutboundError(message, temporary=True) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            message = f"{_host(url)} could not be reached: {error}"
            raise OutboundError(message, temporary=isinstance(error, httpx2.HTTPError)) from error
    if response.status_code != httpx2.codes.OK:
        raise _status_error(response, url)
    try:
        document: JSON = strict_json.loads(response.content)
    except strict_json.StrictJSONError as error:
        raise OutboundError(f"{_host(url)} answered with what is not JSON: {error}") from error
    return document


@contextmanager
def replaced_by(replacement: httpx2.BaseTransport) -> Iterator[None]:
    """For tests: what passes the door's checks of the URL goes to `replacement`, not to the network.

    Usually an `httpx2.MockTransport(handler)`. Names are not resolved meanwhile.
    """
    _replacements.append(replacement)
    try:
        yield
    finally:
        _replacements.remove(replacement)


def origin(url: str | httpx2.URL) -> Origin:
    """The canonical host and port of a URL.

    Raises:
        OutboundError: not an http(s) URL with a host name or address and nothing hidden in it.
    """
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise OutboundError(f"Not a URL: {error}") from error
    if parsed.scheme not in DEFAULT_PORTS:
        raise OutboundError(f"Refused: only http and https may leave, not {parsed.scheme or 'nothing'}.")
    if parsed.userinfo:
        raise OutboundError("Refused: a URL with a user name or password in it.")
    host = parsed.raw_host.decode("ascii").lower().removesuffix(".")
    if not _is_address(host) and not all(LABEL.fullmatch(label) for label in host.split(".")):
        raise OutboundError(f"Refused: {host or 'an empty text'!r} is not a host name.")
    port = DEFAULT_PORTS[parsed.scheme] if parsed.port is None else parsed.port
    if not 0 < port < 2**16:
        raise OutboundError(f"Refused: {port} is not a port.")
    return host, port


_replacements: list[httpx2.BaseTransport] = []


class _Door(httpx2.HTTPTransport):
    def __init__(self, *, allowed: frozenset[Origin], seconds: float, max_bytes: int) -> None:
        context = _tls_context()
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            max_keepalive_connections=0,
            network_backend=_CheckedNetwork(allowed=allowed, seconds=seconds),
        )
        self._max_bytes = max_bytes

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        host, _ = origin(request.url)
        request.url = request.url.copy_with(host=host)
        request.headers["Host"] = request.url.netloc.decode("ascii")
        request.headers["Accept-Encoding"] = "identity"
        return outbound_watch.send(request, self._send)

    def _send(self, request: httpx2.Request) -> httpx2.Response:
        host, _ = origin(request.url)
        if _replacements:
            response = _replacements[-1].handle_request(request)
        else:
            response = super().handle_request(request)
        if response.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
            response.close()
            raise AnswerError(f"{host} sent a compressed answer that was not asked for.")
        if isinstance(response.stream, httpx2.SyncByteStream):
            too_long = AnswerError(f"{host} answered with more than {self._max_bytes} bytes.")
            response.stream = CappedStream(response.stream, self._max_bytes, lambda: too_long)
        return response


class _CheckedNetwork(httpcore2.NetworkBackend):
    """Connects only to addresses that were checked, and only until the end of the request."""

    def __init__(self, *, allowed: frozenset[Origin], seconds: float) -> None:
        self._allowed = allowed
        self._seconds = seconds
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        end = time.monotonic() + self._seconds
        failure: Exception = httpcore2.ConnectError(f"{host} has no address.")
        for address in self._checked_addresses(host, port):
            if passage := outbound_watch.current():
                passage.address = address
            try:
                stream = self._sockets.connect_tcp(
                    address, port, _until(end, timeout), local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return _EndingStream(stream, end)
        raise failure

    def _checked_addresses(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"the name {host} could not be resolved ({error})") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        passage = outbound_watch.current()
        allowed = self._allowed | (passage.private if passage else frozenset())
        for address in addresses:
            # Where a cloud hands out credentials nobody gets by a name: the address itself must be named.
            by_name = is_metadata(address) and not _is_address(host)
            if is_public(address) or ((host, port) in allowed and not by_name):
                continue
            if passage:
                passage.address, passage.refused = address, True
            raise OutboundError(
                f"Refused: {host} is at {address}, which is not a public address. An operator can "
                f"allow {host}:{port} in COUNTERSIGN_OUTBOUND_ALLOWED_PRIVATE."
            )
        return addresses


class _EndingStream(httpcore2.NetworkStream):
    """A connection on which every wait ends when the request's time is up."""

    def __init__(self, stream: httpcore2.NetworkStream, end: float) -> None:
        self._stream = stream
        self._end = end

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _until(self._end, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _until(self._end, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, _until(self._end, timeout))
        return _EndingStream(secured, self._end)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _until(end: float, timeout: float | None) -> float:
    remaining = end - time.monotonic()
    if remaining <= 0:
        raise httpcore2.ReadTimeout("the time for this request is up")
    return remaining if timeout is None else min(timeout, remaining)


@functools.cache
def _tls_context() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return "%" not in host


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the other side"


def _status_error(response: httpx2.Response, url: str) -> OutboundError:
    status = response.status_code
    retry_after = response.headers.get("Retry-After", "").strip()
    return OutboundError(
        f"{_host(url)} answered with HTTP {status}.",
        temporary=status == HTTP_TOO_MANY_REQUESTS or status >= HTTP_SERVER_ERRORS,
        status=status,
        retry_after=int(retry_after) if retry_after.isascii() and retry_after.isdigit() else None,
    )
