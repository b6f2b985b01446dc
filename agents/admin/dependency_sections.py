"""What an agent depends on and who depends on what: tables on the pages of both."""

from typing import Any

from django.db.models import F, Q, QuerySet

from agents.admin.dependency_shown import (
    show_concerns,
    show_ended,
    show_jurisdictions,
    show_target,
)
from agents.admin.origins import OWNER_SIDE
from agents.choices import LABELS
from agents.models import Dependency, Tool
from audits.admin.base import Section
from audits.admin.sections import Cell
from audits.admin.show import show_choice, show_foreign, show_link, show_list

LIVE_FIRST = (F("ended_at").desc(nulls_first=True), "-id")
FROM = "agent", "to_agent", "to_tool__provider", "to_third_party"


def _listed(rows: "QuerySet[Dependency]") -> "QuerySet[Dependency]":
    return rows.select_related(*FROM).order_by(*LIVE_FIRST)


FLOW: dict[str, Cell] = {
    "Purpose": lambda dependency: show_foreign(dependency.purpose, OWNER_SIDE),
    "Data": lambda dependency: show_list(dependency.data_categories),
}
KIND: dict[str, Cell] = {
    "Kind": lambda dependency: show_link(dependency, dependency.get_kind_display()),
}
STATE: dict[str, Cell] = {"State": show_ended}
DEPENDS_ON = Section(
    name="depends-on",
    title="Depends on",
    model=Dependency,
    rows=lambda agent: _listed(agent.dependencies.all()),
    columns={
        "To": lambda dependency: show_target(dependency.target),
        **KIND,
        **FLOW,
        "Jurisdiction": lambda dependency: show_jurisdictions(dependency.target),
        "Overdue": lambda dependency: show_concerns(dependency.provider),
        **STATE,
    },
    empty="Nothing that it depends on is named yet. Add the agents, tools and third parties that it uses.",
)


def _used_by(rows: Any, empty: str) -> Section:
    return Section(
        name="used-by",
        title="Used by",
        model=Dependency,
        rows=lambda row: _listed(rows(row)),
        columns={"Agent": lambda dependency: show_link(dependency.agent), **KIND, **FLOW, **STATE},
        empty=empty,
    )


USED_BY = _used_by(lambda row: row.dependents.all(), "No agent depends on it.")
USED_OVER_TOOLS = _used_by(
    lambda third_party: Dependency.objects.filter(
        Q(to_third_party=third_party) | Q(to_tool__provider=third_party)
    ),
    "No agent depends on it, neither by itself nor over a tool.",
)
TOOLS_PROVIDED = Section(
    name="tools",
    title="Tools that it provides",
    model=Tool,
    rows=lambda third_party: third_party.tools.all(),
    columns={
        "Tool": show_link,
        "Kind": lambda tool: show_choice(tool, "kind", LABELS),
        "Data": lambda tool: show_list(tool.data_categories),
        "State": show_ended,
    },
    empty="It provides no tool.",
)
