"""The keys that sign credentials: ES256 (RFC 7518), in files that only this user may read.

`credentials.pem` signs. A key that was rotated out is kept beside it, with the second until which tokens
may still name it in its file's name, and only verifies.
"""

import functools
import os
import stat
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from jwt.utils import base64url_encode

from agents.errors import SigningKeyError

FILE_NAME = "credentials.pem"
OLD = "credentials-until-{}.pem"
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
    try:
        _write(directory / FILE_NAME)
    except FileExistsError:
        return False
    return True


def _write(path: Path) -> None:
    """A new private key in a file that was not there before."""
    content = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def rotate(directory: Path, *, now: datetime, overlap: timedelta) -> SigningKey:
    """Sign with a new key from now on; what the old one signed is verified for `overlap` more.

    Raises:
        SigningKeyError: there is no key to rotate.
    """
    path = directory / FILE_NAME
    _load(path, path.stat().st_mtime_ns)
    fresh = directory / f"{FILE_NAME}.new"
    fresh.unlink(missing_ok=True)
    _write(fresh)
    # At no moment is there no key, and none that signed is forgotten before its time.
    os.link(path, directory / OLD.format(int((now + overlap).timestamp())))
    fresh.replace(path)
    for old in directory.glob(OLD.format("*")):
        if _until(old) <= now.timestamp():
            old.unlink()
    return key()


def keys(*, now: datetime) -> dict[str, SigningKey]:
    """Every key that a token may name now, by its id; the one that signs is among them.

    Raises:
        SigningKeyError: as `key` says.
    """
    directory = Path(settings.KEYS_DIR)
    live = [old for old in directory.glob(OLD.format("*")) if _until(old) > now.timestamp()]
    found = [key(), *(_load(old, old.stat().st_mtime_ns) for old in live)]
    return {each.id: each for each in found}


def jwk(signing_key: SigningKey) -> dict[str, str]:
    """The public part, as a key set has it (RFC 7517)."""
    numbers = signing_key.public.public_numbers()
    x, y = (base64url_encode(number.to_bytes(32)).decode() for number in (numbers.x, numbers.y))
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": x,
        "y": y,
        "use": "sig",
        "alg": ALGORITHM,
        "kid": signing_key.id,
    }


def _until(path: Path) -> int:
    """From a file's name, the second until which its key verifies."""
    return int(path.stem.rpartition("-")[2])


def key() -> SigningKey:
    """The signing key of this installation; parsed once.

    Raises:
        SigningKeyError: there is none, others can read it, or it is not an ES256 key.
    """
    path = Path(settings.KEYS_DIR) / FILE_NAME
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise SigningKeyError(
            f"No key to sign credentials with: {error}. Run `manage.py prepare`."
        ) from error
    return _load(path, changed)


@functools.lru_cache(maxsize=16)
def _load(path: Path, _changed: int) -> SigningKey:
    """Parsed once for each state of the file: another process may rotate it."""
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
