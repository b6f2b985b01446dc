"""The graph of dependencies, around one agent or of the register, with a table that says the same."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from agents import accountability, dependency_map
from agents.admin.dependency_shown import (
    concerns_of,
    provider_of,
    show_concerns,
    show_contract,
    show_jurisdictions,
    show_target,
)
from agents.admin.fields import RowField
from agents.admin.origins import OWNER_SIDE
from agents.choices import DependencyKind
from agents.dependency_map import PROVIDED_BY, Edge, Key, Map
from agents.models import Agent
from agents.models.dependency import Target
from audits.admin.base import page_of
from audits.admin.forms import dress
from audits.admin.show import show_foreign, show_list
from audits.visible import visible

STEPS = "2"
KINDS = {**dict(DependencyKind.choices), PROVIDED_BY: "Provided by"}
NODES = {
    "agent": ("agent", "agents"),
    "tool": ("tool", "tools"),
    "third_party": ("third party", "third parties"),
}
HEADINGS = ("From", "Kind", "To", "Purpose", "Data", "Jurisdiction", "Contract ends", "Assess again by")


class MapForm(forms.Form):
    """What is drawn: the surroundings of an agent, or the register, narrowed by owner or unit."""

    agent = RowField(
        Agent.objects.order_by("name"), required=False, help_text="Its slug; empty: the register."
    )
    steps = forms.ChoiceField(
        choices=[("1", "1 step"), ("2", "2 steps"), ("3", "3 steps")],
        required=False,
        help_text="How far around the agent.",
    )
    owner = forms.CharField(required=False, max_length=150, help_text="A username; of the register's agents.")
    unit = forms.CharField(required=False, max_length=200, label="Business unit")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        dress(self)

    @property
    def drawn(self) -> tuple[Agent | None, Map]:
        """The agent in the middle, if there is one, and the map."""
        if not self.is_valid():
            return None, Map()
        given = self.cleaned_data
        agent: Agent | None = given["agent"]
        if agent is not None:
            return agent, dependency_map.around(agent, steps=int(given["steps"] or STEPS))
        found = dependency_map.of_register(owner=given["owner"], business_unit=given["unit"])
        return None, found


@dataclass(frozen=True, slots=True)
class Line:
    """One edge as a row of the table."""

    cells: tuple[tuple[str, object], ...]


def map_page(request: HttpRequest) -> HttpResponse:
    """Shown to those who may view dependencies."""
    if not request.user.has_perm("agents.view_dependency"):
        raise PermissionDenied
    form = MapForm({"steps": STEPS, **request.GET.dict()})
    agent, drawn = form.drawn
    context = {
        **admin.site.each_context(request),
        "title": f"Dependencies of {agent}" if agent else "Dependency map",
        "list_title": "Dependencies",
        "list_url": reverse("admin:agents_dependency_changelist"),
        "form": form,
        "agent": agent,
        "chain": accountability.of(agent) if agent else None,
        "summary": summary_of(drawn),
        "left_out": left_out(drawn),
        "graph": graph_of(drawn, agent),
        "headings": HEADINGS,
        "lines": [_line(edge, drawn) for edge in drawn.edges],
        "kinds": KINDS,
    }
    return TemplateResponse(request, "agents/dependency_map.html", context)


def map_url(agent: Agent) -> str:
    """The page for the surroundings of one agent."""
    return f"{reverse('admin:dependency_map')}?agent={agent.slug}"


def summary_of(drawn: Map) -> str:
    """The graph in a sentence, for those who do not see it."""
    nodes = Counter(kind for kind, _ in drawn.nodes)
    edges = Counter(edge.kind for edge in drawn.edges)
    of_nodes = ", ".join(
        f"{nodes[kind]} {one if nodes[kind] == 1 else many}"
        for kind, (one, many) in NODES.items()
        if nodes[kind]
    )
    of_edges = ", ".join(f"{edges[kind]} {words.lower()}" for kind, words in KINDS.items() if edges[kind])
    return f"{of_nodes}; {of_edges}." if of_edges else "No live dependency."


def left_out(drawn: Map) -> str:
    """What the limit keeps from being drawn; empty where all of it is."""
    if not drawn.left_out and not drawn.more:
        return ""
    number = f"{'at least ' if drawn.more else ''}{drawn.left_out:,}"
    return (
        f"At most {dependency_map.NODES} nodes are drawn: {number} dependencies are left out. "
        "Narrow it by agent, owner or business unit."
    )


def graph_of(drawn: Map, agent: Agent | None) -> dict[str, Any]:
    """Nodes and edges for the page's script; every text in it is drawn as text."""
    return {
        "nodes": [
            {
                "id": _id(key),
                "label": visible(str(node.row)),
                "kind": key[0],
                "url": page_of(node.row),
                "focus": node.row == agent,
                "overdue": bool((provider := _itself(node.row)) and concerns_of(provider)),
            }
            for key, node in drawn.nodes.items()
        ],
        "edges": [
            {
                "id": f"e{number}",
                "source": _id(edge.source),
                "target": _id(edge.target),
                "kind": edge.kind,
                "label": KINDS[edge.kind].lower(),
            }
            for number, edge in enumerate(drawn.edges)
        ],
    }


def _itself(row: Target) -> Any:
    return provider_of(row) if row._meta.model_name == "thirdparty" else None  # noqa: SLF001 - public in Django


def _id(key: Key) -> str:
    kind, pk = key
    return f"{kind}/{pk}"


def _line(edge: Edge, drawn: Map) -> Line:
    source, target = drawn.nodes[edge.source].row, drawn.nodes[edge.target].row
    provider = provider_of(target)
    cells: tuple[object, ...] = (
        show_target(source),
        KINDS[edge.kind],
        show_target(target),
        show_foreign(edge.purpose, OWNER_SIDE),
        show_list(list(edge.data_categories)),
        show_jurisdictions(target),
        show_contract(provider) if provider else "",
        _assessment(provider) if provider else "",
    )
    return Line(tuple(zip(HEADINGS, cells, strict=True)))


def _assessment(provider: Any) -> SafeString | str:
    return show_concerns(provider) if concerns_of(provider) else provider.assess_again_by.isoformat()
