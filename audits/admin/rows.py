"""The row whose page an action was called on."""

from typing import TypeVar

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db.models import Model, QuerySet

from audits.errors import NotFound

Found = TypeVar("Found", bound=Model)


def row_of(rows: "QuerySet[Found]", object_id: str) -> Found:
    """The row of that id.

    Raises:
        NotFound: there is none, or the address holds no id.
    """
    try:
        return rows.get(pk=object_id)
    except (ObjectDoesNotExist, ValidationError, ValueError) as error:
        raise NotFound("There is nothing at this address. Open the page again.") from error
