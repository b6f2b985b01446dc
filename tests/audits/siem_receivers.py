"""What stands in for SIEMs in tests: real servers on loopback, in a thread each."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from standardwebhooks import Webhook

SECRET = "whsec_" + "c2llbXNpZW1zaWVtc2llbXNpZW1zaWVtc2llbXM="
WAIT = 20


class Syslog:
    """Takes connections and keeps the messages of each; `refusing` resets instead, with data unread."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.messages: list[bytes] = []
        self.connections = 0
        self.refusing: Callable[[], bool] = lambda: False
        self.polite = True
        self.told = threading.Event()
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port: int = self._socket.getsockname()[1]

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            try:
                self._receive(connection)
            except OSError:
                pass  # What went wrong is the sender's to notice.
            finally:
                connection.close()

    def _receive(self, connection: socket.socket) -> None:
        connection.settimeout(WAIT)
        if self._tls is None:
            self._read(connection)
            return
        with self._tls.wrap_socket(connection, server_side=True) as secured:
            self._read(secured)
            if self.polite and not self.refusing():
                secured.unwrap()

    def _read(self, connection: socket.socket) -> None:
        if self.refusing():
            connection.recv(1)
            linger = struct.pack("ii", 1, 0)  # close with a reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            return
        self.messages += counted(b"".join(iter(lambda: connection.recv(65536), b"")))
        self.told.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(WAIT)

    @property
    def records(self) -> list[Any]:
        return [json.loads(body(message)) for message in self.messages]

    @property
    def sequence(self) -> list[int]:
        return [record["seq"] for record in self.records]


def counted(data: bytes) -> list[bytes]:
    """The messages of an octet-counted stream (RFC 6587, 3.4.1); it must come out even."""
    messages = []
    while data:
        length, _, data = data.partition(b" ")
        assert length.isdigit(), data
        messages.append(data[: int(length)])
        assert len(messages[-1]) == int(length)
        data = data[int(length) :]
    return messages


def body(message: bytes) -> bytes:
    """MSG of an RFC 5424 message: what follows the structured data, of which values escape `]`."""
    assert message.startswith(b"<"), message
    rest = message.split(b" ", 6)[6]
    return rest.partition(b"] ")[2]


class Hook:
    """A collector that checks Standard Webhooks signatures, and answers what `answer` says."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.ids: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.answer: Callable[[], int] = lambda: 204
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook._take(self)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base's word
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.port: int = self._server.server_address[1]

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        content = request.rfile.read(int(request.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in request.headers.items()}
        Webhook(SECRET).verify(content, headers, json_parse=False)
        status = self.answer()
        self.headers.append(headers)
        self.paths.append(request.path)
        self.ids.append(headers["webhook-id"])
        if 200 <= status < 300:
            self.bodies.append(content)
        request.send_response(status)
        if 300 <= status < 400:
            request.send_header("Location", "/elsewhere")
        request.end_headers()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(WAIT)

    @property
    def sequence(self) -> list[int]:
        return [record["seq"] for content in self.bodies for record in json.loads(content)]


@contextmanager
def silent() -> Iterator[int]:
    """A port that takes a connection and never reads: the kernel answers, nobody else does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def closed_port() -> int:
    """Nobody listens there."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def certificate(folder: Path, name: str = "localhost") -> tuple[Path, ssl.SSLContext]:
    """A certificate for `name`, or an address, as the file that trusts it and as a server's context."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "127.0.0.1":
        names = [x509.IPAddress(IPv4Address(name))]
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, both = folder / "ca.pem", folder / "server.pem"
    trusted.write_bytes(signed.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    both.write_bytes(private + signed.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return trusted, context
