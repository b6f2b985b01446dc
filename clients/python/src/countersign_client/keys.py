"""An agent's key. Needs the extra `keys` (cryptography)."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

P256_BYTES = 32
P256_SIGNATURE_BYTES = 2 * P256_BYTES
ED25519_SIGNATURE_BYTES = 64

Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
Public = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class UnusableKeyError(ValueError):
    """It is no key, or of a kind that is not taken; the message says which are."""


class Key:
    """A private key, EC on P-256 or Ed25519, that signs JWTs with ES256 or EdDSA (RFC 7518, RFC 8037)."""

    def __init__(self, private: Private) -> None:
        if isinstance(private, ec.EllipticCurvePrivateKey) and not isinstance(private.curve, ec.SECP256R1):
            raise UnusableKeyError(f"{private.curve.name} is not taken. Use P-256 (prime256v1) or Ed25519.")
        self._private = private

    @classmethod
    def load(cls, path: str | Path, *, password: bytes | None = None) -> Self:
        """From a PEM file.

        Raises:
            UnusableKeyError: it holds no key of a kind that is taken.
        """
        private = serialization.load_pem_private_key(Path(path).read_bytes(), password)
        if not isinstance(private, ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
            raise UnusableKeyError(f"{path} holds no EC or Ed25519 key.")
        return cls(private)

    @property
    def algorithm(self) -> str:
        return "ES256" if isinstance(self._private, ec.EllipticCurvePrivateKey) else "EdDSA"

    @property
    def public_jwk(self) -> dict[str, str]:
        """RFC 7517."""
        return jwk_of(self._private.public_key())

    def sign(self, message: bytes) -> bytes:
        """A signature in the form of JWS (RFC 7518 section 3.4)."""
        if isinstance(self._private, ed25519.Ed25519PrivateKey):
            return self._private.sign(message)
        r, s = decode_dss_signature(self._private.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(P256_BYTES, "big") + s.to_bytes(P256_BYTES, "big")


def jwk_of(public: Public) -> dict[str, str]:
    if isinstance(public, ed25519.Ed25519PublicKey):
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": encode(raw)}
    numbers = public.public_numbers()
    x, y = (encode(number.to_bytes(P256_BYTES, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def public_key(jwk: Any) -> Public:
    """The key of a JWK.

    Raises:
        UnusableKeyError: it is none, or of a kind that is not taken.
    """
    match jwk:
        case {"kty": "OKP", "crv": "Ed25519", "x": str(x), **rest} if "d" not in rest:
            return ed25519.Ed25519PublicKey.from_public_bytes(decode(x))
        case {"kty": "EC", "crv": "P-256", "x": str(x), "y": str(y), **rest} if "d" not in rest:
            return _on_p256(decode(x), decode(y))
    raise UnusableKeyError("The JWK is no public key on P-256 or Ed25519.")


def _on_p256(x: bytes, y: bytes) -> ec.EllipticCurvePublicKey:
    numbers = ec.EllipticCurvePublicNumbers(
        int.from_bytes(x, "big"), int.from_bytes(y, "big"), ec.SECP256R1()
    )
    return numbers.public_key()


def algorithm_of(public: Public) -> str:
    return "ES256" if isinstance(public, ec.EllipticCurvePublicKey) else "EdDSA"


def is_signed(public: Public, message: bytes, signature: bytes) -> bool:
    """Whether a signature in the form of JWS holds."""
    try:
        if isinstance(public, ed25519.Ed25519PublicKey):
            public.verify(signature, message)
        elif len(signature) == P256_SIGNATURE_BYTES:
            r, s = (int.from_bytes(part, "big") for part in (signature[:P256_BYTES], signature[P256_BYTES:]))
            public.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def thumbprint(jwk: dict[str, str]) -> str:
    """RFC 7638, of a JWK that `public_key` takes."""
    members = {name: jwk[name] for name in ("crv", "kty", "x", "y") if name in jwk}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return encode(hashlib.sha256(canonical.encode()).digest())


def encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """Base64url without padding (RFC 7515 section 2).

    Raises:
        ValueError: it is not that.
    """
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if encode(raw) != text:
        raise ValueError("Not base64url.")
    return raw
