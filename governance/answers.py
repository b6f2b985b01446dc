"""Answers to a template: their shape, what is missing, and how they read. Pure: no database, no clock.

Answers are an object of section id → field id → value; see `FieldKind` for the values. What is empty is
left out, so a draft may be as partial as it likes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from governance.assessment_templates.template import (
    CHECKS,
    HIGH,
    YES,
    Column,
    Field,
    FieldKind,
    Option,
    Section,
    Template,
)

Answers = dict[str, dict[str, Any]]
Step = dict[str, str]

MAX_TEXT = 10_000
MAX_CELL = 2_000
MAX_ITEMS = 50
STEP = ("risk", "measure", "owner", "due")


@dataclass(frozen=True, slots=True)
class Read:
    """A field as it reads: `value` is text, a list of texts, or a list of rows, by the field's kind."""

    id: str
    text: str
    kind: FieldKind
    value: Any
    columns: tuple[str, ...] = ()


def fitting(template: Template, answers: Mapping[str, Any]) -> Answers:
    """What of these answers has the shape that the template asks for, tidied; the rest is dropped.

    A draft that follows a newer edition of a template begins with what still fits.
    """
    found: Answers = {}
    for section, field in template.fields():
        given = answers.get(section.id)
        value = given.get(field.id) if isinstance(given, Mapping) else None
        if _shape_problem(field, value) is None and (tidy := _tidy(field, value)):
            found.setdefault(section.id, {})[field.id] = tidy
    return found


def problems(template: Template, answers: Mapping[str, Any]) -> dict[str, str]:
    """What cannot be stored even in a draft, by `section.field`."""
    known = {f"{section.id}.{field.id}": field for section, field in template.fields()}
    wrong: dict[str, str] = {}
    for section_id, given in answers.items():
        if not isinstance(given, Mapping):
            wrong[str(section_id)] = "A section is an object of its fields."
            continue
        for field_id, value in given.items():
            name = f"{section_id}.{field_id}"
            problem = _shape_problem(known[name], value) if name in known else "There is no such field."
            if problem:
                wrong[name] = problem
    return wrong


def missing(template: Template, answers: Mapping[str, Any], plan: Iterable[Step]) -> dict[str, str]:
    """What has to be there before it is signed, by `section.field`; empty where it is complete."""
    found: dict[str, str] = {}
    answered = {step["risk"].strip().casefold() for step in plan if step.get("measure")}
    for section, field in template.fields():
        value = answers.get(section.id, {}).get(field.id)
        if problem := _incomplete(field, value):
            found[f"{section.id}.{field.id}"] = problem
            continue
        open_risks = [name for name in _grave(field, value) if name.casefold() not in answered]
        if open_risks:
            found[f"{section.id}.{field.id}"] = (
                f"These are high and have no mitigation: {', '.join(open_risks)}."
            )
    return found


def grave_risks(template: Template, answers: Mapping[str, Any]) -> list[str]:
    """The names of the risks that are rated high."""
    return [
        name
        for section, field in template.fields()
        for name in _grave(field, answers.get(section.id, {}).get(field.id))
    ]


def read(template: Template, answers: Mapping[str, Any]) -> Iterator[tuple[Section, list[Read]]]:
    """Section by section as people read it, in the template's order; what is empty reads as empty."""
    for section in template.sections:
        given = answers.get(section.id, {})
        yield section, [_read(field, given.get(field.id)) for field in section.fields]


def _read(field: Field, value: Any) -> Read:
    columns = tuple(column.text for column in field.columns)
    return Read(field.id, field.text, field.kind, _reading(field, value), columns)


def _reading(field: Field, value: Any) -> Any:
    if field.kind == FieldKind.TABLE:
        return [[_cell(column, row.get(column.id, "")) for column in field.columns] for row in value or []]
    if field.kind == FieldKind.LIST:
        return list(value or [])
    if not value:
        return ""
    if field.kind == FieldKind.CHOICE:
        return _text_of(field.options, value)
    if field.kind == FieldKind.CHECK:
        answer = _text_of(CHECKS, value.get("answer", ""))
        return f"{answer}. {value['remark']}" if value.get("remark") else answer
    return value


def _cell(column: Column, value: str) -> str:
    return _text_of(column.options, value) if column.options else value


def _text_of(options: Iterable[Option], option_id: str) -> str:
    return next((option.text for option in options if option.id == option_id), option_id)


# --- Shape --------------------------------------------------------------------------------------------
def _shape_problem(field: Field, value: Any) -> str | None:
    return _SHAPES[field.kind](field, value) if value not in (None, "", [], {}) else None


def _text_problem(_field: Field, value: Any) -> str | None:
    return None if _is_text(value, MAX_TEXT) else f"A text of at most {MAX_TEXT:,} characters."


def _choice_problem(field: Field, value: Any) -> str | None:
    return None if _is_option(field.options, value) else "Choose one of the options."


def _list_problem(_field: Field, value: Any) -> str | None:
    fits = (
        isinstance(value, list)
        and len(value) <= MAX_ITEMS
        and all(_is_text(each, MAX_CELL) for each in value)
    )
    return None if fits else f"At most {MAX_ITEMS} lines of at most {MAX_CELL:,} characters."


def _check_problem(_field: Field, value: Any) -> str | None:
    if not isinstance(value, Mapping) or not set(value) <= {"answer", "remark"}:
        return "An answer and a remark."
    if value.get("answer") and not _is_option(CHECKS, value["answer"]):
        return "Yes, no or not applicable."
    return None if _is_text(value.get("remark", ""), MAX_CELL) else f"At most {MAX_CELL:,} characters."


def _table_problem(field: Field, value: Any) -> str | None:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        return f"At most {MAX_ITEMS} rows."
    columns = {column.id: column for column in field.columns}
    for row in value:
        if not isinstance(row, Mapping) or not set(row) <= set(columns):
            return f"A row has the columns {', '.join(columns)}."
        for name, cell in row.items():
            if not _is_text(cell, MAX_CELL):
                return f"A cell has at most {MAX_CELL:,} characters."
            if cell and columns[name].options and not _is_option(columns[name].options, cell):
                return f"{columns[name].text}: choose one of the options."
    return None


_SHAPES: dict[FieldKind, Callable[[Field, Any], str | None]] = {
    FieldKind.TEXT: _text_problem,
    FieldKind.CHOICE: _choice_problem,
    FieldKind.LIST: _list_problem,
    FieldKind.CHECK: _check_problem,
    FieldKind.TABLE: _table_problem,
}


def _is_text(value: Any, limit: int) -> bool:
    """Without what a database cannot store, and UTF-8 cannot write."""
    if not isinstance(value, str) or len(value) > limit or "\x00" in value:
        return False
    return not any("\ud800" <= character <= "\udfff" for character in value)


def _is_option(options: Iterable[Option], value: Any) -> bool:
    return any(option.id == value for option in options)


def _tidy(field: Field, value: Any) -> Any:
    """Without blanks around, empty lines and empty rows."""
    if not value:
        return None
    if field.kind == FieldKind.LIST:
        return [line.strip() for line in value if line.strip()]
    if field.kind == FieldKind.CHECK:
        return {name: text.strip() for name, text in value.items() if text.strip()}
    if field.kind == FieldKind.TABLE:
        rows = [{name: cell.strip() for name, cell in row.items() if cell.strip()} for row in value]
        return [row for row in rows if row]
    return value.strip()


# --- Completeness -------------------------------------------------------------------------------------
def _incomplete(field: Field, value: Any) -> str | None:
    if not value:
        return "This has to be answered." if field.required else None
    if field.kind == FieldKind.CHECK:
        return _incomplete_check(value)
    if field.kind == FieldKind.TABLE:
        return _incomplete_table(field, value)
    return None


def _incomplete_check(value: Mapping[str, str]) -> str | None:
    if not value.get("answer"):
        return "Answer yes, no or not applicable."
    if value["answer"] != YES and not value.get("remark"):
        return "Say why in the remark."
    return None


def _incomplete_table(field: Field, value: list[Mapping[str, str]]) -> str | None:
    for number, row in enumerate(value, 1):
        empty = [column.text for column in field.columns if not row.get(column.id)]
        if empty:
            return f"Row {number} lacks: {', '.join(empty)}."
    return None


def _grave(field: Field, value: Any) -> list[str]:
    if not field.rated:
        return []
    return [row.get(field.named, "").strip() for row in value or [] if row.get(field.rated) == HIGH]
