"""The secrets of personal API tokens: made, recognised, digested. Pure.

256 random bits in letters and digits, with a prefix and a checksum, so that scanners of repositories find
one and know without asking that it is real. Only the SHA-256 is kept: against so much randomness nothing
is gained by a slow hash.
"""

import hashlib
import re
import secrets
import string
import zlib

PREFIX = "cst_"
DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LENGTH, CHECKSUM_LENGTH = 43, 6
SHOWN_LENGTH = len(PREFIX) + 6
_secret = re.compile(rf"{PREFIX}([0-9A-Za-z]{{{RANDOM_LENGTH}}})([0-9A-Za-z]{{{CHECKSUM_LENGTH}}})").fullmatch


def make() -> str:
    """A new secret: `cst_`, 43 characters of randomness, 6 of checksum."""
    random = "".join(secrets.choice(DIGITS) for _ in range(RANDOM_LENGTH))
    return f"{PREFIX}{random}{_checksum(random)}"


def is_one(text: str) -> bool:
    """Whether it has the form of a secret of ours, with the right checksum."""
    found = _secret(text)
    return found is not None and _checksum(found[1]) == found[2]


def digest(secret: str) -> str:
    """SHA-256 in hex, the only trace that is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


def shown(secret: str) -> str:
    """How it begins: enough to recognise it by, and nothing to use it with."""
    return secret[:SHOWN_LENGTH]


def _checksum(random: str) -> str:
    """CRC-32 in base 62, with leading zeros."""
    number, digits = zlib.crc32(random.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits
