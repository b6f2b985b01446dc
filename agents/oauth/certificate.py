"""Client certificates as the proxy that ends TLS hands them on (RFC 8705, RFC 9440, X.509-SVID). Pure.

That its holder has the private key, and who signed it, the proxy has checked in the handshake. Everything
else is read here from the certificate itself: never from what the proxy says about it.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from agents.oauth.errors import invalid_client

XFCC, RFC9440 = "xfcc", "rfc9440"
HEADERS: Mapping[str, str] = {XFCC: "X-Forwarded-Client-Cert", RFC9440: "Client-Cert"}
MAX_CHARACTERS = 32 * 1024
# One element of Envoy's header; a comma outside quotes would begin another one.
PAIR = r'[A-Za-z]+=(?:"(?:[^"\\]|\\.)*"|[^",;=]*)'
ELEMENT = re.compile(rf"{PAIR}(?:;{PAIR})*", re.ASCII)
BYTES = re.compile(r":([A-Za-z0-9+/]+={0,2}):", re.ASCII)
UNREADABLE = (
    ValueError,
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says; `thumbprint` is its `x5t#S256` (RFC 8705 section 3.1)."""

    thumbprint: str
    names: tuple[str, ...]
    starts: datetime
    ends: datetime
    may_sign: bool
    for_clients: bool


def read(header: str, *, form: str) -> Certificate:
    """The one certificate of a header, in the form that the proxy is known to write.

    Raises:
        OAuthError: there is not exactly one, or it cannot be read.
    """
    if len(header) > MAX_CHARACTERS:
        raise invalid_client(f"The certificate has more than {MAX_CHARACTERS} characters.")
    try:
        return of(FORMS[form](header.strip(" \t")))
    except UNREADABLE as error:
        raise invalid_client(f"The proxy handed on no certificate that can be read: {error}") from error


def of(certificate: x509.Certificate) -> Certificate:
    """
    Raises:
        ValueError, or another of `UNREADABLE`: an extension of it cannot be read.
    """
    extensions = certificate.extensions
    return Certificate(
        thumbprint=base64.urlsafe_b64encode(certificate.fingerprint(hashes.SHA256())).rstrip(b"=").decode(),
        names=_names(extensions),
        starts=certificate.not_valid_before_utc,
        ends=certificate.not_valid_after_utc,
        may_sign=_may_sign(extensions),
        for_clients=_is_for_clients(extensions),
    )


def check_time(certificate: Certificate, now: datetime) -> None:
    """
    Raises:
        OAuthError: its time is over or has not come.
    """
    if not certificate.starts <= now < certificate.ends:
        raise invalid_client("The certificate's time is over or has not come.")


def spiffe_id(certificate: Certificate, *, trust_domain: str) -> str:
    """Whose X.509-SVID it is (SPIFFE X.509-SVID sections 2, 3 and 5.2).

    Raises:
        OAuthError: it has not exactly one name, it is of another trust domain, or it is no leaf for clients.
    """
    if len(certificate.names) != 1:
        raise invalid_client("An X.509-SVID has exactly one URI as its alternative name.")
    if certificate.may_sign or not certificate.for_clients:
        raise invalid_client("An X.509-SVID of a client signs no certificates, and is for clients.")
    (name,) = certificate.names
    if not name.startswith(f"spiffe://{trust_domain}/"):
        raise invalid_client("The certificate is of another trust domain.")
    return name


def _of_xfcc(header: str) -> x509.Certificate:
    """Envoy's `x-forwarded-client-cert`: the PEM, percent-encoded, in the `Cert` of its one element."""
    if not ELEMENT.fullmatch(header):
        raise ValueError("the header is not exactly one element of x-forwarded-client-cert.")
    found = [pair for pair in re.findall(PAIR, header, re.ASCII) if pair.lower().startswith("cert=")]
    if len(found) != 1:
        raise ValueError("its element has not exactly one Cert.")
    text = unquote_to_bytes(found[0].partition("=")[2].strip('"'))
    certificates = x509.load_pem_x509_certificates(text)
    if len(certificates) != 1:
        raise ValueError("its Cert is more than one certificate.")
    return certificates[0]


def _of_rfc9440(header: str) -> x509.Certificate:
    """RFC 9440 section 2.1: DER as a byte sequence of RFC 8941 section 3.3.5, written in one way alone."""
    found = BYTES.fullmatch(header)
    if found is None:
        raise ValueError("the header is not exactly one byte sequence.")
    try:
        content = base64.b64decode(found[1], validate=True)
    except binascii.Error as error:
        raise ValueError("its byte sequence is not base64.") from error
    if base64.b64encode(content).decode() != found[1]:
        raise ValueError("its byte sequence is not written in the one form of base64.")
    return x509.load_der_x509_certificate(content)


def _names(extensions: x509.Extensions) -> tuple[str, ...]:
    try:
        found = extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(found.value.get_values_for_type(x509.UniformResourceIdentifier))


def _may_sign(extensions: x509.Extensions) -> bool:
    """Whether it is, or says that it is, the certificate of an authority."""
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return True
    except x509.ExtensionNotFound:
        pass
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return usage.key_cert_sign or usage.crl_sign


def _is_for_clients(extensions: x509.Extensions) -> bool:
    try:
        usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.CLIENT_AUTH in usages


FORMS: Mapping[str, Callable[[str], x509.Certificate]] = {XFCC: _of_xfcc, RFC9440: _of_rfc9440}
