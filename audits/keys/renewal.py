"""The files' side of a rotation: a key is prepared beside the current one, and installed once it counts.

Each step is all or nothing and may be repeated. What decides is the database: a prepared key whose
`Key` row has been committed is installed, any other waits to be tried again.
"""

import fcntl
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from audits import keys
from audits.choices import KeyPurpose
from audits.keys import files, transit
from audits.keys.files import KeysUnusable
from audits.note import NoteError, Signer, SignerKey

FILES = {KeyPurpose.SEAL: keys.SEAL, KeyPurpose.EXPORT: keys.EXPORT, KeyPurpose.MAC: keys.MAC}
SUFFIX = ".next"
LOCK = "rotation.lock"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A key that waits to be installed. `signer` is None for message codes, `verifier` then empty."""

    purpose: KeyPurpose
    id: str
    verifier: str
    signer: Signer | None = None


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """
    Raises:
        KeysUnusable: somebody else on this machine is changing keys, or the directory cannot be written.
    """
    path = Path(settings.KEYS_DIR) / LOCK
    try:
        path.touch(mode=files.PRIVATE)
        with path.open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
    except BlockingIOError as error:
        raise KeysUnusable("Somebody else is changing the keys just now. Try again.") from error
    except PermissionError as error:
        raise KeysUnusable(f"{path} cannot be written. Run this as the user who owns the keys.") from error


def prepare(purpose: KeyPurpose) -> Prepared:
    """The next key of this purpose: the one that an interrupted rotation left, or a new one.

    Raises:
        KeysUnusable: see there.
    """
    if purpose is KeyPurpose.SEAL and settings.SEAL_KEY:
        return _prepare_transit()
    path = _next(purpose)
    make = _new_secret if purpose is KeyPurpose.MAC else files.new_private
    files.write_once(path, make())
    if purpose is KeyPurpose.MAC:
        return Prepared(purpose, mac_id(_secret(path)), "")
    suffix = "/export" if purpose is KeyPurpose.EXPORT else ""
    signer = SignerKey(settings.LEDGER_ORIGIN + suffix, files.read_private(path))
    return Prepared(purpose, signer.verifier.id, str(signer.verifier), signer)


def outgoing() -> Signer:
    """Who signs a rotation as the old key: the current one, also where it is still a file and the settings
    name a key server already. Raises KeysUnusable.
    """
    path = Path(settings.KEYS_DIR) / keys.SEAL
    if settings.SEAL_KEY and path.exists():
        key = SignerKey(settings.LEDGER_ORIGIN, files.read_private(path))
        if key.verifier == keys.history().current:
            return key
    return keys.seal()


def install(prepared: Prepared, *, statement: str, retires: bool) -> None:
    """Make a prepared key the current one; the last of its steps is what makes it so.

    `statement` is the note that leads to a seal key; `retires` says that the message code keys before
    this one must not be accepted for new events.

    Raises:
        KeysUnusable: see there.
    """
    directory = Path(settings.KEYS_DIR)
    if prepared.purpose is KeyPurpose.MAC:
        _install_mac(directory, retires=retires)
        return
    if prepared.purpose is KeyPurpose.SEAL:
        _extend_history(directory, prepared, statement)
    public = keys.LEDGER_VKEY if prepared.purpose is KeyPurpose.SEAL else keys.EXPORT_VKEY
    files.write(directory / public, f"{prepared.verifier}\n".encode(), files.PUBLIC)
    if isinstance(prepared.signer, transit.TransitKey):
        (directory / keys.SEAL).unlink(missing_ok=True)  # where the key was a file before
    else:
        _next(prepared.purpose).replace(directory / FILES[prepared.purpose])
    files.sync(directory)


def mac_id(secret: bytes) -> str:
    """A name for a message code key that says nothing of it."""
    return hashlib.sha256(b"countersign/mac-id/v1\0" + secret).hexdigest()[:8]


def _prepare_transit() -> Prepared:
    engine = transit.Engine.parse(settings.SEAL_KEY, settings.SEAL_TOKEN_FILE)
    current = keys.history().current
    newest = transit.newest(engine, settings.LEDGER_ORIGIN)
    if newest.verifier == current or newest.verifier in [span.key for span in keys.spans()]:
        engine.rotate()
        newest = transit.newest(engine, settings.LEDGER_ORIGIN)
    return Prepared(KeyPurpose.SEAL, newest.verifier.id, str(newest.verifier), newest)


def _extend_history(directory: Path, prepared: Prepared, statement: str) -> None:
    ring = keys.history()
    if str(ring.current) == prepared.verifier:
        return
    try:
        longer = ring.followed_by(statement)
    except NoteError as error:
        raise KeysUnusable(f"{directory / keys.HISTORY} cannot be continued: {error}") from error
    files.write(directory / keys.HISTORY, str(longer).encode(), files.PUBLIC)


def _install_mac(directory: Path, *, retires: bool) -> None:
    path, fresh = directory / keys.MAC, _secret(_next(KeyPurpose.MAC)).hex()
    lines = path.read_text().split("\n") if path.exists() else []
    older = [line for line in lines if line and line != fresh]
    if retires:
        older = [f"{line.partition(' ')[0]} {keys.RETIRED}" for line in older]
    files.write(path, "\n".join([fresh, *older]).encode(), files.PRIVATE)
    _next(KeyPurpose.MAC).unlink()


def _secret(path: Path) -> bytes:
    return bytes.fromhex(files.read(path).decode())


def _new_secret() -> bytes:
    return secrets.token_hex(keys.MAC_BYTES).encode()


def _next(purpose: KeyPurpose) -> Path:
    return Path(settings.KEYS_DIR) / f"{FILES[purpose]}{SUFFIX}"
