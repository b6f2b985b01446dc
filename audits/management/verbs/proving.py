"""`manage.py ledger prove|check-proof|compare`."""

import base64
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import OutputWrapper

from audits.management.verbs import DONE, WRONG, Verb, shows
from audits.note import NoteError, VerifierKey
from audits.services import verification
from audits.services.verification import Unreadable
from audits.tlog_proof import Proof, ProofError


def _prove_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("event", type=UUID, metavar="EVENT_ID")
    parser.add_argument("--out", type=Path, metavar="FILE", help="Write the proof here, not to the terminal.")
    parser.add_argument("--entry", type=Path, metavar="FILE", help="Write the exact bytes of the entry here.")


def _prove(options: Mapping[str, Any], out: OutputWrapper, _err: OutputWrapper) -> int:
    proved = verification.prove(event_id=options["event"])
    shows("prove", f"event/{options['event']}")
    if options["entry"]:
        _write(options["entry"], proved.entry)
    if options["out"]:
        _write(options["out"], str(proved.proof).encode())
        out.write(f"{options['out']}: entry {proved.proof.index} is in the tree of {proved.size} entries.")
    else:
        out.write(str(proved.proof), ending="")
    return DONE


def _check_proof_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("proof", type=Path, metavar="FILE")
    parser.add_argument("--key", required=True, metavar="VKEY", help="The ledger's public key, or its file.")
    parser.add_argument("--entry", type=Path, required=True, metavar="FILE", help="The entry's exact bytes.")


def _check_proof(options: Mapping[str, Any], out: OutputWrapper, _err: OutputWrapper) -> int:
    """Needs no database: whoever holds the two files and the key can do the same."""
    text, entry = _read(options["proof"]), _read(options["entry"])
    try:
        key = VerifierKey.parse(_key(options["key"]))
        proof = Proof.parse(text.decode("utf-8", "replace"))
    except (NoteError, ProofError) as error:
        raise Unreadable(str(error)) from error
    try:
        head = proof.check(entry, key)
    except ProofError as error:
        out.write(f"WRONG: {error}")
        return WRONG
    out.write(
        f"Proved: the entry is number {proof.index} of the {head.size} entries of {head.origin}, signed by "
        f"{key.id}."
    )
    return DONE


def _compare_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT_FILE")


def _compare(options: Mapping[str, Any], out: OutputWrapper, _err: OutputWrapper) -> int:
    found = verification.compare(checkpoint=_read(options["checkpoint"]).decode("utf-8", "replace"))
    shows("compare", "ledger")
    if not found.is_prefix:
        out.write(f"WRONG: {found.problem}")
        return WRONG
    out.write(
        f"The ledger of {found.size} entries continues the {found.kept.size} that the checkpoint signs."
    )
    out.write(f"old {found.kept.size} {base64.b64encode(found.kept.root).decode()}")
    out.write(f"new {found.size} {base64.b64encode(found.root).decode()}")
    for each in found.proof:
        out.write(base64.b64encode(each).decode())
    return DONE


def _key(given: str) -> str:
    return given if "+" in given else _read(Path(given)).decode("ascii", "replace")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path} cannot be read ({error.strerror}).") from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Unreadable(f"{path} cannot be written ({error.strerror}).") from error


PROVE = Verb("Prove that an event is in the ledger.", _prove, _prove_arguments)
CHECK_PROOF = Verb("Check such a proof, from its files alone.", _check_proof, _check_proof_arguments)
COMPARE = Verb("Compare with a checkpoint that somebody kept.", _compare, _compare_arguments)
