"""Filters of lists by a related row of which there are thousands: its name is typed, not picked."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest

# By the label of the related model: where its name is.
NAMES: dict[str, tuple[str, ...]] = {
    "agents.agent": ("slug", "name"),
    "agents.person": ("username", "first_name", "last_name"),
}


class ByName(admin.FieldListFilter):
    """``?agent__named=words`` narrows the list to rows of agents that are called so.

    ``?agent__id__exact=<id>``, which links from other pages carry, narrows it to one agent.
    """

    template = "admin/by_name.html"

    def __init__(  # noqa: PLR0917 - called by position
        self, field: Any, request: Any, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        self.search_kwarg, self.exact_kwarg = f"{field_path}__named", f"{field_path}__id__exact"
        self.related = field.related_model
        self.others: list[tuple[str, str]] = []
        super().__init__(field, request, params, model, model_admin, field_path)
        self.words = self._given(self.search_kwarg).strip()
        self.chosen = self._given(self.exact_kwarg)

    def expected_parameters(self) -> list[str | None]:
        return [self.search_kwarg, self.exact_kwarg]

    def has_output(self) -> bool:
        return True

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Any]") -> "QuerySet[Any]":
        if self.words:
            fits = [Q(**{f"{self.field_path}__{name}__icontains": self.words}) for name in self._names]
            queryset = queryset.filter(Q(*fits, _connector=Q.OR))
        if self.chosen:
            try:
                queryset = queryset.filter(**{self.field_path: self.chosen})
            except (ValueError, ValidationError) as error:
                raise IncorrectLookupParameters(error) from error
        return queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        mine = self.expected_parameters()
        given: dict[str, list[str]] = changelist.filter_params
        self.others = [(name, each) for name, values in given.items() if name not in mine for each in values]
        if self.words or self.chosen:
            yield {"display": self._shown, "query_string": changelist.get_query_string(remove=mine)}

    @property
    def _names(self) -> tuple[str, ...]:
        return NAMES[self.related._meta.label_lower]  # noqa: SLF001 - public in Django, whatever its name

    @property
    def _shown(self) -> str:
        if not self.chosen:
            return self.words
        found = self.related.objects.filter(pk=self.chosen).first()
        return str(found) if found else self.chosen

    def _given(self, name: str) -> str:
        value = self.used_parameters.get(name, "")
        return str(value[-1] if isinstance(value, list) else value)
