"""What stands outside in tests, on loopback: a time stamping authority, a witness, a receiver of webhooks."""

import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from audits.keyring import KeyRing
from audits.note import VerifierKey, WitnessKey
from audits.witness.server import WitnessServer
from audits.witness.state import Witness

Answer = Callable[[bytes, dict[str, str]], tuple[int, bytes]]


@contextmanager
def receiving(answer: Answer) -> Iterator[str]:
    """The address of a server that answers each POST with what `answer` gives: status and content."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            status, said = answer(content, {name.lower(): value for name, value in self.headers.items()})
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_arguments: object) -> None:
            pass

    with _running(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield address


@contextmanager
def witnessing(origin: VerifierKey, directory: Path) -> Iterator[tuple[str, Witness]]:
    """The address of a witness of one log, as `COUNTERSIGN_ANCHORS` takes it, and the witness."""
    key = WitnessKey("witness.example", Ed25519PrivateKey.generate())
    witness = Witness(key, {origin.name: KeyRing(origin)}, directory / "witness.json")
    with _running(WitnessServer(("127.0.0.1", 0), witness)) as address:
        yield f"witness+{address}?key={key.verifier}", witness


@dataclass
class Authority:
    """A time stamping authority of the OpenSSL command line; `roots` is a PEM file with its root."""

    directory: Path
    roots: Path
    answers: list[bytes] = field(default_factory=list)

    def reply(self, query: bytes, _headers: dict[str, str]) -> tuple[int, bytes]:
        (self.directory / "query.tsq").write_bytes(query)
        subprocess.run(
            ["openssl", "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", "query.tsq",
             "-out", "reply.tsr"],
            cwd=self.directory, check=True, capture_output=True,
        )  # fmt: skip
        self.answers.append((self.directory / "reply.tsr").read_bytes())
        return 200, self.answers[-1]


CONFIGURATION = """
[tsa]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""


@contextmanager
def timestamping(directory: Path) -> Iterator[tuple[str, Authority]]:
    """The address of a time stamping authority, as `COUNTERSIGN_ANCHORS` takes it, and the authority."""
    directory.mkdir()
    root, root_key = _certificate("Test root", None)
    leaf, leaf_key = _certificate("Test authority", (root, root_key))
    for name, certificate in (("root.pem", root), ("tsa.pem", leaf)):
        (directory / name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "tsa.key").write_bytes(private)
    (directory / "tsa.cnf").write_text(CONFIGURATION)
    (directory / "serial").write_text("01\n")
    authority = Authority(directory, directory / "root.pem")
    with receiving(authority.reply) as address:
        yield f"tsa+{address}", authority


def _certificate(
    name: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    parent, parent_key = issuer or (None, key)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(parent.subject if parent else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=parent is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(parent_key.public_key()), critical=False
        )
    )
    if parent is not None:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        built = built.add_extension(usage, critical=True)
    return built.sign(parent_key, hashes.SHA256()), key


@contextmanager
def _running(server: ThreadingHTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
