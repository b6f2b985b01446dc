"""The agent policy as data (S1-1), and what of an entry it does not allow. Pure: no database, no clock.

Its four questions: which business units may request agents, which classes of problem are acceptable, what
human supervision each of them needs, and when an agent may act without a person's approval.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, ValidationError

from agents import strict_yaml
from agents.choices import Autonomy, Environment

ANY = "any"
MAX_CHARACTERS = 100_000
MAX_CLASSES = 200
_ORDER = list(Autonomy)
# Who acts like this does not wait for a person's approval of the single action.
_UNATTENDED = (Autonomy.REPORTS, Autonomy.ALONE)

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class Unattended(StrEnum):
    """Where agents of a class may act without a person's approval of each action."""

    NONE = "none"
    NON_PRODUCTION = "non_production"
    ALL = "all"


UNATTENDED_WORDS = {
    Unattended.NONE: "nowhere",
    Unattended.NON_PRODUCTION: "everywhere but in production",
    Unattended.ALL: "everywhere",
}


def _autonomy(value: object) -> Autonomy:
    if value not in Autonomy.values:
        raise ValueError(f"say one of {', '.join(Autonomy.values)}")
    return Autonomy(value)


def _unattended(value: object) -> Unattended:
    if value not in list(Unattended):
        raise ValueError(f"say one of {', '.join(Unattended)}")
    return Unattended(str(value))


def _units(value: object) -> str | tuple[str, ...]:
    if value == ANY:
        return ANY
    if (
        isinstance(value, list | tuple)
        and value
        and all(isinstance(one, str) and one.strip() for one in value)
    ):
        return tuple(dict.fromkeys(one.strip() for one in value))
    raise ValueError("say any, or list the units by name")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class ProblemClass(_Part):
    """A kind of problem that agents may work on, and how freely."""

    slug: Slug
    name: Line
    description: Text
    highest_autonomy: Annotated[Autonomy, BeforeValidator(_autonomy)]
    supervision: Text
    unattended: Annotated[Unattended, BeforeValidator(_unattended)]


class Policy(_Part):
    """The whole policy."""

    business_units: Annotated[Literal["any"] | tuple[str, ...], BeforeValidator(_units)]
    problem_classes: tuple[ProblemClass, ...]

    def problem_class(self, slug: str) -> ProblemClass | None:
        return next((one for one in self.problem_classes if one.slug == slug), None)

    @property
    def record(self) -> dict[str, Any]:
        """As plain data, the form that is stored, digested and exported."""
        plain: dict[str, Any] = self.model_dump(mode="json")
        return plain

    @property
    def yaml(self) -> str:
        return strict_yaml.dumps(self.record)


class Entry(Protocol):
    """What of an entry the policy is about; an `Agent` is one."""

    business_unit: str
    problem_class: str
    environment: str
    autonomy: str


@dataclass(frozen=True, slots=True)
class Violation:
    """Which field of an entry the policy does not allow, and why."""

    field: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a policy's text, at which line and field."""

    line: int
    field: str
    sentence: str

    def __str__(self) -> str:
        where = ", ".join(filter(None, (f"line {self.line}" if self.line else "", self.field)))
        return f"{where}: {self.sentence}" if where else self.sentence


class PolicyError(ValueError):
    """A text that is no policy, with everything that is wrong in it."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__(" ".join(map(str, problems)))


def parse(text: str) -> Policy:
    """The policy in a YAML text.

    Raises:
        PolicyError: with the line and the field of each problem.
    """
    if len(text) > MAX_CHARACTERS:
        raise PolicyError([Problem(0, "", f"A policy has at most {MAX_CHARACTERS:,} characters.")])
    try:
        document = strict_yaml.loads(text)
    except strict_yaml.StrictYAMLError as error:
        raise PolicyError([Problem(error.line, "", error.problem)]) from error
    try:
        policy = Policy.model_validate(document.value)
    except ValidationError as error:
        raise PolicyError([_problem(document, one) for one in error.errors()]) from error
    if problems := list(_doubles(policy, document)):
        raise PolicyError(problems)
    return policy


def violations(policy: Policy, entry: Entry) -> list[Violation]:
    """What of the entry is outside the policy; nothing where it is within."""
    found = []
    if policy.business_units != ANY and entry.business_unit not in policy.business_units:
        found.append(
            Violation(
                "business_unit",
                f"{entry.business_unit or 'No unit'} may not request agents; these may: "
                f"{', '.join(policy.business_units)}.",
            )
        )
    chosen = policy.problem_class(entry.problem_class)
    if chosen is None:
        known = ", ".join(one.slug for one in policy.problem_classes)
        named = (
            f"{entry.problem_class} is" if entry.problem_class else "No problem class is named; it must be"
        )
        found.append(
            Violation("problem_class", f"{named} {'not ' if entry.problem_class else ''}one of {known}.")
        )
        return found
    return [*found, *_too_free(chosen, entry)]


def _too_free(chosen: ProblemClass, entry: Entry) -> Iterator[Violation]:
    autonomy = Autonomy(entry.autonomy)
    if _ORDER.index(autonomy) > _ORDER.index(chosen.highest_autonomy):
        highest = chosen.highest_autonomy.label
        yield Violation("autonomy", f"“{chosen.name}” allows at most: {highest}.")
    elif autonomy in _UNATTENDED and not _may_act_alone(chosen, entry.environment):
        where = UNATTENDED_WORDS[chosen.unattended]
        yield Violation(
            "autonomy",
            f"“{chosen.name}” lets agents act without approval {where}; this is {entry.environment}.",
        )


def _may_act_alone(chosen: ProblemClass, environment: str) -> bool:
    if chosen.unattended == Unattended.NON_PRODUCTION:
        return environment != Environment.PRODUCTION
    return chosen.unattended == Unattended.ALL


def _problem(document: strict_yaml.Document, error: Any) -> Problem:
    path = tuple(error["loc"])
    sentence = str(error["msg"]).removeprefix("Value error, ")
    return Problem(document.line(path), ".".join(map(str, path)), sentence)


def _doubles(policy: Policy, document: strict_yaml.Document) -> Iterator[Problem]:
    if not 1 <= len(policy.problem_classes) <= MAX_CLASSES:
        sentence = f"name 1 to {MAX_CLASSES} of them"
        yield Problem(document.line(("problem_classes",)), "problem_classes", sentence)
    seen: set[str] = set()
    for index, one in enumerate(policy.problem_classes):
        if one.slug in seen:
            line = document.line(("problem_classes", index, "slug"))
            yield Problem(line, f"problem_classes.{index}.slug", f"{one.slug} is there twice")
        seen.add(one.slug)
