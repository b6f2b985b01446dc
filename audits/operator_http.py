"""HTTP to addresses that an operator wrote into the settings: anchors and key servers, nobody else.

https everywhere, http only to this machine; no redirect followed, no proxy taken from the environment, a
short end to every wait, and a cap on what is read. (Whatever is not an operator's own choice of address
goes through `agents.outbound`, which checks the address itself.)
"""

import ipaddress
from urllib.parse import urlsplit

import httpx2

from audits.capped import CappedStream

MAX_BYTES = 1024 * 1024


class AddressRefused(ValueError):
    """Not an address that may be used; the message says why, without repeating secrets in it."""


class AnswerTooLong(Exception):
    """More was answered than anybody asked for."""


def check_address(url: str) -> None:
    """
    Raises:
        AddressRefused: neither https, nor http to this machine; or with a password in it.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise AddressRefused("not a URL.") from error
    if parts.scheme not in ("https", "http") or not host:
        raise AddressRefused("use an address that begins with https://.")
    if parts.username or parts.password:
        raise AddressRefused(f"{host}: a password does not belong into an address.")
    if parts.scheme == "http" and not is_here(host):
        raise AddressRefused(f"{host}: use https; plain http is for this machine alone (127.0.0.1).")


def client(timeout_seconds: float, max_bytes: int = MAX_BYTES) -> httpx2.Client:
    """A client to use once, in a `with`. Raises from its requests: `httpx2.HTTPError`, `AnswerTooLong`."""
    return httpx2.Client(
        transport=_Capped(max_bytes),
        timeout=httpx2.Timeout(timeout_seconds),
        follow_redirects=False,
        trust_env=False,
    )


def is_here(host: str) -> bool:
    """Whether this is this machine itself."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Capped(httpx2.HTTPTransport):
    def __init__(self, max_bytes: int) -> None:
        super().__init__(trust_env=False)
        self._max_bytes = max_bytes

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        response = super().handle_request(request)
        if isinstance(response.stream, httpx2.SyncByteStream):
            too_long = AnswerTooLong(f"more than {self._max_bytes} bytes were answered.")
            response.stream = CappedStream(response.stream, self._max_bytes, lambda: too_long)
        return response
