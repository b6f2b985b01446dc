"""A draft assessment as a form, made from its template: plain HTML, with empty rows to add to tables."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.forms import BoundField

from agents.models import Person
from audits.admin.forms import ServiceForm, dress
from governance.answers import MAX_CELL, MAX_ITEMS, MAX_TEXT, Answers, Step
from governance.assessment_templates import Template
from governance.assessment_templates.template import CHECKS, Column, Field, FieldKind, Option, Section
from governance.models import ImpactAssessment

EMPTY_ROWS = 2
PEOPLE_SHOWN = 200
ROW = re.compile(r"(?P<table>[a-z_.]+)\.(?P<row>\d{1,3})\.(?P<column>[a-z_]+)\Z")
PLAN = (
    Column("risk", "Risk"),
    Column("measure", "Measure"),
    Column("owner", "Owner, by user name"),
    Column("due", "Due"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """One question as the page shows it: one field, or an answer with a remark, or rows of fields."""

    id: str
    text: str
    help: str
    required: bool
    problem: str
    fields: list[BoundField] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    rows: list[list[tuple[str, BoundField]]] = field(default_factory=list)


class WriteForm(ServiceForm):
    """The input of `assessments.write`: every answer by `section.field`, rows by their number."""

    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, template: Template, draft: ImpactAssessment, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.template = template
        self.problems: dict[str, str] = {}
        self.initial["revision"] = draft.revision
        self._rows: dict[str, int] = {}
        for section, question in template.fields():
            self._add(
                f"{section.id}.{question.id}", question, draft.answers.get(section.id, {}).get(question.id)
            )
        self._add_rows("plan", PLAN, _with_names(draft.plan))
        dress(self)

    # --- The fields -------------------------------------------------------------------------------------
    def _add(self, name: str, question: Field, value: Any) -> None:
        if question.kind == FieldKind.TABLE:
            self._add_rows(name, question.columns, value or [])
        elif question.kind == FieldKind.CHECK:
            self._put(f"{name}.answer", _choice(CHECKS, radio=True), (value or {}).get("answer", ""))
            self._put(f"{name}.remark", _line(), (value or {}).get("remark", ""))
        elif question.kind == FieldKind.CHOICE:
            self._put(name, _choice(question.options), value or "")
        elif question.kind == FieldKind.LIST:
            self._put(name, _text(4), "\n".join(value or []))
        else:
            self._put(name, _text(4), value or "")

    def _add_rows(self, name: str, columns: tuple[Column, ...], rows: list[dict[str, str]]) -> None:
        sent = [
            int(found["row"]) + 1 for key in self.data if (found := ROW.match(key)) and found["table"] == name
        ]
        count = min(max([*sent, len(rows) + EMPTY_ROWS]), MAX_ITEMS)
        self._rows[name] = count
        for position in range(count):
            row = rows[position] if position < len(rows) else {}
            for column in columns:
                key = f"{name}.{position}.{column.id}"
                self._put(key, _cell(column), row.get(column.id, ""))
                self.fields[key].widget.attrs["aria-label"] = f"{column.text}, row {position + 1}"

    def _put(self, name: str, made: forms.Field, value: str) -> None:
        self.fields[name] = made
        self.initial.setdefault(name, value)

    # --- What the page shows ----------------------------------------------------------------------------
    def sections(self) -> Iterator[tuple[Section, list[Question]]]:
        for section in self.template.sections:
            yield section, [self._question(f"{section.id}.{each.id}", each) for each in section.fields]

    def plan_question(self) -> Question:
        """The plan, as a table of its own."""
        return Question(
            id="plan",
            text="What is done about the risks?",
            help="Each has an owner and a day. Each risk that is high is named here exactly as above.",
            required=False,
            problem=self.problems.get("plan", ""),
            headings=[column.text for column in PLAN],
            rows=self._bound_rows("plan", PLAN),
        )

    def people(self) -> list[Person]:
        """Suggestions for owners of mitigations; anybody with an active account may be named."""
        return list(Person.objects.filter(is_active=True).order_by("username")[:PEOPLE_SHOWN])

    def _question(self, name: str, question: Field) -> Question:
        if question.kind == FieldKind.TABLE:
            fields, rows = [], self._bound_rows(name, question.columns)
        elif question.kind == FieldKind.CHECK:
            fields, rows = [self[f"{name}.answer"], self[f"{name}.remark"]], []
        else:
            fields, rows = [self[name]], []
        return Question(
            id=name,
            text=question.text,
            help=question.help,
            required=question.required,
            problem=self.problems.get(name, ""),
            fields=fields,
            headings=[column.text for column in question.columns],
            rows=rows,
        )

    def _bound_rows(self, name: str, columns: tuple[Column, ...]) -> list[list[tuple[str, BoundField]]]:
        return [
            [(column.text, self[f"{name}.{position}.{column.id}"]) for column in columns]
            for position in range(self._rows[name])
        ]

    # --- What the service takes -------------------------------------------------------------------------
    @property
    def answers(self) -> Answers:
        found: Answers = {}
        for section, question in self.template.fields():
            found.setdefault(section.id, {})[question.id] = self._answer(
                f"{section.id}.{question.id}", question
            )
        return found

    def _answer(self, name: str, question: Field) -> Any:
        if question.kind == FieldKind.TABLE:
            return self._row_values(name, question.columns)
        if question.kind == FieldKind.CHECK:
            return {part: self.cleaned_data[f"{name}.{part}"] for part in ("answer", "remark")}
        value = self.cleaned_data[name]
        return value.splitlines() if question.kind == FieldKind.LIST else value

    @property
    def plan(self) -> list[Step]:
        """With the ids of the owners; a name that nobody has stays, so that the service refuses it."""
        rows = self._row_values("plan", PLAN)
        names = {row["owner"] for row in rows}
        known = {row.username: str(row.pk) for row in Person.objects.filter(username__in=names)}
        return [row | {"owner": known.get(row["owner"], row["owner"])} for row in rows]

    def _row_values(self, name: str, columns: tuple[Column, ...]) -> list[dict[str, str]]:
        rows = [
            {column.id: self.cleaned_data[f"{name}.{position}.{column.id}"].strip() for column in columns}
            for position in range(self._rows[name])
        ]
        return [row for row in rows if any(row.values())]


def _text(rows: int) -> forms.Field:
    return forms.CharField(
        required=False, max_length=MAX_TEXT, widget=forms.Textarea(attrs={"rows": rows}), strip=False
    )


def _line() -> forms.Field:
    return forms.CharField(
        required=False, max_length=MAX_CELL, widget=forms.TextInput(attrs={"placeholder": "Remark"})
    )


def _choice(options: tuple[Option, ...], *, radio: bool = False) -> forms.Field:
    choices = [(option.id, option.text) for option in options]
    widget = forms.RadioSelect() if radio else forms.Select()
    empty = [] if radio else [("", "Choose")]
    return forms.ChoiceField(required=False, choices=[*empty, *choices], widget=widget)


def _cell(column: Column) -> forms.Field:
    if column.options:
        return _choice(column.options)
    if column.id == "due":
        return forms.CharField(required=False, widget=forms.DateInput(attrs={"type": "date"}))
    if column.id == "owner":
        return forms.CharField(
            required=False,
            max_length=150,
            widget=forms.TextInput(attrs={"list": "people", "autocomplete": "off"}),
        )
    return forms.CharField(required=False, max_length=MAX_CELL, widget=forms.Textarea(attrs={"rows": 2}))


def _with_names(plan: list[Step]) -> list[Step]:
    """With the user names of the owners in place of their ids."""
    people = Person.objects.filter(pk__in=[step["owner"] for step in plan if step.get("owner")])
    names = {str(person.pk): person.username for person in people}
    return [step | {"owner": names.get(step.get("owner", ""), "")} for step in plan]
