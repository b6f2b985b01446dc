"""Stable names for people whom a reader may not know: the same person is always the same pseudonym.

It is an HMAC of the reference with a key derived from K_mac, which the database does not hold: who has
only pages or tables cannot try out the people there are.
"""

import hmac
import re
from functools import lru_cache

from audits import keys

_person = re.compile(r"person/[A-Za-z0-9_.-]{1,150}")
_pseudonym = re.compile(r"(?:Person )?([0-9a-f]{4}-[0-9a-f]{4})\Z", re.IGNORECASE).match
_LABEL = b"countersign/pseudonym/v1\0"


def is_person(reference: str) -> bool:
    return reference.startswith("person/")


def of(reference: str) -> str:
    """What a reader without names sees for ``person/<id>``, for example ``Person 7f3a-91c2``."""
    return _of(keys.mac(), reference)


def mask(text: str) -> str:
    """`text` with every reference to a person replaced by the pseudonym."""
    return _person.sub(lambda found: of(found[0]), text)


def parse(text: str) -> str:
    """The pseudonym that somebody typed, with or without the word before it; empty where it is none."""
    found = _pseudonym(text.strip())
    return f"Person {found[1].lower()}" if found else ""


@lru_cache(maxsize=4096)
def _of(mac_key: bytes, reference: str) -> str:
    key = hmac.digest(mac_key, _LABEL, "sha256")
    code = hmac.digest(key, reference.encode(), "sha256").hex()
    return f"Person {code[:4]}-{code[4:8]}"
