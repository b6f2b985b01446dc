"""The ledger's keys. Three, never shared: sealing, message codes, bundles.

They are files outside the database, in `settings.KEYS_DIR`, readable by their user alone. A process
needs only those it uses: a web server that records needs `mac.key`, the sealer `seal.key` besides,
whoever builds bundles `export.key`. The public halves, `*.vkey`, are what an auditor gets beforehand.
"""

import os
import secrets
import stat
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from audits.errors import ServiceError
from audits.note import NoteError, SignerKey, VerifierKey

SEAL, MAC, EXPORT = "seal.key", "mac.key", "export.key"
LEDGER_VKEY, EXPORT_VKEY = "ledger.vkey", "export.vkey"
MAC_BYTES = 32


class KeysUnusable(ServiceError):
    """A key is absent, malformed or open to others. Nothing is recorded without it (promise 1)."""

    code = "keys_unusable"
    status = 503


def create(directory: Path) -> list[str]:
    """Create whichever keys are absent, and write the public halves; returns the names of the new ones.

    Raises:
        KeysUnusable: what is there already cannot be used.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = [
        name
        for name, content in ((SEAL, _new_private), (MAC, _new_secret), (EXPORT, _new_private))
        if _write_once(directory / name, content())
    ]
    for name, key in ((LEDGER_VKEY, _seal(str(directory))), (EXPORT_VKEY, _export(str(directory)))):
        public = directory / name
        if not public.exists() or public.read_text() != f"{key.verifier}\n":
            public.write_text(f"{key.verifier}\n")
    return fresh


def seal() -> SignerKey:
    """K_seal: signs checkpoints. Raises KeysUnusable."""
    return _seal(str(settings.KEYS_DIR))


def mac() -> bytes:
    """K_mac: 32 bytes for the message codes of headers. Raises KeysUnusable."""
    return _mac(str(settings.KEYS_DIR))


def export() -> SignerKey:
    """K_export: signs the manifests of bundles. Raises KeysUnusable."""
    return _export(str(settings.KEYS_DIR))


def ledger_verifier() -> VerifierKey:
    """The public half of K_seal, from its own file: who verifies needs no private key."""
    path = Path(settings.KEYS_DIR) / LEDGER_VKEY
    try:
        return VerifierKey.parse(path.read_text())
    except FileNotFoundError as error:
        raise KeysUnusable(f"{path} is absent. Run `manage.py keys create`.") from error
    except ValueError as error:
        raise KeysUnusable(f"{path}: {error}") from error


def forget() -> None:
    """Read the files anew at the next use."""
    for cached in (_seal, _mac, _export):
        cached.cache_clear()


@lru_cache(maxsize=8)
def _seal(directory: str) -> SignerKey:
    return _signer(settings.LEDGER_ORIGIN, Path(directory, SEAL))


@lru_cache(maxsize=8)
def _export(directory: str) -> SignerKey:
    return _signer(f"{settings.LEDGER_ORIGIN}/export", Path(directory, EXPORT))


@lru_cache(maxsize=8)
def _mac(directory: str) -> bytes:
    path = Path(directory, MAC)
    try:
        key = bytes.fromhex(_read(path).decode())
    except ValueError as error:
        raise KeysUnusable(f"{path} is not hexadecimal. Put the original back from your backup.") from error
    if len(key) != MAC_BYTES:
        raise KeysUnusable(f"{path} is not {MAC_BYTES} bytes. Put the original back from your backup.")
    return key


def _signer(name: str, path: Path) -> SignerKey:
    key = SignerKey(name, _private(path))
    try:
        _ = key.verifier
    except NoteError as error:
        raise KeysUnusable(f"COUNTERSIGN_LEDGER_ORIGIN: {error}") from error
    return key


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError) as error:
        raise KeysUnusable(f"{path} is not a private key. Put the original back from your backup.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeysUnusable(f"{path} is not an Ed25519 key. Put the original back from your backup.")
    return key


def _read(path: Path) -> bytes:
    """
    Raises:
        KeysUnusable: absent, or readable by others than its user.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        directory_mode = stat.S_IMODE(path.parent.stat().st_mode)
        content = path.read_bytes()
    except OSError as error:
        raise KeysUnusable(
            f"The ledger's key {path} cannot be read ({error.strerror}). Run `manage.py keys create`, or set "
            "COUNTERSIGN_KEYS_DIR to the directory that holds the keys."
        ) from error
    if mode & 0o077:
        raise KeysUnusable(f"The ledger's key {path} is open to others ({mode:o}). Run `chmod 600 {path}`.")
    if directory_mode & 0o022:
        raise KeysUnusable(f"Others may write to {path.parent}. Run `chmod 700 {path.parent}`.")
    return content


def _new_private() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _new_secret() -> bytes:
    return secrets.token_hex(MAC_BYTES).encode()


def _write_once(path: Path, content: bytes) -> bool:
    """Write a new file with mode 0600; False where there is one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return True
