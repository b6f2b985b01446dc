"""C2SP signed notes and verifier keys (c2sp.org/signed-note), with Ed25519 (RFC 8032). Pure."""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"


class NoteError(ValueError):
    """A note or key is malformed, or nobody we know has signed it."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half: `<name>+<hash>+<base64>`, and the first four hash bytes are its id."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or self.name.split() != [self.name]:
            raise NoteError(f"{self.name!r} cannot name a key: it needs text without spaces and without '+'.")

    @property
    def hash(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    @property
    def id(self) -> str:
        return self.hash.hex()

    def __str__(self) -> str:
        return f"{self.name}+{self.id}+{base64.b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """
        Raises:
            NoteError: this is no verifier key.
        """
        try:
            name, _, encoded = text.strip().split("+", 2)
            material = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error) as error:
            raise NoteError(f"{text!r} is not a verifier key '<name>+<hash>+<base64>'.") from error
        key = cls(name, material[1:])
        if material[:1] != ED25519 or len(material) != 33 or str(key) != text.strip():  # noqa: PLR2004
            raise NoteError(f"{text!r} is not an Ed25519 verifier key, or its hash is wrong.")
        return key


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
        signature = self.verifier.hash + self.private.sign(text.encode())
        return f"{text}\n\u2014 {self.name} {base64.b64encode(signature).decode()}\n"


def verify(note: str, key: VerifierKey) -> str:
    """The text of a note that `key` has signed.

    Raises:
        NoteError: it is malformed, or `key` has not signed it.
    """
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NoteError("Not a signed note: the text, a blank line and the signatures are expected.")
    text += "\n"
    for line in signatures.splitlines():
        signature = _signature(line, key)
        if signature:
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
            except InvalidSignature as error:
                raise NoteError(f"The signature of {key.name} ({key.id}) does not fit the text.") from error
            return text
    raise NoteError(f"The note bears no signature of {key.name} ({key.id}).")


def _signature(line: str, key: VerifierKey) -> bytes | None:
    """The 64 bytes of a signature line, where it is of `key`."""
    try:
        dash, name, encoded = line.split(" ")
        blob = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error) as error:
        raise NoteError(f"Not a signature line: {line!r}.") from error
    if dash != "\u2014" or base64.b64encode(blob).decode() != encoded:
        raise NoteError(f"Not a signature line: {line!r}.")
    return blob[4:] if (name, blob[:4]) == (key.name, key.hash) else None
