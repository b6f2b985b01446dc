"""A signed JWT in its compact form, read as strictly as the specifications allow (RFC 7515, 7519, 8725).

A library is lenient where that is convenient: it takes base64 with bits that do not count, the last of two
equal members, numbers in quotes. Each of these lets two readers see different things in one token. What is
read here has one form alone; the signature is verified afterwards, by whoever knows the key. Pure.
"""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from agents import strict_json

SEGMENTS = 3
MAX_DEPTH = 8
MAX_KEY_ID = 200
MAX_MOMENT = 2**40
"""Some tens of thousands of years: whatever is later is no moment that anybody means."""
MOMENTS = ("exp", "iat", "nbf")
ALPHABET = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
# What would change how a token is verified, or brings a key along (RFC 8725 sections 3.4, 3.10; RFC 7797).
KEYS = frozenset({"jwk", "jku", "x5u", "x5c"})
REFUSED = KEYS | {"crit", "b64", "zip", "enc"}


class NotOneError(ValueError):
    """It is no signed JWT of the one form that is taken; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """Header and claims of a token whose signature nobody has verified yet."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def read(text: str, *, longest: int, brings: Collection[str] = ()) -> Unverified:
    """What a token says, before its signature is verified.

    Args:
        longest: the number of characters that it may have.
        brings: which of the refused header parameters belong to this kind of token.

    Raises:
        NotOneError: with what is wrong.
    """
    if len(text) > longest:
        raise NotOneError(f"It has more than {longest} characters.")
    segments = text.split(".")
    if len(segments) != SEGMENTS:
        raise NotOneError("It is not three segments with a dot between them: no signed JWT.")
    header, claims = (_object(segment) for segment in segments[:2])
    _decoded(segments[2])
    _check_header(header, brings)
    for name in MOMENTS:
        if name in claims and not is_moment(claims[name]):
            raise NotOneError(f"{name} is not a number of seconds since 1970.")
    return Unverified(header, claims)


def is_moment(value: object) -> bool:
    """Whether it is a NumericDate that somebody can mean (RFC 7519 section 2)."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_MOMENT


def _check_header(header: Mapping[str, Any], brings: Collection[str]) -> None:
    if refused := sorted((REFUSED & header.keys()) - set(brings)):
        raise NotOneError(f"Its header has {', '.join(refused)}, which is not taken.")
    for name in ("alg", "typ", "kid"):
        value = header.get(name, "")
        if not isinstance(value, str) or len(value) > MAX_KEY_ID:
            raise NotOneError(f"Its header's {name} is not a text of at most {MAX_KEY_ID} characters.")


def _object(segment: str) -> Mapping[str, Any]:
    try:
        found = strict_json.loads(_decoded(segment).decode("utf-8"), max_depth=MAX_DEPTH)
    except (UnicodeDecodeError, strict_json.StrictJSONError) as error:
        raise NotOneError("A segment of it is not JSON as we read it.") from error
    if not isinstance(found, dict):
        raise NotOneError("A segment of it is not a JSON object.")
    if strict_json.storable(found) != found:
        raise NotOneError("It holds U+0000 or half a surrogate pair.")
    return found


def _decoded(segment: str) -> bytes:
    """base64url as RFC 7515 writes it: no padding, no blanks, and no bits that do not count."""
    if not ALPHABET.fullmatch(segment):
        raise NotOneError("A segment of it is not base64url.")
    try:
        content = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError) as error:
        raise NotOneError("A segment of it is not base64url.") from error
    if base64.urlsafe_b64encode(content).rstrip(b"=").decode() != segment:
        raise NotOneError("A segment of it is not written in the one form of base64url.")
    return content
