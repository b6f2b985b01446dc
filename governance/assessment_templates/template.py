"""What a template is made of. Pure: knows no database, no form and no clock."""

from dataclasses import dataclass
from enum import StrEnum

from governance.choices import AssessmentKind, Discipline

YES, NO, NOT_APPLICABLE = "yes", "no", "na"
HIGH = "high"


class FieldKind(StrEnum):
    """What the answer to a field is.

    `TEXT` is a text, `CHOICE` the id of an option, `LIST` a list of texts, `CHECK` an object of `answer`
    (yes, no or na) and `remark`, `TABLE` a list of objects with a text for each column.
    """

    TEXT = "text"
    CHOICE = "choice"
    LIST = "list"
    CHECK = "check"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Option:
    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: free text, or one of its options."""

    id: str
    text: str
    options: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One question. Where a table lists risks, `rated` and `named` are the columns that do so."""

    id: str
    text: str
    kind: FieldKind = FieldKind.TEXT
    help: str = ""
    required: bool = True
    options: tuple[Option, ...] = ()
    columns: tuple[Column, ...] = ()
    rated: str = ""
    named: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    fields: tuple[Field, ...]
    help: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """`signers` are the seats of which one signs; `sources` say where the questions come from."""

    kind: AssessmentKind
    version: int
    about: str
    signers: tuple[Discipline, ...]
    sources: tuple[str, ...]
    sections: tuple[Section, ...]

    def fields(self) -> tuple[tuple[Section, Field], ...]:
        return tuple((section, field) for section in self.sections for field in section.fields)


RATINGS = (Option("low", "Low"), Option("medium", "Medium"), Option(HIGH, "High"))
CHECKS = (Option(YES, "Yes"), Option(NO, "No"), Option(NOT_APPLICABLE, "Not applicable"))


def risks(field_id: str, text: str, help_text: str) -> Field:
    """A table of what can go wrong; each that is rated high needs a mitigation that repeats its name."""
    return Field(
        field_id,
        text,
        FieldKind.TABLE,
        help_text,
        columns=(
            Column("name", "Short name"),
            Column("how", "How it comes about, and who notices"),
            Column("harm", "What harm follows"),
            Column("likelihood", "Likelihood", RATINGS),
            Column("rating", "Overall", RATINGS),
        ),
        rated="rating",
        named="name",
    )


def check(field_id: str, text: str, help_text: str = "") -> Field:
    return Field(field_id, text, FieldKind.CHECK, help_text)
