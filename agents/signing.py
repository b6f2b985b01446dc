"""The key that signs credentials: ES256 (RFC 7518), in a file that only this user may read."""

import functools
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from agents.errors import SigningKeyError

FILE_NAME = "credentials.pem"
ALGORITHM = "ES256"
PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class SigningKey:
    """`id` is the `kid` of the tokens it signs: a digest of the public key."""

    id: str
    private: ec.EllipticCurvePrivateKey
    public: ec.EllipticCurvePublicKey


def create(directory: Path) -> bool:
    """Create the key where there is none. Says whether it did; an existing key is left as it is."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        descriptor = os.open(directory / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    return True


def key() -> SigningKey:
    """The signing key of this installation; parsed once.

    Raises:
        SigningKeyError: there is none, others can read it, or it is not an ES256 key.
    """
    return _load(Path(settings.KEYS_DIR) / FILE_NAME)


@functools.cache
def _load(path: Path) -> SigningKey:
    try:
        content, mode = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise SigningKeyError(
            f"No key to sign credentials with: {error}. Run `manage.py prepare`."
        ) from error
    if mode & 0o077:
        raise SigningKeyError(f"Others can read {path}. Run `chmod 600 {path}`.")
    try:
        private = serialization.load_pem_private_key(content, password=None)
    except ValueError as error:
        raise SigningKeyError(f"{path} is not a PEM private key: {error}.") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise SigningKeyError(f"{path} is not a P-256 key. Move it away and run `manage.py prepare`.")
    public = private.public_key()
    return SigningKey(id=_thumbprint(public), private=private, public=public)


def _thumbprint(public: ec.EllipticCurvePublicKey) -> str:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(
        public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    return digest.finalize().hex()[:32]
