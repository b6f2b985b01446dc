"""Accountability chains (S4-3): who created an agent, who answers for it, and what it leads to."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from agents.choices import DependencyKind
from agents.dependency_map import Key, rows_of, target_key
from agents.jurisdictions import named
from agents.models import Agent, Dependency, Person, ThirdParty, Tool
from agents.models.dependency import Target

REACHED, STEPS = 2_000, 20
CHUNK = 5_000


@dataclass(frozen=True, slots=True)
class Creator:
    """An agent that created the one before it, so many steps up."""

    agent: Agent
    steps: int
    is_root: bool


@dataclass(frozen=True, slots=True)
class Reached:
    """What an agent depends on, itself (one step) or over others."""

    row: Target
    steps: int


@dataclass(frozen=True, slots=True)
class Chain:
    """Whom an agent comes from, the nearest first, and what it leads to; `more`: there is more of that."""

    agent: Agent
    creators: list[Creator]
    reached: list[Reached]
    more: bool

    @property
    def answerable(self) -> list[Person]:
        """The owners of those that nobody created: the people at the top."""
        roots = [creator.agent for creator in self.creators if creator.is_root] or [self.agent]
        return list(dict.fromkeys(root.owner for root in roots))

    @property
    def third_parties(self) -> list[ThirdParty]:
        return [each.row for each in self.reached if isinstance(each.row, ThirdParty)]

    @property
    def jurisdictions(self) -> list[str]:
        """Where data may go, over whatever number of steps."""
        held = [each.row.jurisdictions for each in self.reached if isinstance(each.row, Tool | ThirdParty)]
        return named(sorted({code for codes in held for code in codes}))


def of(agent: Agent, *, limit: int = REACHED) -> Chain:
    """One query for all who create, two for each step down, and one for each kind of row."""
    up = creators(agent.pk)
    down, more = _reached(agent.pk, limit)
    rows = rows_of({("agent", agent.pk), *(("agent", pk) for pk in up), *down})
    return Chain(
        agent=agent,
        creators=[
            Creator(row, steps, is_root)
            for pk, (steps, is_root) in up.items()
            if isinstance(row := rows[("agent", pk)], Agent)
        ],
        reached=[Reached(rows[key], steps) for key, steps in down.items()],
        more=more,
    )


def creators(agent: UUID) -> dict[UUID, tuple[int, bool]]:
    """Who created it, itself or over others: by how many steps, and whether nobody created that one.

    One query, however long the chain: who creates whom is little beside who calls whom.
    """
    edges = _live().filter(kind=DependencyKind.CREATES, to_agent__isnull=False)
    parents: dict[UUID, list[UUID]] = defaultdict(list)
    for child, parent in edges.values_list("to_agent_id", "agent_id"):
        if child is not None:
            parents[child].append(parent)
    found: dict[UUID, tuple[int, bool]] = {}
    frontier, steps = set(parents.get(agent, ())), 1
    while frontier:
        found.update({pk: (steps, pk not in parents) for pk in frontier})
        frontier = {parent for pk in frontier for parent in parents.get(pk, ())} - found.keys()
        steps += 1
    return found


def _reached(agent: UUID, limit: int) -> tuple[dict[Key, int], bool]:
    """All that it depends on, breadth first; calls may go in circles: each is followed once."""
    start: Key = ("agent", agent)
    found: dict[Key, int] = {}
    frontier, steps = [agent], 0
    while frontier:
        if steps == STEPS:
            return found, True
        steps += 1
        new = [key for key in dict.fromkeys(_next(frontier)) if key not in found and key != start]
        tools = [pk for kind, pk in new if kind == "tool"]
        providers = [key for key in dict.fromkeys(_providers(tools)) if key not in found]
        for key in (*new, *providers):
            if len(found) >= limit:
                return found, True
            found.setdefault(key, steps)
        frontier = [pk for kind, pk in new if kind == "agent"]
    return found, False


def _next(agents: Sequence[UUID]) -> Iterator[Key]:
    columns = ("to_agent_id", "to_tool_id", "to_third_party_id")
    for chunk in _in_chunks(agents):
        for ends in _live().filter(agent__in=chunk).order_by("id").values_list(*columns):
            yield target_key(*ends)


def _providers(tools: Sequence[UUID]) -> Iterator[Key]:
    for chunk in _in_chunks(tools):
        provided = Tool.objects.filter(pk__in=chunk, provider__isnull=False)
        for pk in provided.order_by("pk").values_list("provider_id", flat=True):
            if pk is not None:
                yield "third_party", pk


def _live() -> QuerySet[Dependency]:
    return Dependency.objects.filter(ended_at=None)


def _in_chunks(keys: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """SQLite takes only so many parameters in one query."""
    return (keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK))
