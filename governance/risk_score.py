"""The risk questionnaire and its arithmetic (S1-5). Pure: knows no database and no clock.

The class follows from two things: the sum of the answers' points against the classes' lowest scores,
and the highest *floor* of any answer. The floor keeps one grave answer from being diluted by five
harmless ones: unlimited authority over money is never "low", whatever else is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from governance.choices import RiskLevel

ORDER: tuple[RiskLevel, ...] = (RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH)


@dataclass(frozen=True, slots=True)
class Option:
    """One possible answer, what it is worth, and the least class that it leads to."""

    id: str
    text: str
    points: int
    floor: RiskLevel = RiskLevel.LOW


@dataclass(frozen=True, slots=True)
class Question:
    id: str
    text: str
    options: tuple[Option, ...]

    def option(self, option_id: str) -> Option | None:
        return next((option for option in self.options if option.id == option_id), None)


@dataclass(frozen=True, slots=True)
class Score:
    """`points` of all answers together, and the least class that any of them leads to."""

    points: int
    floor: RiskLevel


QUESTIONS: tuple[Question, ...] = (
    Question(
        "data_sensitivity",
        "What is the most sensitive data that the agent can see?",
        (
            Option("public", "Public data only", 0),
            Option("internal", "Internal data, such as the organisation's own systems and reports", 1),
            Option("confidential", "Confidential or personal data", 2, RiskLevel.MEDIUM),
            Option("special", "Special categories of personal data, secrets or card data", 3, RiskLevel.HIGH),
        ),
    ),
    Question(
        "financial_authority",
        "What may the agent do with money?",
        (
            Option("none", "Nothing, and its results move no money", 0),
            Option("informs", "Its results inform decisions about money that people take", 1),
            Option("limited", "It commits money up to a fixed limit", 2, RiskLevel.MEDIUM),
            Option("unlimited", "It commits money without a fixed limit", 3, RiskLevel.HIGH),
        ),
    ),
    Question(
        "customer_effect",
        "How are customers affected by what it does?",
        (
            Option("none", "Not at all", 0),
            Option("indirect", "Indirectly, through the work of people", 1),
            Option("direct", "Directly, and it can be put right", 2, RiskLevel.MEDIUM),
            Option("material", "Materially: rights, health, money or access to a service", 3, RiskLevel.HIGH),
        ),
    ),
    Question(
        "autonomy",
        "Who decides before something happens?",
        (
            Option("advises", "It advises; people act", 0),
            Option("asks", "It acts on a person's approval of each action", 1),
            Option("reports", "It acts by itself within limits and reports afterwards", 2),
            Option("alone", "It acts by itself; nobody looks at single actions", 3, RiskLevel.MEDIUM),
        ),
    ),
    Question(
        "external_action",
        "What does it reach outside its own process?",
        (
            Option("nothing", "Nothing", 0),
            Option("reads", "It reads from other systems", 1),
            Option("writes_inside", "It writes to the organisation's own systems", 2),
            Option("writes_outside", "It writes to systems of others or sends messages outside", 3),
        ),
    ),
    Question(
        "scale",
        "How much depends on it?",
        (
            Option("team", "One team", 0),
            Option("teams", "Several teams or one business unit", 1),
            Option("organisation", "The whole organisation", 2),
            Option("public", "The public", 3),
        ),
    ),
)


def problems(answers: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the answers, by question; empty where every question has a known answer."""
    found = {
        question.id: _options_of(question)
        for question in QUESTIONS
        if question.option(answers.get(question.id, "")) is None
    }
    known = {question.id for question in QUESTIONS}
    return found | {name: "There is no such question." for name in answers if name not in known}


def score(answers: Mapping[str, str]) -> Score:
    """Add up the answers.

    Raises:
        ValueError: `problems(answers)` is not empty.
    """
    if problems(answers):
        raise ValueError("The answers are not complete.")
    chosen = [
        option for question in QUESTIONS if (option := question.option(answers[question.id])) is not None
    ]
    floor = max((option.floor for option in chosen), key=ORDER.index)
    return Score(points=sum(option.points for option in chosen), floor=floor)


def level(result: Score, minimum_scores: Mapping[str, int]) -> RiskLevel:
    """The class of a score: the highest one whose lowest score is reached, and at least the floor."""
    reached: Sequence[RiskLevel] = [
        level for level in ORDER if result.points >= minimum_scores.get(level, result.points + 1)
    ]
    return max((*reached, result.floor), key=ORDER.index)


def _options_of(question: Question) -> str:
    return f"Choose one of: {', '.join(option.id for option in question.options)}."
