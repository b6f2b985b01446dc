"""Bearer credentials (RFC 6750) of whoever calls without being a person: made, read and compared. Pure.

A credential names the row that it belongs to and carries 256 random bits. Only their SHA-256 is kept:
against so much randomness nothing is gained by a slow hash, and every request would pay for it.
"""

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple
from uuid import UUID

_credential = re.compile(r"([a-z]+)_([0-9a-f]{32})_([A-Za-z0-9_-]{43})").fullmatch


class Credential(NamedTuple):
    """`prefix` says of what kind, so that one is never taken for another and scanners find leaked ones."""

    prefix: str
    row: UUID
    secret: str

    def __str__(self) -> str:
        return f"{self.prefix}_{self.row.hex}_{self.secret}"


def make(prefix: str, row: UUID) -> Credential:
    return Credential(prefix, row, secrets.token_urlsafe(32))


def read(prefix: str, text: str) -> Credential | None:
    """The parts of a credential; None where it is none of this kind."""
    found = _credential(text)
    if found is None or found[1] != prefix:
        return None
    return Credential(prefix, UUID(hex=found[2]), found[3])


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, kept: str) -> bool:
    """In a time that says nothing about how much of it is right."""
    return hmac.compare_digest(digest(secret), kept)
