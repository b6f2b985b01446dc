"""The resource catalogue as files, CSV or YAML (S2-4). Pure: no database, no I/O.

Cells and lists are written as the register writes them (`agents.register_files`).
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents import strict_yaml
from agents.register_files import Problem, cell, read_cell, records_of, split

FORMATS = ("csv", "yaml")
KIND = "countersign_resources"
TEXTS = ("name", "title", "kind", "type", "identifier", "sensitivity", "owner")
LISTS = ("operations", "data_categories")
COLUMNS = (
    "name", "title", "kind", "type", "identifier", "operations", "sensitivity", "personal_data",
    "data_categories", "owner",
)  # fmt: skip
YES, NO = "yes", "no"

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One resource of a file: its values by field, as far as the file gives them, and their lines."""

    line: int
    values: Record
    lines: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        name: str = self.values["name"]
        return name

    def line_of(self, name: str) -> int:
        return self.lines.get(name, self.line)


@dataclass(slots=True)
class File:
    """What could be read, and what could not."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, line: int, name: str, sentence: str) -> None:
        self.problems.append(Problem(line, name, sentence))


def write(records: Iterable[Record], format: str) -> str:  # noqa: A002 - the files' word
    """The text that `read` reads as the same records."""
    if format == "yaml":
        return strict_yaml.dumps({KIND: 1, "resources": list(records)}, leaves_in_line=False)
    made = io.StringIO(newline="")
    writer = csv.writer(made, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for record in records:
        plain = record | {"personal_data": YES if record["personal_data"] else NO}
        writer.writerow([cell(plain[name]) for name in COLUMNS])
    return made.getvalue()


def read(content: bytes, format: str, *, max_rows: int) -> File:  # noqa: A002 - the files' word
    """The resources in a file, and everything that is wrong with its form, by line and field."""
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
        if row.name in seen:
            file.refuse(row.line_of("name"), "name", f"{row.name} is in line {seen[row.name]} already")
        seen.setdefault(row.name, row.line)
    return file


def _read_csv(text: str, file: File, max_rows: int) -> None:
    if "\0" in text:
        file.refuse(text.count("\n", 0, text.index("\0")) + 1, "", "holds U+0000; save it as text")
        return
    records = records_of(text, file)
    line, header = next(records, (1, []))
    names = [name.strip() for name in header]
    if sorted(names) != sorted(set(names)) or not set(names) <= set(COLUMNS) or "name" not in names:
        file.refuse(line, "", f"must name each column once, name among them; there are {', '.join(COLUMNS)}")
        return
    for count, (line, cells) in enumerate(records, 1):
        if count > max_rows:
            file.refuse(line, "", f"is one more than the {max_rows:,} resources that are read at a time")
            return
        if len(cells) != len(names):
            file.refuse(line, "", f"has {len(cells)} cells; the header names {len(names)}")
            continue
        _add_csv_row(dict(zip(names, map(read_cell, cells), strict=True)), line, file)


def _add_csv_row(values: Record, line: int, file: File) -> None:
    if "personal_data" in values:
        said = values["personal_data"].strip().lower()
        if said not in {YES, NO}:
            file.refuse(line, "personal_data", f"must be {YES} or {NO}")
            return
        values["personal_data"] = said == YES
    _add(values | {name: split(values[name]) for name in LISTS if name in values}, line, {}, file)


def _read_yaml(text: str, file: File, max_rows: int) -> None:
    try:
        document = strict_yaml.loads(text)
    except strict_yaml.StrictYAMLError as error:
        file.refuse(error.line, "", error.problem)
        return
    found = document.value
    listed = found.get("resources") if isinstance(found, dict) and found.get(KIND) == 1 else None
    if not isinstance(listed, list) or set(found) != {KIND, "resources"}:
        file.refuse(1, "", f"must begin with {KIND}: 1, and have a list named resources")
        return
    for index, item in enumerate(listed):
        line = document.line(("resources", index))
        if index >= max_rows:
            file.refuse(line, "", f"is one more than the {max_rows:,} resources that are read at a time")
            return
        if not isinstance(item, dict):
            file.refuse(line, "", "must be a resource with a name")
            continue
        lines = {name: document.line(("resources", index, name)) for name in item}
        problems = {name: problem for name, value in item.items() if (problem := _untyped(name, value))}
        for name, problem in problems.items():
            file.refuse(lines[name], name[:40], problem)
        if not problems:
            _add(item, line, lines, file)


def _untyped(name: str, value: Any) -> str:
    """Why a value of a YAML file is not of its field's type."""
    if name not in COLUMNS:
        return f"is not a field; there are {', '.join(COLUMNS)}"
    if name == "personal_data":
        return "" if isinstance(value, bool) else "must be true or false"
    if name in LISTS:
        fits = isinstance(value, list) and all(isinstance(one, str) for one in value)
        return "" if fits else "must be a list of texts"
    return "" if isinstance(value, str) else "must be a text: put it in quotes"


def _add(values: Record, line: int, lines: Mapping[str, int], file: File) -> None:
    name = str(values.get("name") or "").strip()
    if not name:
        file.refuse(line, "name", "must not be empty")
        return
    stripped = {key: value.strip() if isinstance(value, str) else value for key, value in values.items()}
    file.rows.append(Row(line, stripped | {"name": name}, lines))
