"""Filters (RFC 7644, section 3.4.2.2): read into a tree, and asked of a value that a resource has.

A tree is small and closed: `Compare`, `Has`, `Both`, `Either`, `Not`. What attributes there are, and how
the database finds them, is others' business.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agents.scim.errors import ScimError

MAX_LENGTH = 2_000
MAX_DEPTH = 20
OPERATORS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")
Value = str | int | float | bool | None

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<value>"(?:[^"\\]|\\.)*" | -?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<sign>[()\[\]])
      | (?P<word>[A-Za-z$][A-Za-z0-9_$:.-]*)
    )""",
    re.VERBOSE,
)
_CONSTANTS: Mapping[str, bool | None] = {"true": True, "false": False, "null": None}
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Compare:
    """`path` in small letters, for example ``emails.value``."""

    path: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Has:
    """The attribute is there and not empty (``pr``)."""

    path: str


@dataclass(frozen=True, slots=True)
class Both:
    left: "Filter"
    right: "Filter"


@dataclass(frozen=True, slots=True)
class Either:
    left: "Filter"
    right: "Filter"


@dataclass(frozen=True, slots=True)
class Not:
    inner: "Filter"


Filter = Compare | Has | Both | Either | Not


def parse(text: str) -> Filter:
    """
    Raises:
        ScimError: invalidFilter, with what is wrong.
    """
    if len(text) > MAX_LENGTH:
        raise _invalid(f"The filter is longer than {MAX_LENGTH} characters.")
    reader = _Reader(list(_tokens(text)))
    found = reader.either("")
    if reader.kind:
        raise _invalid(f"Something is left over in the filter: {reader.text[:80]}")
    return found


def holds(asked: Filter, of: Mapping[str, Any]) -> bool:
    """Whether a complex value (one of ``emails``) fits; the names of `of` are in small letters."""
    match asked:
        case Both(left, right):
            return holds(left, of) and holds(right, of)
        case Either(left, right):
            return holds(left, of) or holds(right, of)
        case Not(inner):
            return not holds(inner, of)
        case Has(path):
            return of.get(path) not in (None, "")
        case Compare(path, operator, value):
            return _compares(of.get(path), operator, value)


def equalities(asked: Filter) -> dict[str, Value] | None:
    """What an element has to be to fit, where the filter says that plainly: ``type eq "work"`` and so on."""
    match asked:
        case Compare(path, "eq", value):
            return {path: value}
        case Both(left, right):
            one, other = equalities(left), equalities(right)
            return None if one is None or other is None else one | other
    return None


def _compares(found: Any, operator: str, value: Value) -> bool:
    if isinstance(found, str) and isinstance(value, str):
        return _compares_text(found.casefold(), operator, value.casefold())
    return found == value if operator == "eq" else operator == "ne" and found != value


def _compares_text(found: str, operator: str, value: str) -> bool:
    answers = {
        "eq": found == value,
        "ne": found != value,
        "co": value in found,
        "sw": found.startswith(value),
        "ew": found.endswith(value),
        "gt": found > value,
        "ge": found >= value,
        "lt": found < value,
        "le": found <= value,
    }
    return answers[operator]


class _Reader:
    """Recursive descent: ``or`` binds less than ``and``, ``and`` less than ``not``."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    @property
    def kind(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    @property
    def text(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def either(self, within: str) -> Filter:
        """`within` is the attribute whose brackets we are in."""
        found = self._both(within)
        while self._takes("or"):
            found = Either(found, self._both(within))
        return found

    def _both(self, within: str) -> Filter:
        found = self._one(within)
        while self._takes("and"):
            found = Both(found, self._one(within))
        return found

    def _one(self, within: str) -> Filter:
        if self._takes("not"):
            if self.text != "(":
                raise _invalid("After not comes a filter in parentheses.")
            return Not(self._one(within))
        if self.text == "(" and self.kind == "sign":
            return self._inside("(", ")", within)
        return self._attribute(within)

    def _inside(self, opening: str, closing: str, within: str) -> Filter:
        self._expect(opening)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _invalid(f"The filter is nested deeper than {MAX_DEPTH} levels.")
        found = self.either(within)
        self._expect(closing)
        self._depth -= 1
        return found

    def _attribute(self, within: str) -> Filter:
        if self.kind != "word":
            raise _invalid("An attribute is missing.")
        path = _joined(within, self._take())
        if self.text == "[" and not within:
            return self._inside("[", "]", path)
        operator = self._take().lower()
        if operator == "pr":
            return Has(path)
        if operator not in OPERATORS:
            raise _invalid(f"There is no operator {operator[:80]!r}.")
        return Compare(path, operator, self._value())

    def _value(self) -> Value:
        kind, text = self.kind, self._take()
        if kind == "word" and text.lower() in _CONSTANTS:
            return _CONSTANTS[text.lower()]
        if kind != "value":
            raise _invalid("A value to compare with is missing.")
        return _read(text)

    def _takes(self, word: str) -> bool:
        if self.kind == "word" and self.text.lower() == word:
            self._at += 1
            return True
        return False

    def _take(self) -> str:
        text = self.text
        self._at += 1
        return text

    def _expect(self, sign: str) -> None:
        if self._take() != sign:
            raise _invalid(f"A {sign} is missing.")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise _invalid(f"This is no filter: {text[at : at + 80]}")
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def _read(text: str) -> Value:
    try:
        value: Value = json.loads(text)
    except ValueError as error:
        raise _invalid("A value of the filter is no JSON.") from error
    if isinstance(value, str) and _UNSTORABLE.search(value):
        raise _invalid("A value of the filter holds what is no text.")
    return value


def _joined(within: str, name: str) -> str:
    return ".".join(part for part in (within, plain(name)) if part)


def plain(name: str, prefixes: Iterable[str] = ("urn:ietf:params:scim:schemas:core:2.0:user:",)) -> str:
    """An attribute's name in small letters, without the name of the schema that it is in anyway."""
    lowered = name.lower()
    return next((lowered.removeprefix(each) for each in prefixes if lowered.startswith(each)), lowered)


def _invalid(detail: str) -> ScimError:
    return ScimError(detail, scim_type="invalidFilter")
