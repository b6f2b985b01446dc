"""TLS through the door: the address is pinned, the certificate is still checked for the name."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from agents import outbound
from agents.outbound import OutboundError
from tests.agents.test_outbound import resolving_to, says, server


def certificate_for(name: str, folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for `name`, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private


@pytest.mark.parametrize(
    ("issued_to", "trusted", "reached"),
    [("tls.example", True, True), ("other.example", True, False), ("tls.example", False, False)],
)
def test_the_certificate_must_be_for_the_name_although_the_address_is_pinned(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    issued_to: str,
    trusted: bool,  # noqa: FBT001
    reached: bool,  # noqa: FBT001
) -> None:
    certificate, private = certificate_for(issued_to, tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate, private)
    asking = ssl.create_default_context(cafile=str(certificate) if trusted else None)
    monkeypatch.setattr(outbound, "_tls_context", lambda: asking)
    resolving_to(monkeypatch, ["127.0.0.1"])
    with server(says(b"[]"), tls=serving) as (url, asked):
        named = url.replace("http://127.0.0.1", "https://tls.example")
        if reached:
            assert outbound.get_json(named, trusted_origins=[named]) == []
        else:
            with pytest.raises(OutboundError, match="certificate verify failed"):
                outbound.get_json(named, trusted_origins=[named])
        assert asked == (["/"] if reached else [])
