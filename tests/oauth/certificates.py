"""A mesh with its authority, certificates of its workloads, and the headers in which a proxy puts them."""

import base64
import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agents.models import Agent, AgentInstance, Person
from agents.oauth.jwk import read
from agents.services import copies
from tests.governance.story import version_of

XFCC, RFC9440 = "X-Forwarded-Client-Cert", "Client-Cert"
AUTHORITY = ec.generate_private_key(ec.SECP256R1())
PROXY = "10.20.0.7"


def made(
    *names: str,
    key: Any = None,
    issuer: Any = AUTHORITY,
    starts: datetime | None = None,
    seconds: int = 3600,
    extensions: tuple[x509.ExtensionType, ...] = (),
) -> x509.Certificate:
    """A certificate with these URIs as its alternative names, signed by the mesh unless it says otherwise."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    begins = starts or datetime.now(UTC) - timedelta(minutes=1)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'work;load,"one"')]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mesh")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(seconds=seconds))
    )
    general: list[x509.GeneralName] = [x509.UniformResourceIdentifier(name) for name in names]
    general.append(x509.IPAddress(ipaddress.ip_address("10.1.2.3")))
    builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(issuer, hashes.SHA256())


def for_servers() -> x509.ExtensionType:
    return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])


def authority() -> x509.ExtensionType:
    return x509.BasicConstraints(ca=True, path_length=None)


def self_signed() -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    return made(key=key, issuer=key)


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()


def xfcc(certificate: x509.Certificate) -> str:
    """As Envoy writes it, with what it says besides."""
    digest = certificate.fingerprint(hashes.SHA256()).hex()
    return (
        f'By=spiffe://mesh/proxy;Hash={digest};Cert="{quote(pem(certificate), safe="")}";Subject="CN=\\"x\\""'
    )


def rfc9440(certificate: x509.Certificate) -> str:
    return f":{base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()}:"


def thumbprint(certificate: x509.Certificate) -> str:
    return base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode()


def in_the_mesh(actor: Person, agent: Agent) -> AgentInstance:
    """A copy to which the mesh gives certificates."""
    return copies.provision(actor=actor, agent=agent, version=version_of(agent), jwk=None, days=30)


def with_its_own(actor: Person, agent: Agent, certificate: x509.Certificate) -> AgentInstance:
    """A copy that is registered with its certificate (RFC 8705 section 2.2)."""
    return copies.provision(
        actor=actor, agent=agent, version=version_of(agent), jwk=read(pem(certificate)), days=30
    )
