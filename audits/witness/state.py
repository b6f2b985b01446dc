"""What a witness remembers, and when it cosigns (c2sp.org/tlog-witness): pure but for one file."""

import base64
import binascii
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from audits import note
from audits.keyring import KeyRing
from audits.note import Checkpoint, NoteError, WitnessKey
from audits.tree import EMPTY_ROOT, check_consistency

MOST_PROOF_LINES = 63


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: 200 with the cosignature, 409 with the size that was seen, or a sentence."""

    status: HTTPStatus
    text: str
    is_size: bool = False


class Refusal(Exception):
    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.text)
        self.answer = answer


@dataclass
class Witness:
    """Cosigns checkpoints of the logs whose `origins` (public key histories) it was given.

    It signs nothing that does not continue what it signed before, and writes that down before it answers.
    """

    key: WitnessKey
    origins: dict[str, KeyRing]
    state: Path
    now: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self._turn = threading.Lock()

    def add_checkpoint(self, content: bytes) -> Answer:
        try:
            before, proof, signed = _parsed(content)
            with self._turn:
                return self._cosigned(before, proof, signed)
        except Refusal as refusal:
            return refusal.answer

    def _cosigned(self, before: int, proof: list[bytes], signed: str) -> Answer:
        text, checkpoint = self._authentic(signed)
        if before > checkpoint.size:
            raise _refused(HTTPStatus.BAD_REQUEST, "The old size is larger than the checkpoint.")
        size, root = self._seen(checkpoint.origin)
        if before != size or (size == checkpoint.size and size and root != checkpoint.root):
            raise Refusal(Answer(HTTPStatus.CONFLICT, f"{size}\n", is_size=True))
        if not check_consistency(size, root, checkpoint.size, checkpoint.root, proof):
            raise _refused(HTTPStatus.UNPROCESSABLE_ENTITY, f"It does not continue the {size} entries seen.")
        self._remember(checkpoint)
        return Answer(HTTPStatus.OK, self.key.cosign(text, int(self.now())))

    def _authentic(self, signed: str) -> tuple[str, Checkpoint]:
        """The text of a checkpoint, once the log's key for its size has signed it."""
        try:
            checkpoint = Checkpoint.parse(note.text_of(signed))
        except NoteError as error:
            raise _refused(HTTPStatus.BAD_REQUEST, str(error)) from error
        ring = self.origins.get(checkpoint.origin)
        if ring is None:
            raise _refused(HTTPStatus.NOT_FOUND, "This witness does not know that log.")
        try:
            return note.verify_each(signed, ring.keys_for(checkpoint.size)), checkpoint
        except NoteError as error:
            raise _refused(HTTPStatus.FORBIDDEN, str(error)) from error

    def _seen(self, origin: str) -> tuple[int, bytes]:
        known = self._load().get(origin)
        return (known[0], bytes.fromhex(known[1])) if known else (0, EMPTY_ROOT)

    def _load(self) -> dict[str, tuple[int, str]]:
        if not self.state.exists():
            return {}
        loaded: dict[str, tuple[int, str]] = json.loads(self.state.read_text())
        return loaded

    def _remember(self, checkpoint: Checkpoint) -> None:
        seen = {**self._load(), checkpoint.origin: (checkpoint.size, checkpoint.root.hex())}
        with tempfile.NamedTemporaryFile(
            "w", dir=self.state.parent, prefix=f".{self.state.name}.", delete=False
        ) as file:
            json.dump(seen, file)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(self.state)
        descriptor = os.open(self.state.parent, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)


def _parsed(content: bytes) -> tuple[int, list[bytes], str]:
    """`old <size>`, the lines of the proof, an empty line, the checkpoint."""
    malformed = _refused(HTTPStatus.BAD_REQUEST, "Not a request of tlog-witness's add-checkpoint.")
    try:
        head, separator, signed = content.decode().partition("\n\n")
        first, *lines = head.split("\n")
        word, number = first.split(" ")
        proof = [base64.b64decode(line, validate=True) for line in lines]
    except (ValueError, binascii.Error) as error:
        raise malformed from error
    is_number = number.isascii() and number.isdigit() and str(int(number)) == number
    if not separator or word != "old" or not is_number or any(len(part) != 32 for part in proof):  # noqa: PLR2004
        raise malformed
    if len(proof) > MOST_PROOF_LINES:
        raise malformed
    return int(number), proof, signed


def _refused(status: HTTPStatus, sentence: str) -> Refusal:
    return Refusal(Answer(status, f"{sentence}\n"))
