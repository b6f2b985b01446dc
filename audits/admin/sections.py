"""Related rows on the page of what they belong to: plain tables, a page at a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from audits.admin.show import EMPTY

Cell = Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Section:
    """What is shown below the facts of a row: for example the runs of an agent.

    `name` is the anchor and the query parameter of the page number, `rows` gives the query from the
    row whose page it is, `columns` maps a heading to a function of a related row. People who may not
    view `model` do not see the section. `empty` says what would fill it. `prepared` makes of a page of
    rows what the columns show, where that takes more than the row itself. `withheld` is asked before rows
    are shown, and says why they are not: it records that somebody looks.
    """

    name: str
    title: str
    model: type[Model]
    rows: Callable[[Any], QuerySet[Any]]
    columns: Mapping[str, Cell]
    empty: str
    per_page: int = 10
    prepared: Callable[[list[Any], HttpRequest], list[Any]] | None = None
    withheld: Callable[[HttpRequest], str] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A section of one row for one reader, as the template needs it."""

    section: Section
    page: Page[Any]
    withheld: str = ""

    @property
    def headings(self) -> list[str]:
        return list(self.section.columns)

    @property
    def lines(self) -> list[list[tuple[str, object]]]:
        return [
            [(heading, _filled(cell(row))) for heading, cell in self.section.columns.items()]
            for row in self.page.object_list
        ]


def show_sections(sections: tuple[Section, ...], request: HttpRequest, instance: Model) -> list[Shown]:
    """The sections of `instance` that the reader may see, each at the page that the address names."""
    return [
        _shown(section, request, instance)
        for section in sections
        if request.user.has_perm(_view_permission(section.model))
    ]


def _shown(section: Section, request: HttpRequest, instance: Model) -> Shown:
    page = Paginator(section.rows(instance), section.per_page).get_page(request.GET.get(section.name))
    if section.withheld and page.paginator.count and (reason := section.withheld(request)):
        page.object_list = []
        return Shown(section, page, reason)
    if section.prepared:
        page.object_list = section.prepared(list(page.object_list), request)
    return Shown(section, page)


def _view_permission(model: type[Model]) -> str:
    options = model._meta  # noqa: SLF001 - public in Django, whatever its name
    return f"{options.app_label}.view_{options.model_name}"


def _filled(value: object) -> object:
    return EMPTY if value is None or value == "" else value
