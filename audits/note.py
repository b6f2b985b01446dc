"""C2SP signed notes, verifier keys and cosignatures, with Ed25519 (RFC 8032). Pure.

Sources: c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-cosignature.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_size = re.compile(r"(0|[1-9][0-9]{0,17})\Z").match
ED25519, COSIGNATURE = b"\x01", b"\x04"
MOST_SIGNATURES = 100
SIGNATURE_BYTES, TIME_BYTES = 64, 8


class NoteError(ValueError):
    """A note or key is malformed, or nobody we know has signed it."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half: `<name>+<hash>+<base64>`, and the first four hash bytes are its id.

    `algorithm` is ED25519 for keys of ledgers and COSIGNATURE (timestamped) for those of witnesses.
    """

    name: str
    public: bytes
    algorithm: bytes = ED25519

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or self.name.split() != [self.name]:
            raise NoteError(f"{self.name!r} cannot name a key: it needs text without spaces and without '+'.")

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + self.algorithm + self.public).digest()[:4]

    @property
    def id(self) -> str:
        return self.hash.hex()

    def __str__(self) -> str:
        return f"{self.name}+{self.id}+{base64.b64encode(self.algorithm + self.public).decode()}"

    @classmethod
    def parse(cls, text: str, algorithm: bytes = ED25519) -> "VerifierKey":
        """
        Raises:
            NoteError: this is no verifier key, or one for another algorithm.
        """
        try:
            name, _, encoded = text.strip().split("+", 2)
            material = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise NoteError(f"{text!r} is not a verifier key '<name>+<hash>+<base64>'.") from error
        key = cls(name, material[1:], algorithm)
        if material[:1] != algorithm or len(material) != 33 or str(key) != text.strip():  # noqa: PLR2004
            kind = "an Ed25519" if algorithm == ED25519 else "a witness's"
            raise NoteError(f"{text!r} is not {kind} verifier key, or its hash is wrong.")
        return key


class Signer(Protocol):
    """Whatever holds a private half: a file here, or a key server."""

    @property
    def name(self) -> str: ...

    @property
    def verifier(self) -> VerifierKey: ...

    def sign(self, text: str) -> str:
        """A signed note. `text` ends with a newline."""
        ...


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the text of a checkpoint says (c2sp.org/tlog-checkpoint): this tree, of this log."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """
        Raises:
            NoteError: it is not the text of a checkpoint. Lines after the third are allowed and mean nothing.
        """
        lines = text.split("\n")
        try:
            origin, size, encoded = lines[:3]
            root = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise NoteError("Not a checkpoint: origin, size and root are expected.") from error
        if not origin or not _size(size) or len(root) != 32 or len(lines) < 4:  # noqa: PLR2004 - the last is empty
            raise NoteError("Not a checkpoint: origin, size and root are expected.")
        return cls(origin, int(size), root)


@dataclass(frozen=True, slots=True)
class SignerKey:
    """The private half, with the name under which it signs."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.private.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """A signed note. `text` ends with a newline."""
        return f"{text}\n{signature_line(self.verifier, self.private.sign(text.encode()))}"


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """The private half of a witness: it cosigns checkpoints of others, and says when it did."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self.private.public_key().public_bytes_raw(), COSIGNATURE)

    def cosign(self, text: str, seconds: int) -> str:
        """The signature line for a checkpoint's text, at `seconds` since the epoch."""
        signature = self.private.sign(_cosigned(text, seconds))
        return signature_line(self.verifier, seconds.to_bytes(TIME_BYTES) + signature)


def sign(text: str, *signers: Signer) -> str:
    """One note that several have signed, in that order."""
    return f"{text}\n" + "".join(signer.sign(text).removeprefix(f"{text}\n") for signer in signers)


def signature_line(key: VerifierKey, signature: bytes) -> str:
    return f"\u2014 {key.name} {base64.b64encode(key.hash + signature).decode()}\n"


def verify(note: str, key: VerifierKey) -> str:
    """The text of a note that `key` has signed; signatures of others do not matter.

    Raises:
        NoteError: it is malformed, or `key` has not signed it, or a signature of `key` does not fit.
    """
    return verify_each(note, [key])


def verify_each(note: str, keys: Iterable[VerifierKey]) -> str:
    """The text of a note that each of `keys` has signed. Raises as `verify` does."""
    text, signatures = _opened(note)
    for key in keys:
        found = [signature for signature in signatures if signature.is_of(key)]
        if not found:
            raise NoteError(f"The note bears no signature of {key.name} ({key.id}).")
        for signature in found:
            _check(signature, key, text)
    return text


def cosigned_at(note: str, key: VerifierKey) -> int:
    """When the witness `key` cosigned a note, in seconds since the epoch. Raises as `verify` does."""
    verify(note, key)
    _, signatures = _opened(note)
    return max(
        int.from_bytes(signature.blob[:TIME_BYTES]) for signature in signatures if signature.is_of(key)
    )


def text_of(note: str) -> str:
    """What a note says, whoever signed it. Raises NoteError where it is none."""
    return _opened(note)[0]


class _Signature(NamedTuple):
    name: str
    hash: bytes
    blob: bytes

    def is_of(self, key: VerifierKey) -> bool:
        return (self.name, self.hash) == (key.name, key.hash)


def _check(signature: _Signature, key: VerifierKey, text: str) -> None:
    blob, signed = signature.blob, text.encode()
    if key.algorithm == COSIGNATURE:
        signed, blob = _cosigned(text, int.from_bytes(blob[:TIME_BYTES])), blob[TIME_BYTES:]
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(blob, signed)
    except InvalidSignature as error:
        raise NoteError(f"The signature of {key.name} ({key.id}) does not fit the text.") from error


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _opened(note: str) -> tuple[str, list[_Signature]]:
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NoteError("Not a signed note: the text, a blank line and the signatures are expected.")
    return f"{text}\n", list(_signatures(signatures))


def _signatures(lines: str) -> Iterator[_Signature]:
    for number, line in enumerate(lines.split("\n")[:-1]):
        if number == MOST_SIGNATURES:
            raise NoteError(f"Not a signed note: it has more than {MOST_SIGNATURES} signatures.")
        try:
            dash, name, encoded = line.split(" ")
            blob = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise NoteError(f"Not a signature line: {line!r}.") from error
        if dash != "\u2014" or not name or "+" in name or base64.b64encode(blob).decode() != encoded:
            raise NoteError(f"Not a signature line: {line!r}.")
        yield _Signature(name, blob[:4], blob[4:])
