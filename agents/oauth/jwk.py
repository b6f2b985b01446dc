"""Public keys of agents: which we take, with which algorithms, and their thumbprints (RFC 7517, 7518, 7638).

A library takes whatever parses; what is strong enough is decided here. An algorithm belongs to a key,
never to the header of what was signed with it (RFC 8725 section 3.1).
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from agents import strict_json
from agents.oauth import certificate
from agents.oauth.certificate import Certificate

MIN_RSA_BITS = 2048
MAX_RSA_BITS = 8192
PRIVATE_PARTS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
# Key type and curve to the one algorithm that it signs with, and to its required members (RFC 7638).
EC_P256, OKP_ED25519, RSA = ("EC", "P-256"), ("OKP", "Ed25519"), ("RSA", "")
ALGORITHMS: Mapping[tuple[str, str], tuple[str, ...]] = {
    EC_P256: ("ES256",),
    OKP_ED25519: ("EdDSA",),
    RSA: ("PS256", "RS256"),
}
MEMBERS: Mapping[tuple[str, str], tuple[str, ...]] = {
    EC_P256: ("crv", "kty", "x", "y"),
    OKP_ED25519: ("crv", "kty", "x"),
    RSA: ("e", "kty", "n"),
}
SUPPORTED = tuple(sorted(name for names in ALGORITHMS.values() for name in names))


READABLE = (
    (ec.EllipticCurvePublicKey, "ES256"),
    (ed25519.Ed25519PublicKey, "EdDSA"),
    (rsa.RSAPublicKey, "RS256"),
)


class UnusableKeyError(ValueError):
    """The key is not taken; the message says why."""


class PublicKey:
    """A public key that is strong enough, with its algorithms and its thumbprint.

    `certificate` is the one that it came in, its only `x5c`; None where it came alone.
    """

    def __init__(self, jwk: Mapping[str, Any]) -> None:
        """Raises UnusableKeyError: not a public key, of a type that we do not take, or too weak."""
        kind = self._kind(jwk)
        self.algorithms = ALGORITHMS[kind]
        self.jwk: dict[str, str] = {name: jwk[name] for name in MEMBERS[kind]}
        self.thumbprint = _thumbprint(self.jwk)
        try:
            self.key = jwt.PyJWK(self.jwk, algorithm=self.algorithms[0]).key
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise UnusableKeyError("The key cannot be read.") from error
        if kind == RSA and not MIN_RSA_BITS <= self.key.key_size <= MAX_RSA_BITS:
            raise UnusableKeyError(f"An RSA key needs {MIN_RSA_BITS} to {MAX_RSA_BITS} bits.")
        self.certificate = _certificate(jwk["x5c"], self.key) if "x5c" in jwk else None

    @staticmethod
    def _kind(jwk: Mapping[str, Any]) -> tuple[str, str]:
        if not isinstance(jwk, Mapping):
            raise UnusableKeyError("A key is a JSON object (RFC 7517).")
        if PRIVATE_PARTS & jwk.keys():
            raise UnusableKeyError("This is a private key. Make another pair, and send the public key alone.")
        kty = str(jwk.get("kty"))
        kind = (kty, "" if kty == "RSA" else str(jwk.get("crv")))
        if kind not in ALGORITHMS:
            raise UnusableKeyError("A key is EC on P-256, OKP on Ed25519, or RSA.")
        if not all(isinstance(jwk.get(name), str) for name in MEMBERS[kind]):
            raise UnusableKeyError(f"A key of this type has {', '.join(MEMBERS[kind])}.")
        if jwk.get("use", "sig") != "sig":
            raise UnusableKeyError("The key is not for signatures.")
        return kind


def read(text: str) -> dict[str, Any]:
    """A public key as people have it: a JWK, or PEM. A certificate becomes its `x5c` (RFC 7517 section 4.7).

    Raises:
        UnusableKeyError: it is neither, or a private key.
    """
    if "PRIVATE KEY" in text:
        raise UnusableKeyError("This is a private key. Make another pair, and give the public key alone.")
    more: dict[str, Any] = {}
    try:
        if text.lstrip().startswith("{"):
            found: dict[str, Any] = strict_json.loads(text)
            return found
        if "BEGIN CERTIFICATE" in text:
            held = x509.load_pem_x509_certificate(text.encode())
            more["x5c"] = [base64.b64encode(held.public_bytes(serialization.Encoding.DER)).decode()]
            public: object = held.public_key()
        else:
            public = serialization.load_pem_public_key(text.encode())
    except certificate.UNREADABLE as error:
        raise UnusableKeyError(f"This is no public key, PEM or JWK: {error}") from error
    return _as_jwk(public) | more


def _as_jwk(public: object) -> dict[str, Any]:
    algorithm = next((name for kind, name in READABLE if isinstance(public, kind)), "")
    if not algorithm:
        raise UnusableKeyError("A key is EC on P-256, Ed25519, or RSA.")
    as_jwk: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(public, as_dict=True)
    return as_jwk


def _certificate(chain: object, key: Any) -> Certificate:
    """The one certificate of an `x5c`, which has to be of this very key (RFC 7517 section 4.7)."""
    if not isinstance(chain, list) or len(chain) != 1 or not isinstance(chain[0], str):
        raise UnusableKeyError("Its x5c is a list with the one certificate.")
    try:
        found = x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True))
        if found.public_key() == key:
            return certificate.of(found)
    except certificate.UNREADABLE as error:
        raise UnusableKeyError(f"Its certificate cannot be read: {error}") from error
    raise UnusableKeyError("Its certificate is of another key.")


def _thumbprint(members: Mapping[str, str]) -> str:
    """RFC 7638: base64url of SHA-256 over the required members, sorted, without spaces."""
    text = json.dumps(members, sort_keys=True, separators=(",", ":"))
    return jwt.utils.base64url_encode(hashlib.sha256(text.encode()).digest()).decode()
