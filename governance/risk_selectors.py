"""Reads: the class that answers lead to, and whom a change of a class affects before it is saved (S1-5)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from agents.choices import AgentState
from agents.models import Agent
from audits import canonical
from governance import impact_selectors, risk_score, selectors
from governance.choices import AssessmentKind, AssessmentState, Discipline, RiskLevel
from governance.models import ImpactAssessment, RiskAssessment, RiskClass
from governance.risk_classes import FIELDS, Figures, sorted_choices


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change of a class means for one agent: its class before and after, and what it would lack."""

    agent: Agent
    assessment: RiskAssessment
    computed: RiskLevel
    before: RiskLevel
    after: RiskLevel
    lacks: tuple[str, ...]

    @property
    def is_reassessed(self) -> bool:
        """Whether its answers lead to another class than they did."""
        return self.computed != self.assessment.computed or self.after != self.before


@dataclass(frozen=True, slots=True)
class ClassChange:
    """A change of a class as it is shown before it is saved; `digest` binds what is confirmed to it."""

    level: RiskLevel
    before: Figures
    after: Figures
    effects: tuple[Effect, ...]
    digest: str

    @property
    def changed(self) -> list[str]:
        """The names of the figures that differ."""
        return [name for name in FIELDS if self.before[name] != self.after[name]]


def figures_of(risk_class: RiskClass) -> Figures:
    """Everything that an administrator may change."""
    return sorted_choices({name: getattr(risk_class, name) for name in FIELDS})


def minimum_scores(classes: Iterable[RiskClass]) -> dict[str, int]:
    return {row.level: row.minimum_score for row in classes}


def class_of(answers: Mapping[str, str]) -> tuple[risk_score.Score, RiskClass | None]:
    """The score of complete answers and the class that follows; None where that has no row.

    Raises:
        ValueError: the answers are not complete.
    """
    result = risk_score.score(answers)
    classes = {row.level: row for row in RiskClass.objects.all()}
    return result, classes.get(risk_score.level(result, minimum_scores(classes.values())))


def latest_assessments() -> QuerySet[RiskAssessment]:
    """The newest risk assessment of every agent that is not retired."""
    newest = RiskAssessment.objects.filter(agent=OuterRef("agent")).order_by("-assessed_at", "-pk")
    rows = RiskAssessment.objects.filter(pk=Subquery(newest.values("pk")[:1]))
    return (
        rows.exclude(agent__state=AgentState.RETIRED)
        .select_related("agent", "risk_class")
        .prefetch_related("agent__deputies")
        .order_by("agent__name", "agent_id")
    )


def class_change(level: RiskLevel, figures: Figures, today: date) -> ClassChange:
    """What would follow from these figures: every agent that is in the class or would change its class.

    In a number of queries that does not depend on how many agents there are.
    """
    classes = {RiskLevel(row.level): row for row in RiskClass.objects.all()}
    before, figures = figures_of(classes[level]), sorted_choices(figures)
    for name, value in figures.items():
        setattr(classes[level], name, value)
    standing = _Standing(today)
    effects = tuple(
        effect
        for assessment in latest_assessments()
        if (effect := _effect(assessment, classes, level, standing)) is not None
    )
    return ClassChange(level, before, figures, effects, _digest(level, before, figures, effects))


def _effect(
    assessment: RiskAssessment,
    classes: Mapping[RiskLevel, RiskClass],
    level: RiskLevel,
    standing: "_Standing",
) -> Effect | None:
    computed = _computed(assessment, classes)
    before = RiskLevel(assessment.risk_class_id)
    after = before if assessment.overridden_by_id else computed
    if level not in {before, after} and computed == assessment.computed:
        return None
    agent = assessment.agent
    lacks = standing.lacks(agent, classes[after])
    return Effect(agent, assessment, computed, before, after, lacks)


def _computed(assessment: RiskAssessment, classes: Mapping[RiskLevel, RiskClass]) -> RiskLevel:
    """What its answers lead to by these figures; what it was, where the questionnaire asks otherwise now."""
    if risk_score.problems(assessment.answers):
        return RiskLevel(assessment.computed)
    return risk_score.level(risk_score.score(assessment.answers), minimum_scores(classes.values()))


class _Standing:
    """What every agent has: read once for all of them."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._holders: dict[str, set[Any]] = defaultdict(set)
        for seat in selectors.current_seats().filter(person__is_active=True):
            self._holders[seat.discipline].add(seat.person_id)
        self._signed: dict[Any, dict[str, ImpactAssessment]] = defaultdict(dict)
        signed = ImpactAssessment.objects.filter(state=AssessmentState.SIGNED)
        for row in signed.defer("content", "answers", "plan"):
            self._signed[row.agent_id][row.kind] = row

    def lacks(self, agent: Agent, risk_class: RiskClass) -> tuple[str, ...]:
        """What this class asks for and the agent does not have, in sentences."""
        return (*self._seats(agent, risk_class), *self._papers(agent, risk_class), *self._review(agent))

    def _seats(self, agent: Agent, risk_class: RiskClass) -> Iterable[str]:
        wanting = {agent.owner_id, agent.sponsor_id, *(person.pk for person in agent.deputies.all())}
        for seat in risk_class.seats:
            if not self._holders[seat] - wanting:
                yield f"Nobody who may vote on it holds the seat {Discipline(seat).label}."

    def _papers(self, agent: Agent, risk_class: RiskClass) -> Iterable[str]:
        for kind in risk_class.assessments:
            name = AssessmentKind(kind).label
            signed = self._signed[agent.pk].get(kind)
            if signed is None:
                yield f"{name}: none is signed."
            elif impact_selectors.stale(signed, risk_class, self._today):
                until = impact_selectors.fresh_until(signed, risk_class)
                yield f"{name}: stale since {until:%Y-%m-%d}."

    def _review(self, agent: Agent) -> Iterable[str]:
        if agent.review_date and agent.review_date < self._today:
            yield f"Its review was due on {agent.review_date:%Y-%m-%d}."


def review_by_new_interval(change: ClassChange, effect: Effect) -> date | None:
    """When its review would have been due, had the interval always been the new one."""
    due, old = effect.agent.review_date, change.before["review_days"]
    if due is None or effect.before != change.level or effect.after != change.level:
        return None
    return due - timedelta(days=old) + timedelta(days=change.after["review_days"])


def _digest(level: RiskLevel, before: Figures, after: Figures, effects: Iterable[Effect]) -> str:
    return canonical.digest(
        {
            "class": level.value,
            "before": before,
            "after": after,
            "agents": [
                {
                    "id": str(effect.agent.pk),
                    "assessment": str(effect.assessment.pk),
                    "before": effect.before.value,
                    "after": effect.after.value,
                    "computed": effect.computed.value,
                    "lacks": list(effect.lacks),
                }
                for effect in effects
            ],
        }
    )
