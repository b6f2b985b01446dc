"""Key files: readable by their user alone, written all or nothing."""

import os
import stat
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits.errors import ServiceError

PRIVATE, PUBLIC = 0o600, 0o644
Stamp = tuple[int, int, int]


class KeysUnusable(ServiceError):
    """A key is absent, malformed or open to others. Nothing is recorded without it (promise 1)."""

    code = "keys_unusable"
    status = 503


def read(path: Path) -> bytes:
    """
    Raises:
        KeysUnusable: absent, or readable by others than its user.
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        directory_mode = stat.S_IMODE(path.parent.stat().st_mode)
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    if mode & 0o077:
        raise KeysUnusable(f"The ledger's key {path} is open to others ({mode:o}). Run `chmod 600 {path}`.")
    if directory_mode & 0o022:
        raise KeysUnusable(f"Others may write to {path.parent}. Run `chmod 700 {path.parent}`.")
    return content


def stamp(path: Path) -> Stamp:
    """What changes when a file is replaced: who keeps its content in memory sees that it is old.

    Raises:
        KeysUnusable: absent.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    return found.st_ino, found.st_mtime_ns, found.st_size


def read_private(path: Path) -> Ed25519PrivateKey:
    """
    Raises:
        KeysUnusable: absent, open to others, or no Ed25519 key.
    """
    try:
        key = serialization.load_pem_private_key(read(path), password=None)
    except (ValueError, TypeError) as error:
        raise KeysUnusable(f"{path} is not a private key. Put the original back from your backup.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeysUnusable(f"{path} is not an Ed25519 key. Put the original back from your backup.")
    return key


def new_private() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_once(path: Path, content: bytes) -> bool:
    """A new file with mode 0600, all or nothing; False where there is one."""
    if path.exists():
        return False
    temporary = _written_beside(path, content, PRIVATE)
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    sync(path.parent)
    return True


def write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file's content, all or nothing."""
    _written_beside(path, content, mode).replace(path)
    sync(path.parent)


def sync(directory: Path) -> None:
    """Make the directory's last changes survive a loss of power."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _written_beside(path: Path, content: bytes, mode: int) -> Path:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(file.name)


def _unreadable(path: Path, error: OSError) -> KeysUnusable:
    return KeysUnusable(
        f"The ledger's key {path} cannot be read ({error.strerror}). Run `manage.py keys create`, or set "
        "COUNTERSIGN_KEYS_DIR to the directory that holds the keys."
    )
