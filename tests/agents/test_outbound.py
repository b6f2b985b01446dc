"""The one door out: what may leave, where it goes, and how much may come back."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpcore2
import httpx2
import pytest
from pytest_django import Settings

from agents import addresses, outbound
from agents.outbound import OutboundError

PUBLIC, PRIVATE = "93.184.215.14", "10.0.0.7"


class QuietServer(ThreadingHTTPServer):
    """Clients that hang up are what some tests are about."""

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def server(
    answer: Callable[[BaseHTTPRequestHandler], None], *, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[str]]]:
    """A server on loopback: its URL, and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's word
            pass

    serving = QuietServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        serving.socket = tls.wrap_socket(serving.socket, server_side=True)
    thread = threading.Thread(target=serving.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{serving.server_port}/", asked
    finally:
        serving.shutdown()
        serving.server_close()
        thread.join()


def says(
    body: bytes, *, status: int = 200, headers: dict[str, str] | None = None
) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def resolving_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """A name server that gives these answers one after the other; the names it was asked for."""
    asked: list[str] = []
    given = {address for answer in answers for address in answer}
    really = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
        if host in given:
            return list(really(host, port, *rest, **more))
        addresses = answers[min(len(asked), len(answers) - 1)]
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def recording_connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    connected: list[str] = []

    def connect_tcp(self: object, host: str, *_: object) -> httpcore2.NetworkStream:
        connected.append(host)
        return httpcore2.MockStream([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"{}"])

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", connect_tcp)
    return connected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://NVD.nist.gov/x", ("nvd.nist.gov", 443)),
        ("https://nvd.nist.gov.:8443", ("nvd.nist.gov", 8443)),
        ("http://münchen.example/", ("xn--mnchen-3ya.example", 80)),
        ("http://[::1]:8080/", ("::1", 8080)),
        ("http://127.0.0.1", ("127.0.0.1", 80)),
    ],
)
def test_origin_is_canonical(url: str, expected: tuple[str, int]) -> None:
    assert outbound.origin(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "/relative",
        "",
        "http://",
        "http:///path",
        "http://someone:secret@example.org/",
        "http://someone@example.org/",
        "http://a..b/",
        "http://0177.0.0.1/",
        "http://-a.example/",
        "http://exa%6dple.org/",
        "http://[fe80::1%25eth0]/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://\u24db\u24de\u24d2al/",
        "http://ex\x00ample.org/",
    ],
)
def test_origin_refuses_what_hides_something(url: str) -> None:
    with pytest.raises(OutboundError) as caught:
        outbound.origin(url)
    assert not caught.value.temporary


@pytest.mark.parametrize(
    "address", ["93.184.215.14", "2606:2800:21f:cb07::1", "::ffff:93.184.215.14", "64:ff9b::5db8:d70e"]
)
def test_public_addresses(address: str) -> None:
    assert addresses.is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - an address to refuse
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not addresses.is_public(address)


def test_a_configured_service_may_be_on_loopback() -> None:
    with server(says(b'{"answer": 42}')) as (url, _):
        assert outbound.get_json(url, trusted_origins=[url]) == {"answer": 42}


def test_an_origin_the_setting_allows_may_be_on_loopback(settings: Settings) -> None:
    with server(says(b"[]")) as (url, _):
        settings.OUTBOUND_ALLOWED_PRIVATE = [url.removeprefix("http://").rstrip("/")]
        assert outbound.get_json(url) == []


def test_loopback_is_refused_before_anything_is_sent() -> None:
    with server(says(b"[]")) as (url, asked):
        with pytest.raises(OutboundError, match="not a public address"):
            outbound.get_json(url)
        with pytest.raises(OutboundError, match="not a public address"):
            outbound.get_json(url, trusted_origins=["http://127.0.0.1:1/"])
        assert asked == []


@pytest.mark.parametrize("host", ["metadata.example", "2130706433", "0x7f.1"])
def test_a_name_with_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    resolving_to(monkeypatch, ["169.254.169.254"])
    connected = recording_connections(monkeypatch)
    with pytest.raises(OutboundError, match="not a public address"):
        outbound.get_json(f"http://{host}/latest/meta-data/")
    assert connected == []


def test_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, [PUBLIC, PRIVATE])
    connected = recording_connections(monkeypatch)
    with pytest.raises(OutboundError, match=PRIVATE):
        outbound.get_json("http://mixed.example/")
    assert connected == []


def test_a_name_that_changes_its_address_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = resolving_to(monkeypatch, [PUBLIC], [PRIVATE])
    connected = recording_connections(monkeypatch)
    assert outbound.get_json("http://rebinding.example./") == {}
    assert asked == ["rebinding.example"]
    assert connected == [PUBLIC]


def test_the_next_address_is_tried_where_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving_to(monkeypatch, [PUBLIC, "93.184.215.15"])
    connected = recording_connections(monkeypatch)
    connect = httpcore2.SyncBackend.connect_tcp

    def refuses_the_first(self: httpcore2.SyncBackend, host: str, *rest: Any) -> httpcore2.NetworkStream:
        if host == PUBLIC:
            raise httpcore2.ConnectError("refused")
        return connect(self, host, *rest)

    monkeypatch.setattr(httpcore2.SyncBackend, "connect_tcp", refuses_the_first)
    assert outbound.get_json("http://two.example/") == {}
    assert connected == ["93.184.215.15"]


def test_a_name_that_does_not_resolve_is_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    def getaddrinfo(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(OutboundError, match=r"nowhere\.example") as caught:
        outbound.get_json("http://nowhere.example/")
    assert caught.value.temporary


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with server(says(b"[]")) as (proxy, asked), server(says(b'"direct"')) as (url, _):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("ALL_PROXY", proxy)
        assert outbound.get_json(url, trusted_origins=[url]) == "direct"
        assert asked == []


def test_a_redirect_is_not_followed() -> None:
    with server(says(b"{}", status=302, headers={"Location": "/elsewhere"})) as (url, asked):
        with pytest.raises(OutboundError, match="302") as caught:
            outbound.get_json(url, trusted_origins=[url])
        assert asked == ["/"]
    assert not caught.value.temporary


@pytest.mark.parametrize(
    ("status", "temporary"), [(400, False), (404, False), (429, True), (500, True), (503, True)]
)
def test_the_error_says_whether_trying_again_can_help(status: int, temporary: bool) -> None:  # noqa: FBT001
    with (
        server(says(b"{}", status=status, headers={"Retry-After": "17"})) as (url, _),
        pytest.raises(OutboundError) as caught,
    ):
        outbound.get_json(url, trusted_origins=[url])
    assert (caught.value.temporary, caught.value.status) == (temporary, status)
    assert caught.value.retry_after == 17


def test_an_answer_that_is_too_long_is_refused() -> None:
    with server(says(b"[" + b" " * 5000 + b"]")) as (url, _):
        with pytest.raises(OutboundError, match="more than 4096 bytes"):
            outbound.get_json(url, trusted_origins=[url], max_bytes=4096)
        assert outbound.get_json(url, trusted_origins=[url], max_bytes=5002) == []


def test_a_compressed_answer_is_refused() -> None:
    with (
        server(says(b"x", headers={"Content-Encoding": "gzip"})) as (url, _),
        pytest.raises(OutboundError, match="compressed"),
    ):
        outbound.get_json(url, trusted_origins=[url])


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"\xff"])
def test_an_answer_that_is_not_json_is_refused(body: bytes) -> None:
    with server(says(body)) as (url, _), pytest.raises(OutboundError, match="not JSON") as caught:
        outbound.get_json(url, trusted_origins=[url])
    assert not caught.value.temporary


def test_a_server_that_drips_is_left_when_the_time_is_up() -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        for _ in range(100):
            try:
                handler.wfile.write(b" ")
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    with server(drip) as (url, _), pytest.raises(OutboundError, match=r"within 0\.3 s") as caught:
        outbound.get_json(url, trusted_origins=[url], timeout_seconds=0.3)
    assert caught.value.temporary


def test_nobody_listening_is_temporary() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    with pytest.raises(OutboundError) as caught:
        outbound.get_json(url, trusted_origins=[url])
    assert caught.value.temporary


def test_a_replaced_door_still_checks_the_url() -> None:
    seen: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(200, json={"host": request.headers["Host"]})

    with outbound.replaced_by(httpx2.MockTransport(answer)):
        got = outbound.get_json("https://API.example.:8443/x", params={"q": "1"}, headers={"k": "v"})
        with pytest.raises(OutboundError, match="user name"):
            outbound.get_json("https://a:b@api.example/")
    assert got == {"host": "api.example:8443"}
    assert [str(request.url) for request in seen] == ["https://api.example:8443/x?q=1"]
    assert seen[0].headers["k"] == "v"


def test_a_replacement_ends_with_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    with outbound.replaced_by(httpx2.MockTransport(lambda _: httpx2.Response(200, json=1))):
        pass
    resolving_to(monkeypatch, [PRIVATE])
    with pytest.raises(OutboundError, match="not a public address"):
        outbound.get_json("http://api.example/")
