"""The fields of a row before it is saved: what does not fit is said by name, what changed by value."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model

from agents.jurisdictions import CODES
from audits import history
from audits.canonical import JSON
from audits.errors import Conflict, Invalid
from audits.models.history import plain

LONG, SHORT, MANY = 10_000, 100, 50


def check(row: Model, *, required: Iterable[str]) -> None:
    """Everything fits its column, can be kept as text, and the `required` texts say something.

    Raises:
        Invalid: `fields` says which does not.
    """
    values = {field.name: getattr(row, field.attname) for field in row._meta.concrete_fields}  # noqa: SLF001
    problems = {name: "must not be empty" for name in required if not str(values[name] or "").strip()}
    try:
        row.clean_fields(exclude=[*problems, *(name for name, value in values.items() if value == [])])
    except ValidationError as error:
        problems |= {name: " ".join(messages) for name, messages in error.message_dict.items()}
    problems |= {name: problem for name, value in values.items() if (problem := _unkept(value))}
    if problems:
        listed = " ".join(f"{name}: {problem}" for name, problem in problems.items())
        raise Invalid(listed, fields=problems)


def words(given: Iterable[str], *, field: str) -> list[str]:
    """Short words, each once, in the order in which they came.

    Raises:
        Invalid: one is longer than 100 characters, or there are more than 50.
    """
    found = list(dict.fromkeys(word for each in given if (word := each.strip())))
    if len(found) > MANY or any(len(word) > SHORT for word in found):
        problem = f"at most {MANY} words of at most {SHORT} characters"
        raise Invalid(f"{field}: {problem}.", fields={field: problem})
    return found


def sentence(text: str, *, field: str) -> str:
    """What somebody had to say, without blanks around it.

    Raises:
        Invalid: it says nothing, is too long, or cannot be kept as text.
    """
    said = text.strip()
    if problem := _unkept(said) or ("" if said else "must not be empty"):
        raise Invalid(f"{field}: {problem}.", fields={field: problem})
    return said


def countries(given: Iterable[str]) -> list[str]:
    """Jurisdictions by their codes (ISO 3166-1 alpha-2, and EU), each once, sorted.

    Raises:
        Invalid: there is none, or one is no such code.
    """
    found = sorted({code for each in given if (code := each.strip().upper())})
    unknown = [code for code in found if code not in CODES]
    if unknown or not found:
        problem = f"{', '.join(unknown)[:SHORT]!r} is not a code" if unknown else "must not be empty"
        message = f"Jurisdictions: {problem}. Give codes of ISO 3166-1 alpha-2, for example DE, US; or EU."
        raise Invalid(message, fields={"jurisdictions": problem})
    return found


def changes(row: Model, values: Mapping[str, Any]) -> dict[str, JSON]:
    """Give the row these values; says of each field that differs what it was and what it is.

    Raises:
        Conflict: none differs.
    """
    before = {name: getattr(row, name) for name in values}
    for name, value in values.items():
        setattr(row, name, value)
    differing = [name for name, value in values.items() if before[name] != value]
    if not differing:
        raise Conflict("Nothing was changed: it is so already.")
    return {name: {"from": _told(before[name]), "to": _told(values[name])} for name in differing}


def told(values: Mapping[str, Any]) -> dict[str, JSON]:
    """Values as the body of an event says them."""
    return {name: _told(value) for name, value in values.items()}


def _told(value: Any) -> JSON:
    if isinstance(value, list):
        return value
    return f"{history.of(value).kind}/{value.pk}" if isinstance(value, Model) else plain(value)


def _unkept(value: Any) -> str:
    """Why a database or the ledger could not keep a text as it is."""
    texts = [text for text in value if isinstance(text, str)] if isinstance(value, list) else [value]
    for text in texts:
        if isinstance(text, str):
            if len(text) > LONG:
                return f"at most {LONG:,} characters"
            if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
                return "has characters that are no text"
    return ""
