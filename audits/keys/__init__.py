"""The ledger's keys. Three, never shared: sealing, message codes, bundles.

They are files outside the database, in `settings.KEYS_DIR`, readable by their user alone; the seal key
may be in a key server instead (`audits.keys.transit`). A process needs only those it uses: a web server
that records needs `mac.key`, the sealer `seal.key` besides, whoever builds bundles `export.key`. The
public halves, `*.vkey`, are what an auditor gets beforehand. `ledger.keys` is the public history of the
seal key: verification trusts it, and the database nowhere.
"""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from django.conf import settings

from audits.keyring import KeyRing, Span, Statement
from audits.keys import files, transit
from audits.keys.files import KeysUnusable
from audits.note import NoteError, Signer, SignerKey, VerifierKey

__all__ = [
    "EXPORT",
    "EXPORT_VKEY",
    "HISTORY",
    "LEDGER_VKEY",
    "MAC",
    "SEAL",
    "KeysUnusable",
    "breaks",
    "create",
    "export",
    "forget",
    "history",
    "ledger_verifier",
    "mac",
    "macs",
    "seal",
    "spans",
    "statements",
    "verifier_for",
    "verifiers_for",
]

SEAL, MAC, EXPORT = "seal.key", "mac.key", "export.key"
LEDGER_VKEY, EXPORT_VKEY, HISTORY = "ledger.vkey", "export.vkey", "ledger.keys"
MAC_BYTES = 32
RETIRED = "retired"
"""What follows a message code key that may no longer be used for new events."""
Held = TypeVar("Held")


def create(directory: Path) -> list[str]:
    """Create whichever keys are absent, and write the public halves; returns the names of the new ones.

    Raises:
        KeysUnusable: what is there already cannot be used, or a seal key that has signed is gone.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    past = directory / HISTORY
    wanted = {SEAL: files.new_private, MAC: _new_secret, EXPORT: files.new_private}
    if settings.SEAL_KEY:
        del wanted[SEAL]
    elif past.exists() and not (directory / SEAL).exists():
        raise KeysUnusable(
            f"{directory / SEAL} is gone, and {past} says that it has been in use. Put it back from your "
            "backup; or, if it is lost, run `manage.py keys replace --reason TEXT` (see docs/keys.md)."
        )
    fresh = [name for name, make in wanted.items() if files.write_once(directory / name, make())]
    if not past.exists():
        first = transit.newest(_engine(), settings.LEDGER_ORIGIN) if settings.SEAL_KEY else _seal(directory)
        files.write(past, str(KeyRing(first.verifier)).encode(), files.PUBLIC)
    _publish(directory / LEDGER_VKEY, _checked_seal(directory).verifier)
    _publish(directory / EXPORT_VKEY, _export(directory).verifier)
    return fresh


def seal() -> Signer:
    """K_seal: signs checkpoints. Raises KeysUnusable."""
    return _checked_seal(_directory())


def mac() -> bytes:
    """K_mac: 32 bytes for the message codes of headers. Raises KeysUnusable."""
    return macs()[0]


def macs(*, retired: bool = False) -> list[bytes]:
    """The keys whose codes are accepted, the current one first: of events that wait to be sealed, or, with
    `retired`, of those that were sealed long ago. Raises KeysUnusable.
    """
    known = _held(_directory() / MAC, "mac", _read_macs)
    return [key for key, is_retired in known if retired or not is_retired]


def export() -> SignerKey:
    """K_export: signs the manifests of bundles. Raises KeysUnusable."""
    return _export(_directory())


def ledger_verifier() -> VerifierKey:
    """The public half of the current K_seal, from its own file: who verifies needs no private key."""
    path = _directory() / LEDGER_VKEY
    try:
        return VerifierKey.parse(path.read_text())
    except FileNotFoundError as error:
        raise KeysUnusable(f"{path} is absent. Run `manage.py keys create`.") from error
    except ValueError as error:
        raise KeysUnusable(f"{path}: {error}") from error


def history() -> KeyRing:
    """The public history of the seal key. Raises KeysUnusable."""
    return _history(_directory())


def spans() -> list[Span]:
    """Which key signs checkpoints of which sizes. Raises KeysUnusable."""
    path = _directory() / HISTORY
    return _held(path, "spans", _read_spans) if path.exists() else [Span(ledger_verifier(), 0, None)]


def verifiers_for(size: int) -> list[VerifierKey]:
    """Who must have signed a checkpoint of `size`: one key, and at a rotation the old and the new one.

    Raises:
        KeysUnusable: see there.
    """
    return [span.key for span in spans() if span.first <= size and (span.last is None or size <= span.last)]


def verifier_for(size: int) -> VerifierKey:
    """Which key must have signed a checkpoint of `size`; at a rotation the new one. Raises KeysUnusable."""
    return verifiers_for(size)[-1]


def statements() -> list[str]:
    """The notes that lead from the first seal key to the current one, oldest first. Raises KeysUnusable."""
    return list(history().statements)


def breaks() -> list[Statement]:
    """Where the seal key was replaced without the old one's signature. Raises KeysUnusable."""
    return history().breaks()


def forget() -> None:
    """Read the files anew at the next use, changed or not."""
    _memory.clear()
    transit.signer.cache_clear()


_memory: dict[tuple[str, str], tuple[files.Stamp, Any]] = {}


def _held(path: Path, what: str, load: Callable[[Path], Held]) -> Held:
    """What `load` makes of a file, kept in memory until the file is another one."""
    stamp = files.stamp(path)
    known = _memory.get((str(path), what))
    if known is not None and known[0] == stamp:
        kept: Held = known[1]
        return kept
    loaded = load(path)
    _memory[str(path), what] = stamp, loaded
    return loaded


def _directory() -> Path:
    return Path(settings.KEYS_DIR)


def _history(directory: Path) -> KeyRing:
    path = directory / HISTORY
    if not path.exists():
        return KeyRing(ledger_verifier())
    return _held(path, "history", _read_history)


def _read_history(path: Path) -> KeyRing:
    try:
        return KeyRing.parse(path.read_text())
    except ValueError as error:
        raise KeysUnusable(f"{path}: {error} Put the original back from your backup.") from error


def _read_spans(path: Path) -> list[Span]:
    return _read_history(path).spans()


def _checked_seal(directory: Path) -> Signer:
    """The signer that the history ends with, and no other: a swapped key signs nothing."""
    current = _history(directory).current
    if settings.SEAL_KEY:
        return transit.signer(_engine(), current)
    key = _seal(directory)
    if key.verifier != current:
        raise KeysUnusable(
            f"{directory / SEAL} is the key {key.verifier.id} ({key.verifier.name}), and {HISTORY} ends with "
            f"{current.id} ({current.name}). If a rotation was interrupted, run `manage.py keys rotate` to "
            "finish it; otherwise the key was swapped, or COUNTERSIGN_LEDGER_ORIGIN changed: put it back."
        )
    return key


def _engine() -> transit.Engine:
    return transit.Engine.parse(settings.SEAL_KEY, settings.SEAL_TOKEN_FILE)


def _seal(directory: Path) -> SignerKey:
    return _held(Path(directory, SEAL), settings.LEDGER_ORIGIN, lambda path: _signer("", path))


def _export(directory: Path) -> SignerKey:
    return _held(Path(directory, EXPORT), settings.LEDGER_ORIGIN, lambda path: _signer("/export", path))


def _signer(suffix: str, path: Path) -> SignerKey:
    key = SignerKey(settings.LEDGER_ORIGIN + suffix, files.read_private(path))
    try:
        _ = key.verifier
    except NoteError as error:
        raise KeysUnusable(f"COUNTERSIGN_LEDGER_ORIGIN: {error}") from error
    return key


def _read_macs(path: Path) -> list[tuple[bytes, bool]]:
    """A key a line, in hexadecimal, the current one first; a retired one is followed by that word."""
    found, mend = [], "Put the original back from your backup."
    for line in files.read(path).decode(errors="replace").splitlines() or [""]:
        text, _, word = line.partition(" ")
        try:
            key = bytes.fromhex(text)
        except ValueError as error:
            raise KeysUnusable(f"{path} is not hexadecimal. {mend}") from error
        if len(key) != MAC_BYTES or word not in ("", RETIRED):
            raise KeysUnusable(f"{path} is not {MAC_BYTES} bytes. {mend}")
        found.append((key, word == RETIRED))
    if found[0][1]:
        raise KeysUnusable(f"{path} begins with a retired key. {mend}")
    return found


def _new_secret() -> bytes:
    return secrets.token_hex(MAC_BYTES).encode()


def _publish(path: Path, key: VerifierKey) -> None:
    if not path.exists() or path.read_text() != f"{key}\n":
        files.write(path, f"{key}\n".encode(), files.PUBLIC)
