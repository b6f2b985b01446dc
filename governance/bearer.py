"""The bearer credentials of enforcement points (RFC 6750): made, read and compared. Pure.

A credential names the row that it belongs to and carries 256 random bits. Only their SHA-256 is kept:
against so much randomness nothing is gained by a slow hash, and every decision would pay for it.
"""

import hashlib
import hmac
import re
import secrets
from typing import NamedTuple
from uuid import UUID

PREFIX = "cspep"
_credential = re.compile(rf"{PREFIX}_([0-9a-f]{{32}})_([A-Za-z0-9_-]{{43}})").fullmatch


class Credential(NamedTuple):
    point: UUID
    secret: str

    def __str__(self) -> str:
        return f"{PREFIX}_{self.point.hex}_{self.secret}"


def make(point: UUID) -> Credential:
    return Credential(point, secrets.token_urlsafe(32))


def read(text: str) -> Credential | None:
    """The parts of a credential; None where it is none of ours."""
    found = _credential(text)
    return Credential(UUID(hex=found[1]), found[2]) if found else None


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, kept: str) -> bool:
    """In a time that says nothing about how much of it is right."""
    return hmac.compare_digest(digest(secret), kept)
