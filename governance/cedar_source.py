"""Where things stand in the text of policies and schemas, for messages that lead there. Pure.

Cedar says what is wrong and not where. Both languages end a statement with a semicolon, which stands
nowhere else outside of text and comments: so the text is cut there, and the statement at fault is named.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

SCHEMA_FILE = "schema.cedarschema"
_TOKEN = re.compile(r"""//[^\n]*|"(?:\\.|[^"\\])*"|;|\s+|[^\s;"/]+|.""", re.DOTALL)
_NAMED = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement with its place: line and column, from 1, of its first character that is no comment."""

    file: str
    line: int
    column: int
    text: str

    def where(self, complaint: str = "") -> str:
        """The place in words: of what the complaint quotes, where the statement holds it, else its own."""
        line, column = self.line, self.column
        for quoted in _NAMED.findall(complaint):
            found = self.text.find(quoted)
            if found > 0:
                before = self.text[:found]
                line += before.count("\n")
                column = found - before.rfind("\n") if "\n" in before else self.column + found
                break
        return f"{self.file}, line {line}, column {column}"


def statements(file: str, text: str) -> Iterator[Statement]:
    """The statements of one file; what follows the last semicolon is one as well, unless it is empty."""
    start: int | None = None
    for token in _TOKEN.finditer(text):
        word = token.group()
        if start is None and not word.isspace() and not word.startswith("//"):
            start = token.start()
        if word == ";" and start is not None:
            yield _statement(file, text, start, token.end())
            start = None
    if start is not None:
        yield _statement(file, text, start, len(text))


def all_statements(policies: Mapping[str, str]) -> list[Statement]:
    """Of every file, in the order of the files' names: the order in which Cedar numbers policies."""
    return [one for name in sorted(policies) for one in statements(name, policies[name])]


def first_unreadable(
    found: Iterator[Statement], read: Callable[[str], object]
) -> tuple[Statement, str] | None:
    """The first statement that cannot be read by itself, and what Cedar says of it."""
    for statement in found:
        try:
            read(statement.text)
        except ValueError as error:
            return statement, str(error)
    return None


def unreadable_schema(text: str, read: Callable[[str], object]) -> tuple[Statement, str] | None:
    """The statement at which a schema stops being one: the first with which the text is no syntax."""
    so_far = ""
    for statement in statements(SCHEMA_FILE, text):
        so_far += statement.text + "\n"
        try:
            read(so_far)
        except ValueError as error:
            if "parsing schema" in str(error) and so_far.count("{") == so_far.count("}"):
                return statement, str(error)
    return None


def _statement(file: str, text: str, start: int, end: int) -> Statement:
    before = text[:start]
    return Statement(file, before.count("\n") + 1, start - before.rfind("\n"), text[start:end])
