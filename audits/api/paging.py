"""Pages of a list by key: newest first, never counted, never by OFFSET."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet

from audits.api.problems import Problem, Refused

DEFAULT_SIZE, LARGEST_SIZE = 50, 200
LONGEST_CURSOR = 200
Row = TypeVar("Row", bound=Model)


class Page(NamedTuple, Generic[Row]):
    """Rows, and the cursor of what comes after them; empty where nothing does."""

    rows: Sequence[Row]
    next: str


def page(rows: QuerySet[Row], *, size: int, cursor: str) -> Page[Row]:
    """The `size` rows after `cursor`, by falling primary key: it sorts by the time at which a row was made.

    Raises:
        Refused: it is no cursor of ours.
    """
    if cursor:
        rows = rows.filter(pk__lt=_key(rows, cursor))
    found = list(rows.order_by("-pk")[: size + 1])
    shown = found[:size]
    return Page(shown, encode(shown[-1].pk) if len(found) > size else "")


def encode(key: object) -> str:
    return urlsafe_b64encode(str(key).encode()).decode().rstrip("=")


def decode(cursor: str) -> str:
    """
    Raises:
        Refused: it is no cursor of ours.
    """
    try:
        return urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError as error:
        raise wrong_cursor() from error


def wrong_cursor() -> Refused:
    sentence = "Take the cursor from `next` of the page before."
    return Refused(Problem.BAD_PARAMETER, sentence, errors=[{"parameter": "cursor", "detail": sentence}])


def _key(rows: QuerySet[Row], cursor: str) -> Any:
    key = rows.model._meta.pk  # noqa: SLF001 - public in Django, whatever its name
    try:
        return key.to_python(decode(cursor))
    except ValidationError as error:
        raise wrong_cursor() from error
