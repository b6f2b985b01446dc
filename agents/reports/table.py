"""CSV reports: a header and rows, read strictly."""

import csv
import io
from collections.abc import Iterator
from itertools import islice
from typing import Any

from agents import strict_json
from agents.reports.shape import MOST_FINDINGS, ReportError

DELIMITERS = ",;\t"
LONGEST_FIELD = 10 * 1024 * 1024
MOST_ROWS = 4 * MOST_FINDINGS
# The library's limit of 128 KiB is for the whole process; scanners put whole outputs into one field.
csv.field_size_limit(LONGEST_FIELD)


class Row:
    """One row, its fields by the names in the header. What is absent counts as empty."""

    __slots__ = ("_columns", "_values")

    def __init__(self, columns: dict[str, int], values: list[str]) -> None:
        self._columns = columns
        self._values = values

    def text(self, *names: str) -> str:
        """The first of these fields that is not empty."""
        for name in names:
            index = self._columns.get(name)
            if index is not None and index < len(self._values) and (found := self._values[index].strip()):
                return found
        return ""


class Table:
    """A CSV document: its column names, and its rows."""

    def __init__(self, names: list[str], lines: list[list[str]]) -> None:
        self.columns = {name: index for index, name in enumerate(names) if name}
        self._lines = lines

    def rows(self) -> Iterator[Row]:
        """The rows that say anything."""
        return (Row(self.columns, line) for line in self._lines if any(field.strip() for field in line))


def loads(content: bytes) -> Table:
    """The table in `content`; its first line holds the names, which also show what separates fields.

    Raises:
        ReportError: broken text or quotes, two columns of one name, a row longer than the header.
    """
    try:
        text = strict_json.decode(content)
    except strict_json.StrictJSONError as error:
        raise ReportError(f"{error.problem}. Save it as UTF-8.", place=f"line {error.line}") from error
    first = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        lines = list(islice(_checked(reader, len(names)), MOST_ROWS + 1))
    except csv.Error as error:
        raise ReportError(
            f"not readable as CSV: {error}. Export it again.", place=f"line {reader.line_num}"
        ) from error
    if len(lines) > MOST_ROWS:
        raise ReportError(f"more than {MOST_ROWS} rows. Scan in parts, and bring each report.")
    named = [name for name in names if name]
    if doubled := {name for name in named if named.count(name) > 1}:
        raise ReportError(f"the column {min(doubled)[:80]!r} occurs twice. Export it again.", place="line 1")
    return Table(names, lines)


def _checked(reader: Any, width: int) -> Iterator[list[str]]:
    for line in reader:
        if len(line) > width and any(line[width:]):
            raise ReportError(
                f"a row of {len(line)} fields under a header of {width}. Export it again.",
                place=f"line {reader.line_num}",
            )
        yield line
