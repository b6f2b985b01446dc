"""The live dependencies as a graph: around one agent, or of the whole register, never more than can be read.

Besides the dependencies it has an edge from each tool to the third party that provides it.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from uuid import UUID

from django.db.models import Q, QuerySet

from agents.models import Agent, Dependency, ThirdParty, Tool
from agents.models.dependency import Target

NODES = 300
EDGES = 3_000
PROVIDED_BY = "provided_by"
MODELS: Mapping[str, type[Target]] = {"agent": Agent, "tool": Tool, "third_party": ThirdParty}
Key: TypeAlias = tuple[str, UUID]


@dataclass(frozen=True, slots=True)
class Edge:
    """One line of the graph; `dependency` is None where a third party provides a tool."""

    source: Key
    kind: str
    target: Key
    dependency: UUID | None = None
    purpose: str = ""
    data_categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """An agent, a tool or a third party, and how many steps it is from where the map begins."""

    key: Key
    row: Target
    steps: int


@dataclass(slots=True)
class Map:
    """What is drawn: `left_out` edges lead to nodes beyond the limit; with `more` there may be others."""

    nodes: dict[Key, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)
    left_out: int = 0
    more: bool = False


def around(agent: Agent, *, steps: int, limit: int = NODES) -> Map:
    """What is at most so many steps from an agent, in either direction, the nearest first.

    One query for each kind of edge and step, and one for each kind of node.
    """
    start = ("agent", agent.pk)
    reached, frontier, more = {start: 0}, {start}, False
    edges: dict[tuple[Key, str, Key], Edge] = {}
    for step in range(1, steps + 1):
        found = [*_dependencies(_touching(frontier)), *_provisions(frontier)]
        more |= len(found) >= EDGES
        frontier = set()
        for edge in found:
            edges[edge.source, edge.kind, edge.target] = edge
            frontier |= _reach(reached, edge, step, limit)
    return _drawn(reached, list(edges.values()), more=more)


def of_register(*, owner: str = "", business_unit: str = "", limit: int = NODES) -> Map:
    """The dependencies of every agent, or of those of an owner (by username) or of a business unit."""
    chosen = Q(ended_at=None)
    if owner:
        chosen &= Q(agent__owner__username__iexact=owner)
    if business_unit:
        chosen &= Q(agent__business_unit__iexact=business_unit)
    reached: dict[Key, int] = {}
    edges = _dependencies(chosen)
    for edge in edges:
        _reach(reached, edge, 0, limit)
    provisions = _provisions({key for key in reached if key[0] == "tool"})
    for edge in provisions:
        _reach(reached, edge, 0, limit)
    drawn = _drawn(reached, [*edges, *provisions], more=False)
    drawn.left_out += max(0, Dependency.objects.filter(chosen).count() - len(edges))
    return drawn


def rows_of(keys: Iterable[Key]) -> dict[Key, Target]:
    """The agents with their owners, the tools with their providers, and the third parties of these keys."""
    wanted: dict[str, list[UUID]] = {kind: [] for kind in MODELS}
    for kind, pk in keys:
        wanted[kind].append(pk)
    queries: tuple[tuple[str, QuerySet[Any]], ...] = (
        ("agent", Agent.objects.select_related("owner")),
        ("tool", Tool.objects.select_related("provider")),
        ("third_party", ThirdParty.objects.all()),
    )
    return {(kind, pk): row for kind, rows in queries for pk, row in rows.in_bulk(wanted[kind]).items()}


def third_parties_of(agent: Agent) -> QuerySet[ThirdParty]:
    """Those that an agent depends on now, itself or by a tool that they provide."""
    live = Dependency.objects.filter(agent=agent, ended_at=None)
    direct, tools = live.values("to_third_party"), live.values("to_tool")
    return ThirdParty.objects.filter(Q(pk__in=direct) | Q(tools__pk__in=tools)).distinct()


def _dependencies(chosen: Q) -> list[Edge]:
    rows = Dependency.objects.filter(chosen).order_by("agent_id", "id")
    columns = ("id", "agent_id", "kind", "to_agent_id", "to_tool_id", "to_third_party_id", "purpose")
    return [
        Edge(("agent", agent), kind, target_key(*ends), pk, purpose, tuple(data))
        for pk, agent, kind, *ends, purpose, data in rows.values_list(*columns, "data_categories")[:EDGES]
    ]


def target_key(agent: UUID | None, tool: UUID | None, third_party: UUID | None) -> Key:
    """The one of the three that there is."""
    ends = (("agent", agent), ("tool", tool), ("third_party", third_party))
    return next((kind, pk) for kind, pk in ends if pk is not None)


def _touching(frontier: Collection[Key]) -> Q:
    ids = {kind: [pk for of, pk in frontier if of == kind] for kind in MODELS}
    touching = Q(agent__in=ids["agent"]) | Q(to_agent__in=ids["agent"])
    return (touching | Q(to_tool__in=ids["tool"]) | Q(to_third_party__in=ids["third_party"])) & Q(
        ended_at=None
    )


def _provisions(frontier: Collection[Key]) -> list[Edge]:
    tools = [pk for kind, pk in frontier if kind == "tool"]
    third_parties = [pk for kind, pk in frontier if kind == "third_party"]
    provided = Tool.objects.filter(Q(pk__in=tools) | Q(provider__in=third_parties), provider__isnull=False)
    pairs = provided.filter(ended_at=None).order_by("pk").values_list("pk", "provider_id")[:EDGES]
    return [Edge(("tool", tool), PROVIDED_BY, ("third_party", of)) for tool, of in pairs if of is not None]


def _reach(reached: dict[Key, int], edge: Edge, steps: int, limit: int) -> set[Key]:
    """Take in the ends of an edge while there is room; gives those that are new."""
    new = {end for end in (edge.source, edge.target) if end not in reached}
    if len(reached) + len(new) > limit:
        return set()
    reached.update(dict.fromkeys(new, steps))
    return new


def _drawn(reached: Mapping[Key, int], edges: list[Edge], *, more: bool) -> Map:
    rows = rows_of(reached)
    nodes = {key: Node(key, row, reached[key]) for key, row in rows.items()}
    shown = [edge for edge in edges if edge.source in nodes and edge.target in nodes]
    return Map(nodes, shown, len(edges) - len(shown), more)
