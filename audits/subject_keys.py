"""The keys under which names and payloads are encrypted at rest: one for each data subject.

They are files outside the database, in `settings.SUBJECT_KEYS_DIR`, readable by their user alone.
Destroying a subject's key erases what it protects, in every copy of the database, restored backups
too; so these files belong into short-lived backups only, never into those of the database.
"""

import hashlib
import os
import secrets
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from audits.errors import ServiceError

KEY_BYTES = 32
ID_BYTES = 20
_SUBJECT_BYTES = 16
SUFFIX = ".key"


class SubjectKeyUnusable(ServiceError):
    """The key is there and cannot be used, or none can be made. Nothing is recorded without it."""

    code = "subject_key_unusable"
    status = 503


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """AES-256 in GCM. The id begins with the digest of the subject and says nothing else of it."""

    id: bytes
    cipher: AESGCM


def current(subject: str) -> SubjectKey:
    """The key for what is written about `subject` from now on; made where there is none.

    Raises:
        SubjectKeyUnusable: see there.
    """
    directory = str(settings.SUBJECT_KEYS_DIR)
    known = _current.get((directory, subject))
    if known is not None and _is_there(directory, known.id):
        return known
    names = _names(directory, subject)
    key = _load(directory, names[0]) if names else _create(directory, subject)
    _current[directory, subject] = key
    return key


def find(key_id: bytes) -> SubjectKey | None:
    """The key of this id; None once it has been destroyed.

    Raises:
        SubjectKeyUnusable: see there.
    """
    directory = str(settings.SUBJECT_KEYS_DIR)
    return _load(directory, _name(key_id)) if _is_there(directory, key_id) else None


def of(subject: str) -> list[bytes]:
    """The ids of the keys of `subject`; more than one only where two processes made the first at once."""
    return [bytes.fromhex(name.removesuffix(SUFFIX)) for name in _names(_directory(), subject)]


def is_there(key_id: bytes) -> bool:
    """Whether the key has not been destroyed."""
    return _is_there(_directory(), key_id)


def destroy(key_id: bytes) -> bool:
    """Remove a key for good, the disk's copy first overwritten; whether there was one.

    Raises:
        SubjectKeyUnusable: it cannot be removed.
    """
    path = Path(_directory(), _name(key_id))
    try:
        with path.open("r+b") as file:
            file.write(secrets.token_hex(KEY_BYTES).encode())
            file.flush()
            os.fsync(file.fileno())
        path.unlink()
        _sync(path.parent)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise SubjectKeyUnusable(f"{path} cannot be removed ({error.strerror}).") from error
    finally:
        _load.cache_clear()
    return True


def digest_of(subject: str) -> bytes:
    """How the ids of the keys of `subject` begin."""
    return hashlib.sha256(subject.encode()).digest()[:_SUBJECT_BYTES]


_current: dict[tuple[str, str], SubjectKey] = {}


def _directory() -> str:
    return str(settings.SUBJECT_KEYS_DIR)


def _name(key_id: bytes) -> str:
    return key_id.hex() + SUFFIX


def _is_there(directory: str, key_id: bytes) -> bool:
    """Asked each time: another process may have destroyed it."""
    return os.path.exists(f"{directory}/{_name(key_id)}")  # noqa: PTH110 - for each event; Path takes ten times longer


def _names(directory: str, subject: str) -> list[str]:
    return sorted(path.name for path in Path(directory).glob(f"{digest_of(subject).hex()}*{SUFFIX}"))


@lru_cache(maxsize=4096)
def _load(directory: str, name: str) -> SubjectKey:
    path = Path(directory, name)
    try:
        secret = bytes.fromhex(path.read_text())
    except (OSError, ValueError) as error:
        raise SubjectKeyUnusable(f"{path} cannot be read ({error}). Put it back from a backup.") from error
    if len(secret) != KEY_BYTES:
        raise SubjectKeyUnusable(f"{path} is not {KEY_BYTES} bytes. Put it back from a backup.")
    return SubjectKey(bytes.fromhex(name.removesuffix(SUFFIX)), AESGCM(secret))


def _create(directory: str, subject: str) -> SubjectKey:
    """On the disk before anything is encrypted with it."""
    folder = Path(directory)
    key_id = digest_of(subject) + os.urandom(ID_BYTES - _SUBJECT_BYTES)
    path, fresh = folder / _name(key_id), folder / f"{key_id.hex()}.new"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
        _sync(folder)
    except OSError as error:
        raise SubjectKeyUnusable(
            f"No key can be made in {folder} ({error.strerror}). Set COUNTERSIGN_SUBJECT_KEYS_DIR to a "
            "directory that this process may write to."
        ) from error
    return _load(directory, path.name)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
