"""JSON (RFC 8259) read as strictly as the specification allows, with the place of what is wrong.

Python's reader takes `NaN`, keeps the last of two equal keys and reads integers of any length; each of
these lets two readers of one document see different things, so each is refused. Pure: no I/O.
"""

import codecs
import json
import re
from collections.abc import Iterator
from math import isinf
from typing import Any

JSON = dict[str, "JSON"] | list["JSON"] | str | int | float | bool | None

MAX_DEPTH = 100
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**64 - 1
MAX_INTEGER_DIGITS = 20
QUOTED = 80
SHORT_NUMBER = 15
TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)
SURROGATE = re.compile("[\ud800-\udfff]")
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, ""),
    (codecs.BOM_UTF32_BE, ""),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class StrictJSONError(ValueError):
    """What is wrong (`problem`), and where: `line` and `column` count from 1, 0 where not known."""

    def __init__(self, problem: str, *, line: int = 0, column: int = 0) -> None:
        self.problem = problem
        self.line = line
        self.column = column
        super().__init__(f"{problem}, line {line} column {column}" if line else problem)


class _SuspectError(ValueError):
    """Something the specification's readers disagree about; its place is searched for afterwards."""


def loads(content: bytes | str, *, max_depth: int = MAX_DEPTH) -> Any:
    """The document in `content`: UTF-8 with or without a byte order mark, or UTF-16 with one.

    Raises:
        StrictJSONError: not text in one of these encodings, not JSON, two equal keys in one object,
            NaN or Infinity (also as a number too large, such as 1e999), an integer beyond 64 bits,
            or nested deeper than `max_depth`.
    """
    text = decode(content) if isinstance(content, bytes) else content
    try:
        document = _decoder.decode(text)
    except json.JSONDecodeError as error:
        raise StrictJSONError(error.msg, line=error.lineno, column=error.colno) from error
    except (_SuspectError, RecursionError) as error:
        raise _located(text, max_depth, str(error)) from error
    if _deeper_than(document, max_depth):
        raise _located(text, max_depth, f"nested deeper than {max_depth} levels")
    return document


def decode(content: bytes) -> str:
    """The text in `content`, by its byte order mark, else UTF-8.

    Raises:
        StrictJSONError: in another encoding, or broken.
    """
    mark, encoding = next(
        ((mark, name) for mark, name in BYTE_ORDER_MARKS if content.startswith(mark)), (b"", "utf-8")
    )
    if not encoding:
        raise StrictJSONError("the text is UTF-32; save it as UTF-8")
    try:
        return content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        before = content[len(mark) :][: error.start].decode(encoding, errors="replace")
        line, column = _line_and_column(before, len(before))
        problem = f"not {encoding.upper()} text (byte {len(mark) + error.start})"
        raise StrictJSONError(problem, line=line, column=column) from error


def storable(value: Any) -> Any:
    """A copy of what `loads` gave without what PostgreSQL's text and jsonb refuse.

    U+0000 is left out; half of a surrogate pair becomes U+FFFD, the replacement character.
    """
    if isinstance(value, str):
        return storable_text(value)
    if isinstance(value, dict):
        return {storable_text(key): storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    return value


def storable_text(text: str) -> str:
    if text.isascii():
        return text.replace("\0", "")
    return SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\0", ""))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise _SuspectError("a key occurs twice in one object")
    return unique


def _no_constant(name: str) -> Any:
    raise _SuspectError(f"{name} is not JSON")


def _integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS or not MIN_INTEGER <= int(digits) <= MAX_INTEGER:
        raise _SuspectError("an integer beyond 64 bits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if isinf(number):
        raise _SuspectError("a number too large")
    return number


_decoder = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_integer, parse_float=_float
)


def _deeper_than(document: Any, max_depth: int) -> bool:
    level = [document]
    for _ in range(max_depth):
        level = [
            child
            for container in level
            if isinstance(container, (dict, list))
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, (dict, list))
        ]
        if not level:
            return False
    return True


def _located(text: str, max_depth: int, otherwise: str) -> StrictJSONError:
    """The first thing in `text` that is refused although Python would read it, with its place."""
    for problem, position in _refused(text, max_depth):
        line, column = _line_and_column(text, position)
        return StrictJSONError(problem, line=line, column=column)
    return StrictJSONError(otherwise)


def _refused(text: str, max_depth: int) -> Iterator[tuple[str, int]]:
    keys: list[set[str]] = []
    previous = ""
    for match in TOKEN.finditer(text):
        part = match[0]
        if part in ("{", "["):
            keys.append(set())
            if len(keys) > max_depth:
                yield f"nested deeper than {max_depth} levels", match.start()
        elif part in ("}", "]"):
            if keys:
                keys.pop()
        elif part == ":" and keys:
            key = _key(previous)
            if key in keys[-1]:
                yield f"the key {key[:QUOTED]} occurs twice in one object", match.start()
            keys[-1].add(key)
        elif part[0] in "-0123456789NI" and (problem := _refused_number(part)):
            yield problem, match.start()
        previous = part


def _key(token: str) -> str:
    """A key as it is compared: its escapes read, so that "a" and "\\u0061" are equal."""
    if not token.startswith('"'):
        return token
    try:
        return json.dumps(json.loads(token))
    except json.JSONDecodeError:
        return token


def _refused_number(token: str) -> str:
    if len(token) <= SHORT_NUMBER and token.isdigit():
        return ""
    try:
        if token in ("NaN", "Infinity", "-Infinity"):
            _no_constant(token)
        elif token.lstrip("-").isdigit() and token.isascii():
            _integer(token)
        elif re.fullmatch(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", token, re.ASCII):
            _float(token)
    except _SuspectError as error:
        return str(error)
    return ""


def _line_and_column(text: str, position: int) -> tuple[int, int]:
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)
