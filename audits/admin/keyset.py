"""Lists of any length: pages are found by the row beside them, and nothing is counted.

A page costs the same wherever it is. There is no OFFSET, no COUNT, and no sorting by columns: rows come
newest first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.http import urlencode
from unfold.views import ChangeList

BEFORE, AFTER = "before", "after"


@dataclass(frozen=True, slots=True)
class Rows:
    """A page of rows, newest first, and whether there are more on either side."""

    rows: Sequence[Model]
    has_older: bool
    has_newer: bool


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The links to the pages beside this one, in place of page numbers; empty where there is none."""

    older: str
    newer: str
    newest: str
    about: str = ""
    count: int = 0
    template_name: str = "admin/audits/keyset_pages.html"


class KeysetChangeList(ChangeList):  # type: ignore[misc]
    """A list by primary key, descending. Who needs more than the newest rows overrides `rows`."""

    is_keyset = True

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        self.filter_specs: list[Any] = []
        self.has_filters = False
        self.has_active_filters = bool(self.params.get(BEFORE) or self.params.get(AFTER))
        self.clear_all_filters_qs = "?"
        rows: QuerySet[Any] = self.root_queryset
        return rows

    def get_results(self, request: HttpRequest) -> None:
        found = self.rows(request, self.params.get(BEFORE, ""), self.params.get(AFTER, ""))
        self.result_list = found.rows
        self.result_count = len(found.rows)
        self.full_result_count = None
        self.show_full_result_count = False
        self.can_show_all, self.multi_page = False, False
        self.paginator = self._neighbours(found)

    def rows(self, request: HttpRequest, before: str, after: str) -> Rows:
        """The page older than `before`, or newer than `after`, or else the newest."""
        upwards = bool(after) and not before
        rows = self.queryset.order_by("pk" if upwards else "-pk")
        pk = self.model._meta.pk  # noqa: SLF001 - public in Django, whatever its name
        if beside := before or after:
            try:
                rows = rows.filter(**{"pk__gt" if upwards else "pk__lt": pk.to_python(beside)})
            except (TypeError, ValueError, ValidationError):
                rows = rows.none()
        found = list(rows[: self.list_per_page + 1])
        more, shown = len(found) > self.list_per_page, found[: self.list_per_page]
        if upwards:
            return Rows(shown[::-1], has_older=True, has_newer=more)
        return Rows(shown, has_older=more, has_newer=bool(before))

    def about(self) -> str:
        """How many rows there are, in words; empty where nobody knows without counting."""
        return ""

    def _neighbours(self, found: Rows) -> Neighbours:
        rows = found.rows
        return Neighbours(
            older=self._beside(BEFORE, rows[-1]) if rows and found.has_older else "",
            newer=self._beside(AFTER, rows[0]) if rows and found.has_newer else "",
            newest=self._address({}) if self.params.get(BEFORE) or self.params.get(AFTER) else "",
            about=self.about(),
            count=len(rows),
        )

    def _beside(self, name: str, row: Model) -> str:
        return self._address({name: str(row.pk)})

    def _address(self, cursor: dict[str, str]) -> str:
        kept = {name: value for name, value in self.params.items() if name not in {BEFORE, AFTER} and value}
        return "?" + urlencode(sorted((kept | cursor).items()))

    def get_ordering_field_columns(self) -> dict[int, str]:
        return {}
