"""What waits, as it is shown: its types, by when in words, and what several kinds of it share."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.safestring import SafeString

from agents.choices import AgentState
from agents.models import Agent, Person
from audits.admin.show import EMPTY, show_label, show_moment
from governance.choices import LABELS, ApprovalState, ApprovalSubject, RiskLevel
from governance.models import Approval, RiskAssessment

MINUTE, HOUR, DAY = 60, 3600, 86400
SOON = DAY
REFUSED = tuple(set(ApprovalState) - {ApprovalState.PENDING, ApprovalState.APPROVED})


@dataclass(frozen=True, slots=True)
class Due:
    """By when: the moment, how long until then in words, and how it stands."""

    at: SafeString
    words: str
    is_over: bool
    is_soon: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that waits: what and of which agent, who asks since when, and by when."""

    what: SafeString
    detail: str
    agent: SafeString
    risk: SafeString
    asked_by: str
    since: SafeString
    due: Due | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks of one kind; `number` of them wait, of which the first are shown."""

    name: str
    title: str
    verb: str
    number: int
    tasks: list[Task]

    @property
    def more(self) -> int:
        return self.number - len(self.tasks)


Rows = QuerySet[Any] | list[Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A group before it is asked of somebody. `rows` come in the order in which they are shown.

    `tasks` is given all that are shown at once: what it has to look up for them, it looks up once.
    """

    name: str
    title: str
    verb: str
    rows: Callable[[Person], Rows]
    tasks: Callable[[list[Any]], list[Task]]


def each(task: Callable[[Any], Task]) -> Callable[[list[Any]], list[Task]]:
    """For rows that say everything themselves."""
    return lambda rows: [task(row) for row in rows]


def due(moment: datetime | None, now: datetime | None = None) -> Due | None:
    """In words, for nobody subtracts dates: `3 days left`, `overdue for 2 hours`."""
    if moment is None:
        return None
    seconds = int((moment - (now or timezone.now())).total_seconds())
    words = f"overdue for {_amount(-seconds)}" if seconds <= 0 else f"{_amount(seconds)} left"
    return Due(show_moment(moment), words, is_over=seconds <= 0, is_soon=0 < seconds < SOON)


def _amount(seconds: int) -> str:
    for unit, length in (("day", DAY), ("hour", HOUR), ("minute", MINUTE)):
        if seconds >= length:
            number = seconds // length
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return "less than a minute"


def end_of(day: date | None) -> datetime | None:
    """The moment at which a day is over."""
    if day is None:
        return None
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


def mine(person: Person) -> QuerySet[Agent]:
    return Agent.objects.filter(Q(owner=person) | Q(deputies=person)).distinct()


def with_last_request(person: Person) -> QuerySet[Any]:
    asked = Approval.objects.filter(agent=OuterRef("pk"), subject=ApprovalSubject.AGENT_VERSION)
    last = asked.order_by("-requested_at")
    rows = mine(person).select_related("owner").exclude(state=AgentState.RETIRED)
    return rows.annotate(
        risk=risk_of("pk"),
        last_id=Subquery(last.values("pk")[:1]),
        last_title=Subquery(last.values("title")[:1]),
        last_state=Subquery(last.values("state")[:1]),
        last_closed=Subquery(last.values("resolved_at")[:1]),
        last_reason=Subquery(last.values("reason")[:1]),
    )


def risk_of(agent: str) -> Subquery:
    """The class of the agent's newest assessment."""
    newest = RiskAssessment.objects.filter(agent=OuterRef(agent)).order_by("-assessed_at", "-pk")
    return Subquery(newest.values(level=F("risk_class"))[:1])


def show_risk(level: str | None) -> SafeString:
    return show_label(RiskLevel(level).label, LABELS[RiskLevel(level)]) if level else EMPTY
