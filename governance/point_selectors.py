"""How enforcement points stand: towards everything that has ended, and towards what ended for one agent."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Max, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from agents.choices import AgentState, FreezeReason, ProposalState, RunState
from agents.models import Agent, ProposedAction, Revocation, Run
from agents.services import revocations
from agents.services.containing import HOLDABLE
from agents.services.revocations import Scope
from governance import containment_selectors, point_state
from governance.choices import ContainmentLevel, PointState
from governance.models import Acknowledgement, EnforcementPoint, Probe
from governance.point_state import Facts

MOST = 50


@dataclass(frozen=True, slots=True)
class Standing:
    """One point towards one number. `milliseconds` is how long after the end it acknowledged."""

    point: EnforcementPoint
    state: PointState
    acknowledged: int | None
    milliseconds: int | None
    probe: Probe | None


@dataclass(frozen=True, slots=True)
class AgentContainment:
    """How far an agent is contained: `number` is the newest end of anything that its access rests on."""

    agent: Agent
    number: int
    ended_at: datetime | None
    standings: tuple[Standing, ...]
    jobs: int

    @property
    def is_contained(self) -> bool:
        return point_state.contained((each.state for each in self.standings), jobs=self.jobs)

    @property
    def confirmed(self) -> int:
        return sum(each.state in point_state.CONFIRMED for each in self.standings)

    @property
    def missing(self) -> tuple[Standing, ...]:
        return tuple(each for each in self.standings if each.state not in point_state.CONFIRMED)

    @property
    def slowest(self) -> int | None:
        """Milliseconds until the last of those who acknowledged it did."""
        took = (each.milliseconds for each in self.standings if each.milliseconds is not None)
        return max(took, default=None)


class Points:
    """Every live enforcement point with what is known of it, read once for a whole page.

    `numbers` are those that are asked about; the newest is always among them.
    """

    def __init__(self, numbers: Collection[int] = ()) -> None:
        self.now = timezone.now()
        self.current = revocations.current()
        self.points = list(_live().order_by("name"))
        self._probes = _last_probes()
        self._highest = _highest_numbers()
        wanted = {self.current, *numbers}
        self._ended = _times(wanted)
        self._said = _first_said(wanted)

    def towards(self, number: int) -> tuple[Standing, ...]:
        """How each point stands towards everything up to `number`."""
        return tuple(self._standing(point, number) for point in self.points)

    def ended_at(self, number: int) -> datetime | None:
        return self._ended.get(number)

    def _standing(self, point: EnforcementPoint, number: int) -> Standing:
        highest, probe = self._highest.get(point.pk), self._probes.get(point.pk)
        facts = Facts(
            mode=point.mode,
            asked_at=point.asked_at,
            acknowledged=highest,
            current=self.current,
            probe=probe.outcome if probe else None,
        )
        stale_after = timedelta(seconds=settings.FEED_STALE_SECONDS)
        state = point_state.state(facts, number=number, now=self.now, stale_after=stale_after)
        said_at, ended = self._said[number].get(point.pk), self._ended.get(number)
        took = round((said_at - ended).total_seconds() * 1e3) if said_at and ended else None
        return Standing(point, state, highest, took, probe)


def _live() -> QuerySet[EnforcementPoint]:
    return EnforcementPoint.objects.filter(revoked_at__isnull=True)


def _last_probes() -> dict[UUID, Probe]:
    """By the enforcement point."""
    last = Subquery(Probe.objects.filter(point=OuterRef("pk")).values("pk")[:1])
    keys = _live().annotate(last_probe=last).values_list("last_probe", flat=True)
    return {probe.point_id: probe for probe in Probe.objects.filter(pk__in=[key for key in keys if key])}


def _highest_numbers() -> dict[UUID, int]:
    """What each point has acknowledged."""
    highest = Subquery(Acknowledgement.objects.filter(point=OuterRef("pk")).values("number")[:1])
    rows = _live().annotate(highest=highest).values_list("pk", "highest")
    return {point: number for point, number in rows if number is not None}


def _first_said(numbers: Collection[int]) -> dict[int, dict[UUID, datetime]]:
    """For each number when each point first acknowledged it, or a higher one; one statement."""
    said = Acknowledgement.objects.filter(point=OuterRef("pk")).order_by("number")
    asked = {
        f"said_{number}": Subquery(said.filter(number__gte=number).values("at")[:1]) for number in numbers
    }
    rows = list(_live().annotate(**asked).values("pk", *asked))
    return {
        number: {row["pk"]: row[f"said_{number}"] for row in rows if row[f"said_{number}"]}
        for number in numbers
    }


def _times(numbers: Collection[int]) -> dict[int, datetime]:
    rows = Revocation.objects.filter(number__in=numbers)
    return {row.number: row.at for row in rows if row.number is not None}


def to_contain() -> QuerySet[Agent]:
    """The agents that must not act: frozen, by themselves or with others, or ended by the board."""
    wanted = Q(state=AgentState.FROZEN) | Q(state=AgentState.RETIRED, freeze_reason=FreezeReason.KILLED)
    together = containment_selectors.in_force()
    wanted |= Q(state__in=HOLDABLE, owner__in=together.values("person"))
    if together.filter(level=ContainmentLevel.EVERYTHING).exists():
        wanted |= Q(state__in=HOLDABLE)
    return Agent.objects.filter(wanted).select_related("owner").order_by("-pk")


def contained(*, agent: str = "", most: int = MOST) -> list[AgentContainment]:
    """How far the agents are contained that must not act; the newest ends first."""
    agents = to_contain()
    found = list((agents.filter(slug=agent) if agent else agents)[:most])
    numbers = _cut_offs(found)
    points = Points(numbers.values())
    jobs = _jobs(found)
    shown = [
        AgentContainment(one, number, points.ended_at(number), points.towards(number), jobs.get(one.pk, 0))
        for one, number in numbers.items()
    ]
    return sorted(shown, key=lambda each: -each.number)


def _cut_offs(agents: Collection[Agent]) -> dict[Agent, int]:
    """For each agent the newest number at which anything ended that its access rests on."""
    revocations.number()  # what was committed and has no number yet is newer than all that has one
    subjects = {agent: Scope.of(agent).subjects for agent in agents}
    named = {subject for pairs in subjects.values() for _, subject in pairs}
    rows = Revocation.objects.filter(subject__in=named, number__isnull=False)
    ends = {
        (level, subject): number
        for level, subject, number in rows.values_list("level", "subject").annotate(end=Max("number"))
    }
    return {
        agent: max((ends.get((level.value, subject), 0) for level, subject in pairs), default=0)
        for agent, pairs in subjects.items()
    }


def _jobs(agents: Collection[Agent]) -> dict[UUID, int]:
    """How much of each agent's work is queued or under way."""
    left: Counter[UUID] = Counter()
    runs = Run.objects.filter(agent__in=agents, state__in=(RunState.QUEUED, RunState.RUNNING))
    writes = ProposedAction.objects.filter(agent__in=agents, state=ProposalState.QUEUED)
    for rows in (runs, writes):
        left.update(rows.values_list("agent_id", flat=True))
    return left
