"""The erasable parts of an event, payload and actor's name: boxed at rest, committed to by the header."""

import os
from typing import NamedTuple

from cryptography.exceptions import InvalidTag

from audits import formats, subject_keys

SALT_BYTES = 32
NONCE_BYTES = 12
PAYLOAD, NAME = b"body", b"name"


class Sealed(NamedTuple):
    """One part as it is stored: the id of its key, and nonce, ciphertext and tag in one."""

    key: bytes
    box: bytes


class Opened(NamedTuple):
    """One part as the header commits to it."""

    salt: bytes
    content: bytes


class BoxDamaged(ValueError):
    """The box does not open with its own key: one of them was changed."""


def seal(part: bytes, event_id: bytes, subject: str, content: bytes) -> tuple[Sealed, bytes]:
    """`content` boxed for `event_id` under the key of `subject`, and its commitment."""
    key = subject_keys.current(subject)
    chance = os.urandom(SALT_BYTES + NONCE_BYTES)
    salt, nonce = chance[:SALT_BYTES], chance[SALT_BYTES:]
    box = nonce + key.cipher.encrypt(nonce, salt + content, part + event_id)
    return Sealed(key.id, box), formats.commitment(part, salt, content)


def unseal(part: bytes, event_id: bytes, sealed: Sealed) -> Opened | None:
    """What was boxed; None where its key was destroyed.

    Raises:
        BoxDamaged: see there.
    """
    key = subject_keys.find(bytes(sealed.key))
    return None if key is None else open_box(part, event_id, key, bytes(sealed.box))


def open_box(part: bytes, event_id: bytes, key: subject_keys.SubjectKey, box: bytes) -> Opened:
    """What was boxed, by its key: for those who open many and know the keys already.

    Raises:
        BoxDamaged: see there.
    """
    try:
        plain = key.cipher.decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], part + event_id)
    except (InvalidTag, ValueError) as error:
        raise BoxDamaged(f"The {part.decode()} does not open with its key {key.id.hex()}.") from error
    return Opened(plain[:SALT_BYTES], plain[SALT_BYTES:])


def payload_subject(stream: str) -> str:
    """Whose key protects the payload of an event of `stream`."""
    return stream if stream.startswith(("agent/", "person/")) else "system"


def name_subject(actor_ref: str) -> str:
    """Whose key protects the name of the one who acted: only people are data subjects."""
    return actor_ref if actor_ref.startswith("person/") else "system"
