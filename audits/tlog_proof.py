"""C2SP transparency log proofs (c2sp.org/tlog-proof): a file that shows that an entry was logged. Pure.

    c2sp.org/tlog-proof@v1
    index <number of the entry, from 0>
    <base64 of each hash of the audit path, lowest first, a line each>

    <the signed checkpoint, as it was signed>

The proof does not hold the entry: who verifies it brings the entry's exact bytes.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from audits import note
from audits.note import Checkpoint, NoteError, VerifierKey
from audits.tree import leaf_hash, root_from_path

HEADER = "c2sp.org/tlog-proof@v1"
HASH_BYTES = 32
MOST_HASHES = 63
_number = re.compile(r"(0|[1-9][0-9]{0,18})\Z").match


class ProofError(ValueError):
    """The file is no proof, or it does not prove what it should."""


@dataclass(frozen=True, slots=True)
class Proof:
    """`checkpoint` is a signed note, `hashes` the audit path of RFC 9162, 2.1.3.1."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    def __str__(self) -> str:
        path = "".join(f"{base64.b64encode(each).decode()}\n" for each in self.hashes)
        return f"{HEADER}\nindex {self.index}\n{path}\n{self.checkpoint}"

    @classmethod
    def parse(cls, text: str) -> "Proof":
        """
        Raises:
            ProofError: this is no such file.
        """
        head, separator, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if lines[:1] != [HEADER] or not separator:
            raise ProofError(f"Not a proof: it does not begin with {HEADER!r}.")
        if len(lines) > 1 and lines[1].startswith("extra "):
            _decoded(lines.pop(1).removeprefix("extra "))
        word, _, number = (lines[1] if len(lines) > 1 else "").partition(" ")
        if word != "index" or not _number(number):
            raise ProofError("Not a proof: the line 'index <number>' is expected.")
        hashes = tuple(_decoded(line) for line in lines[2:])
        if len(hashes) > MOST_HASHES or any(len(each) != HASH_BYTES for each in hashes):
            raise ProofError("Not a proof: its hashes are not those of a tree of SHA-256.")
        return cls(int(number), hashes, checkpoint)

    def check(self, entry: bytes, key: VerifierKey) -> Checkpoint:
        """That `entry` is in the tree whose checkpoint `key` has signed; what that checkpoint says.

        Raises:
            ProofError: it is not, or somebody else signed.
        """
        head = signed(self.checkpoint, key)
        root = root_from_path(head.size, self.index, leaf_hash(entry), self.hashes)
        if root != head.root:
            raise ProofError(
                f"The entry is not number {self.index} of the {head.size} entries that the checkpoint signs."
            )
        return head


def signed(checkpoint: str, key: VerifierKey) -> Checkpoint:
    """What a checkpoint says that `key` has signed for its own log.

    Raises:
        ProofError: it is none, or somebody else signed it.
    """
    try:
        said = Checkpoint.parse(note.verify(checkpoint, key))
    except NoteError as error:
        raise ProofError(f"The checkpoint: {error}") from error
    if said.origin != key.name:
        raise ProofError(f"The checkpoint is one of {said.origin}, not of {key.name}.")
    return said


def _decoded(line: str) -> bytes:
    try:
        decoded = base64.b64decode(line, validate=True)
    except (ValueError, binascii.Error) as error:
        raise ProofError(f"Not base64: {line!r}.") from error
    if base64.b64encode(decoded).decode() != line:
        raise ProofError(f"Not base64: {line!r}.")
    return decoded
