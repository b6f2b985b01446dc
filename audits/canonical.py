"""The one form in which evidence is written: RFC 8785 (JCS) restricted to what cannot be misread.

Keys are `[a-z0-9_.]{1,64}`; values are strings, integers up to 2^53-1, booleans, null, lists and
objects, eight containers deep at most. There are no floats: a score is a string. What does not fit is
refused, never repaired. On this profile orjson with sorted keys writes RFC 8785 byte for byte.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias, Union

import orjson

JSON: TypeAlias = Union[bool, int, str, Sequence["JSON"], Mapping[str, "JSON"], None]  # noqa: UP007 - recursive

MAX_INTEGER = 2**53 - 1
MAX_DEPTH = 8
_key = re.compile(r"[a-z0-9_.]{1,64}\Z").match


def dumps(value: JSON) -> bytes:
    """The canonical bytes of `value`.

    Raises:
        ValueError: `value` is outside the profile; the message names the place.
    """
    _check(value, "$", 0)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:  # a lone surrogate, for example
        raise ValueError(f"Not canonical JSON: {error}.") from error


def digest(value: JSON) -> str:
    """SHA-256 of the canonical bytes, in hexadecimal.

    Raises:
        ValueError: see `dumps`.
    """
    return hashlib.sha256(dumps(value)).hexdigest()


def digest_foreign(value: object) -> str:
    """SHA-256, in hexadecimal, of JSON that others made: floats and any string keys are allowed.

    It identifies an input or an output; it is not evidence in itself.

    Raises:
        ValueError: `value` is not JSON.
    """
    try:
        return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except TypeError as error:
        raise ValueError(f"Not JSON: {error}.") from error


def _check(value: object, place: str, depth: int) -> None:
    if isinstance(value, str) or value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise ValueError(f"Not canonical JSON: {place} is beyond ±(2^53-1); write it as a string.")
    elif isinstance(value, dict | list | tuple):
        if depth == MAX_DEPTH:
            raise ValueError(f"Not canonical JSON: {place} is more than {MAX_DEPTH} containers deep.")
        if isinstance(value, dict):
            _check_object(value, place, depth + 1)
        else:
            for index, item in enumerate(value):
                _check(item, f"{place}[{index}]", depth + 1)
    else:
        raise ValueError(  # noqa: TRY004 - one error for everything outside the profile
            f"Not canonical JSON: {place} is {type(value).__name__}; use a string, an integer, a boolean, "
            "null, a list or a dict."
        )


def _check_object(value: dict[object, object], place: str, depth: int) -> None:
    for key, item in value.items():
        if not isinstance(key, str) or not _key(key):
            raise ValueError(
                f"Not canonical JSON: the key {key!r} in {place}; keys are 1 to 64 of a-z, 0-9, _ and dot."
            )
        if type(item) is not str:  # most are, and naming the place of each costs more than all checks
            _check(item, f"{place}.{key}", depth)
