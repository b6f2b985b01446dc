"""The register as files: CSV for spreadsheets, YAML with the versions' provenance. Pure: no database, no I/O.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@``: such cells are written behind an
apostrophe, and read back without it. In CSV the items of a list are joined by ``;``.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agents import strict_yaml

FORMATS = ("csv", "yaml")
TEXTS = ("name", "purpose", "business_unit", "problem_class", "environment", "autonomy", "owner", "sponsor",
         "runbook", "monitoring_plan")  # fmt: skip
LISTS = ("deputies", "data_categories", "jurisdictions", "frameworks")
COLUMNS = (
    "slug", "name", "purpose", "business_unit", "problem_class", "environment", "autonomy", "owner",
    "deputies", "sponsor", "data_categories", "jurisdictions", "frameworks", "runbook", "monitoring_plan",
)  # fmt: skip
PROVENANCE = ("model_provider", "model_name", "model_version", "prompt_digest", "tool_manifest",
              "code_commit", "data_snapshot", "image_digest")  # fmt: skip
VERSION_KEYS = ("label", "digest", *PROVENANCE)
KIND = "countersign_register"
_RUNS = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_ESCAPED = re.compile(r"\\([\\;])|(;)")
CELL = 200_000

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a file: in which line, counted from 1, and in which field."""

    line: int
    field: str
    sentence: str

    def __str__(self) -> str:
        where = ", ".join(filter(None, (f"line {self.line}" if self.line else "", self.field)))
        return f"{where}: {self.sentence}" if where else self.sentence


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a file: its values by field, as far as the file gives them, and the line of each."""

    line: int
    values: Record
    versions: Sequence[Record] = ()
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        slug: str = self.values["slug"]
        return slug

    def line_of(self, name: str) -> int:
        return self.lines.get(name, self.line)


class Refusing(Protocol):
    """What remembers everything that is wrong in a file."""

    def refuse(self, line: int, name: str, sentence: str) -> None: ...


@dataclass(slots=True)
class File:
    """What could be read, and what could not."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, line: int, name: str, sentence: str) -> None:
        self.problems.append(Problem(line, name, sentence))


def read(content: bytes, format: str, *, max_rows: int) -> File:  # noqa: A002 - the files' word
    """The entries in a file, and everything that is wrong with its form."""
    file = File()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        file.refuse(content.count(b"\n", 0, error.start) + 1, "", "is not UTF-8; save the file as UTF-8")
        return file
    if format == "csv":
        _read_csv(text, file, max_rows)
    else:
        _read_yaml(text, file, max_rows)
    seen: dict[str, int] = {}
    for row in file.rows:
        if row.slug in seen:
            file.refuse(row.line_of("slug"), "slug", f"{row.slug} is in line {seen[row.slug]} already")
        seen.setdefault(row.slug, row.line)
    return file


# --- CSV ----------------------------------------------------------------------------------------------
def write_csv(records: Iterable[Record]) -> str:
    """One row an agent, without versions."""
    made = io.StringIO(newline="")
    writer = csv.writer(made, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for record in records:
        writer.writerow([cell(record[name]) for name in COLUMNS])
    return made.getvalue()


def cell(value: str | Sequence[str]) -> str:
    """A cell that no spreadsheet runs; the items of a list are joined."""
    text = value if isinstance(value, str) else ";".join(_escape(one) for one in value)
    return f"'{text}" if _RUNS.match(text) else text


def _escape(item: str) -> str:
    return item.replace("\\", "\\\\").replace(";", "\\;")


def read_cell(text: str) -> str:
    return text[1:] if text.startswith("'") and _RUNS.match(text) else text


def split(text: str) -> list[str]:
    """The items of a list that are joined by semicolons; a backslash keeps one from separating."""
    separated = _ESCAPED.sub(lambda found: found[1] or "\0", text)
    return [one.strip() for one in separated.split("\0") if one.strip()]


def records_of(text: str, file: "Refusing") -> Iterator[tuple[int, list[str]]]:
    """Each record of the file that is not empty, with the line that it begins in."""
    csv.field_size_limit(CELL)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    try:
        for cells in reader:
            if cells:
                yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        file.refuse(begins, "", f"is not CSV: {error}")


def _read_csv(text: str, file: File, max_rows: int) -> None:
    if "\0" in text:
        file.refuse(text.count("\n", 0, text.index("\0")) + 1, "", "holds U+0000; save it as text")
        return
    records = records_of(text, file)
    line, header = next(records, (1, []))
    names = [name.strip() for name in header]
    if not _is_header(names, line, file):
        return
    for count, (line, cells) in enumerate(records, 1):
        if count > max_rows:
            file.refuse(line, "", f"is one more than the {max_rows:,} entries that are read at a time")
            return
        if len(cells) != len(names):
            file.refuse(line, "", f"has {len(cells)} cells; the header names {len(names)}")
            continue
        values = {name: read_cell(cell) for name, cell in zip(names, cells, strict=True)}
        slug = values["slug"].strip()
        if not slug:
            file.refuse(line, "slug", "must not be empty")
            continue
        lists = {name: split(values[name]) for name in LISTS if name in values}
        file.rows.append(Row(line, values | lists | {"slug": slug}))


def _is_header(names: list[str], line: int, file: File) -> bool:
    before = len(file.problems)
    for name in dict.fromkeys(names):
        if name not in COLUMNS:
            file.refuse(line, name[:40], f"is not a column; there are {', '.join(COLUMNS)}")
        elif names.count(name) > 1:
            file.refuse(line, name, "is there twice")
    if "slug" not in names:
        file.refuse(line, "slug", "is missing: the first line names the columns, separated by commas")
    return len(file.problems) == before


# --- YAML ---------------------------------------------------------------------------------------------
def write_yaml(records: Iterable[Record]) -> str:
    """Every entry with the provenance of its versions."""
    return strict_yaml.dumps({KIND: 1, "agents": list(records)})


def _read_yaml(text: str, file: File, max_rows: int) -> None:
    try:
        document = strict_yaml.loads(text)
    except strict_yaml.StrictYAMLError as error:
        file.refuse(error.line, "", error.problem)
        return
    found = document.value
    if not isinstance(found, dict) or found.get(KIND) != 1 or not isinstance(found.get("agents"), list):
        file.refuse(1, "", f"must begin with {KIND}: 1, and have a list named agents")
        return
    for name in set(found) - {KIND, "agents"}:
        file.refuse(document.line((name,)), name[:40], "is not known here")
    for index, item in enumerate(found["agents"]):
        if index >= max_rows:
            line = document.line(("agents", index))
            file.refuse(line, "", f"is one more than the {max_rows:,} entries that are read at a time")
            return
        if row := _yaml_row(document, index, item, file):
            file.rows.append(row)


def _yaml_row(document: strict_yaml.Document, index: int, item: Any, file: File) -> Row | None:
    place: strict_yaml.Path = ("agents", index)
    if not isinstance(item, dict) or not isinstance(item.get("slug"), str) or not item["slug"].strip():
        file.refuse(document.line(place), "slug", "must be there: what the entry is called, as a text")
        return None
    before = len(file.problems)
    lines = {name: document.line((*place, name)) for name in item}
    values = {
        name: _typed(name, value, lines[name], file) for name, value in item.items() if name != "versions"
    }
    versions = item.get("versions")
    if versions is not None and not isinstance(versions, list):
        file.refuse(lines["versions"], "versions", "must be a list")
        return None
    for number, version in enumerate(versions or []):
        at = f"versions.{number}"
        lines[at] = document.line((*place, "versions", number))
        if isinstance(version, dict):
            lines |= {f"{at}.{name}": document.line((*place, "versions", number, name)) for name in version}
        _check_version(version, at, lines, file)
    if len(file.problems) > before:
        return None
    return Row(document.line(place), values | {"slug": item["slug"].strip()}, versions or (), lines)


def _typed(name: str, value: Any, line: int, file: File) -> Any:
    if name in LISTS:
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            file.refuse(line, name, "must be a list of texts")
    elif name not in COLUMNS:
        file.refuse(line, name[:40], f"is not a field; there are {', '.join(COLUMNS)} and versions")
    elif value is None:
        return ""
    elif not isinstance(value, str):
        file.refuse(line, name, "must be a text: put it in quotes")
    return value


def _check_version(version: Any, at: str, lines: Mapping[str, int], file: File) -> None:
    if not isinstance(version, dict) or not isinstance(version.get("label"), str):
        file.refuse(lines[at], at, "must have a label, as a text")
        return
    for name, value in version.items():
        where = f"{at}.{name}"
        if name not in VERSION_KEYS:
            file.refuse(lines[where], where[:60], f"is not known; a version has {', '.join(VERSION_KEYS)}")
        elif name == "tool_manifest":
            if not isinstance(value, list):
                file.refuse(lines[where], where, "must be a list of functions")
        elif not isinstance(value, str):
            file.refuse(lines[where], where, "must be a text: put it in quotes")
