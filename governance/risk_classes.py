"""What the figures of a risk class may be. Pure: knows no database and no clock.

There is no lowest value hidden here. What holds a class up is the class below it: a graver class never asks
for less than a milder one, and the mildest still asks one person. Whoever wants less of all agents says so
in every class, and each of these changes is shown, confirmed and recorded.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from agents.choices import VersionTestKind
from governance.choices import AssessmentKind, Discipline, Exercise, Gate, RiskLevel
from governance.risk_score import ORDER

Figures = dict[str, Any]

CHOSEN: dict[str, Collection[str]] = {
    "seats": Discipline.values,
    "elevation_seats": Discipline.values,
    "assessments": AssessmentKind.values,
    "tests": VersionTestKind.values,
    "gates": Gate.values,
}
LONGEST_DAYS = 36_500
LONGEST_MINUTES = LONGEST_DAYS * 24 * 60
NUMBERS: dict[str, tuple[int, int]] = {
    "minimum_score": (0, 100),
    "quorum": (1, len(Discipline)),
    "elevation_quorum": (1, len(Discipline)),
    "elevation_max_minutes": (1, LONGEST_MINUTES),
    "credential_max_seconds": (1, LONGEST_MINUTES * 60),
    "assessment_max_days": (1, LONGEST_DAYS),
    "test_max_days": (1, LONGEST_DAYS),
    "review_days": (1, LONGEST_DAYS),
    "review_warn_days": (0, LONGEST_DAYS),
    "review_suspend_days": (0, LONGEST_DAYS),
    "owner_grace_minutes": (0, LONGEST_MINUTES),
    "retention_days": (1, LONGEST_DAYS),
}
EXERCISES = tuple(Exercise.values)
FIELDS = (
    "minimum_score", "seats", "quorum", "veto", "elevation_seats", "elevation_quorum",
    "elevation_max_minutes", "credential_max_seconds", "assessments", "assessment_max_days", "tests",
    "test_max_days", "exercise", "gates", "review_days", "review_warn_days", "review_suspend_days",
    "owner_grace_minutes", "retention_days", "rollout_steps",
)  # fmt: skip
# A graver class asks for at least as much, and allows at most as much.
AT_LEAST = ("quorum", "elevation_quorum", "retention_days")
AT_MOST = (
    "elevation_max_minutes", "credential_max_seconds", "assessment_max_days", "test_max_days", "review_days",
    "review_suspend_days", "owner_grace_minutes",
)  # fmt: skip
CONTAINS = ("seats", "elevation_seats", "tests", "gates")


def problems(level: RiskLevel, figures: Mapping[str, Any], others: Mapping[str, Figures]) -> dict[str, str]:
    """What is wrong with these figures, by field, next to those of the other classes."""
    wrong = dict.fromkeys(set(FIELDS) - set(figures), "This has to be said.")
    wrong |= dict.fromkeys(set(figures) - set(FIELDS), "There is no such figure.")
    if wrong:
        return wrong
    wrong = _own(figures)
    if level == ORDER[0] and figures["minimum_score"] != 0:
        wrong["minimum_score"] = "The mildest class begins at 0: every score has a class."
    if wrong:
        return wrong
    for other, theirs in others.items():
        graver = ORDER.index(level) > ORDER.index(RiskLevel(other))
        mild, grave = (theirs, figures) if graver else (figures, theirs)
        words = f"less than {other} demands" if graver else f"more than {other} demands"
        wrong |= dict.fromkeys(_laxer(mild, grave), f"This is {words}; a graver class never demands less.")
    return wrong


def sorted_choices(figures: Mapping[str, Any]) -> Figures:
    """The same figures, so that what was chosen in another order is no difference."""
    return {name: sorted(value) if name in CHOSEN else value for name, value in figures.items()}


def _own(figures: Mapping[str, Any]) -> dict[str, str]:
    wrong = {
        name: f"A whole number from {lowest} to {highest:,}."
        for name, (lowest, highest) in NUMBERS.items()
        if not _is_number(figures[name]) or not lowest <= figures[name] <= highest
    }
    wrong |= {
        name: "Choose from what there is, each once."
        for name, known in CHOSEN.items()
        if not _are_chosen(figures[name], known)
    }
    if figures["exercise"] not in EXERCISES:
        wrong["exercise"] = "Choose from what there is."
    if not isinstance(figures["veto"], bool):
        wrong["veto"] = "Yes or no."
    if not _rises_to_the_whole(figures["rollout_steps"]):
        wrong["rollout_steps"] = "Whole percentages that rise, the last one 100."
    if not wrong:
        wrong = {name: text for name, (fits, text) in _RELATIONS.items() if not fits(figures)}
    return wrong


_RELATIONS: dict[str, tuple[Callable[[Mapping[str, Any]], bool], str]] = {
    "quorum": (
        lambda figures: figures["quorum"] >= len(figures["seats"]),
        "Each required seat is another person: at least as many as there are seats.",
    ),
    "elevation_quorum": (
        lambda figures: figures["elevation_quorum"] >= len(figures["elevation_seats"]),
        "Each required seat is another person: at least as many as there are seats.",
    ),
    "review_warn_days": (
        lambda figures: figures["review_warn_days"] < figures["review_days"],
        "The warning comes within the interval of the review.",
    ),
}


def _laxer(mild: Mapping[str, Any], grave: Mapping[str, Any]) -> list[str]:
    """In what the graver class asks for less than the milder one."""
    found = [name for name in AT_LEAST if grave[name] < mild[name]]
    found += [name for name in AT_MOST if grave[name] > mild[name]]
    found += [name for name in CONTAINS if not set(mild[name]) <= set(grave[name])]
    if EXERCISES.index(grave["exercise"]) < EXERCISES.index(mild["exercise"]):
        found.append("exercise")
    if mild["veto"] and not grave["veto"]:
        found.append("veto")
    if grave["minimum_score"] <= mild["minimum_score"]:
        found.append("minimum_score")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _are_chosen(value: Any, known: Collection[str]) -> bool:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return False
    return len(set(value)) == len(value) and set(value) <= set(known)


def _rises_to_the_whole(steps: Any) -> bool:
    if not isinstance(steps, list) or not steps or not all(_is_number(step) for step in steps):
        return False
    return steps[0] >= 1 and steps[-1] == 100 and steps == sorted(set(steps))  # noqa: PLR2004 - the whole
