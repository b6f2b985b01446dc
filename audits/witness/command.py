"""Run a witness:

    python -m audits.witness --key FILE --origin-key VKEY --state FILE --listen 127.0.0.1:8300

FILE of `--key` is made where there is none; its verifier key is printed, for the log's settings. After the
log's key was rotated, restart with `--rotations FILE`, the log's signed statements (`manage.py keys
statements`): the witness follows them from the key that it knows, and believes nothing else.
"""

import argparse
import os
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits.keyring import KeyRing, Statement, split
from audits.note import NoteError, VerifierKey, WitnessKey
from audits.witness.server import WitnessServer
from audits.witness.state import Witness

UNABLE = 2


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m audits.witness", description="Cosign the checkpoints of logs (c2sp.org/tlog-witness)."
    )
    parser.add_argument("--key", type=Path, required=True, help="the witness's private key; made if absent")
    parser.add_argument("--name", default="witness", help="the witness's name in its signatures")
    parser.add_argument(
        "--origin-key", action="append", required=True, help="a log's verifier key; may be repeated"
    )
    parser.add_argument("--rotations", type=Path, help="statements of changed keys, of these logs")
    parser.add_argument("--state", type=Path, required=True, help="what it has seen; keep it safe")
    parser.add_argument("--listen", default="127.0.0.1:8300", help="address:port")
    options = parser.parse_args()
    host, _, port = options.listen.rpartition(":")
    try:
        witness = Witness(
            WitnessKey(options.name, _private(options.key)),
            origins_of(options.origin_key, options.rotations),
            options.state,
        )
        server = WitnessServer((host.strip("[]"), int(port)), witness)
    except (NoteError, OSError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return UNABLE
    sys.stdout.write(f"{witness.key.verifier}\n")
    sys.stdout.flush()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        return 0
    return 0


def origins_of(keys: list[str], rotations: Path | None) -> dict[str, KeyRing]:
    """The keys' histories. A replacement has no signature of the key before: it is not followed."""
    rings = {(key := VerifierKey.parse(text)).name: KeyRing(key) for text in keys}
    for signed in split(rotations.read_text()) if rotations else []:
        statement = Statement.parse(signed)
        ring = rings.get(statement.old.name)
        if ring and ring.current == statement.old and statement.is_rotation:
            rings[statement.old.name] = ring.followed_by(signed)
    return rings


def _private(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        content = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise NoteError(f"{path} is not an Ed25519 key.")
    return key
