"""What a role's permission may depend on: a closed vocabulary, executable. Pure: no database, no clock.

A condition is written ``name`` or ``name(argument, …)``; an argument with a comma, a bracket or a quote in it
stands in double quotes, as in JSON. Each word of the vocabulary is a function of the circumstances of one
question. What the circumstances do not say is not met: a condition fails closed (promise 14).
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from agents.choices import Environment
from governance.choices import Sensitivity

MAX_ARGUMENTS, MAX_LENGTH = 20, 500
_CALL = re.compile(r"\s*([a-z][a-z_]*)\s*(?:\((.*)\)\s*)?", re.DOTALL)
_ARGUMENT = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^,()"\\]*)\s*(,|$)', re.DOTALL)
_BARE = re.compile(r"[^\s,()\"\\]+(?: [^\s,()\"\\]+)*")
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_WORKING_DAYS = range(5)


class ConditionError(ValueError):
    """What is wrong with a condition, in a sentence."""


@dataclass(frozen=True, slots=True)
class Window:
    """Daily from one time to another in a zone; to the next day where `to` is the earlier one."""

    begins: time
    ends: time
    zone: str

    @classmethod
    def read(cls, begins: str, ends: str, zone: str) -> "Window":
        """The window of three texts.

        Raises:
            ConditionError: they are no times of a day, the same, or there is no such zone.
        """
        if not _CLOCK.fullmatch(begins) or not _CLOCK.fullmatch(ends) or begins == ends:
            raise ConditionError("give two different times such as 08:00 and 18:00")
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, KeyError) as error:  # as zoneinfo says that there is none
            raise ConditionError(f"{zone[:40]!r} is no time zone; give one such as Europe/Berlin") from error
        return cls(time.fromisoformat(begins), time.fromisoformat(ends), zone)

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(ZoneInfo(self.zone))

    def holds(self, moment: datetime) -> bool:
        """From its first moment on, until before its last."""
        now = self.local(moment).time().replace(tzinfo=None)
        if self.begins < self.ends:
            return self.begins <= now < self.ends
        return now >= self.begins or now < self.ends


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is the case at the moment of one question.

    `context` is what the enforcement point said. `personal_data` and `sensitivity` are the catalogue's words
    of the resource: None and empty where it does not know it.
    """

    now: datetime
    intent: str = ""
    task_id: UUID | None = None
    owner: str = ""
    environment: str = ""
    department: str = ""
    personal_data: bool | None = None
    sensitivity: str = ""
    office: Window = field(default_factory=lambda: Window(time(8), time(18), "UTC"))
    context: Mapping[str, Any] = field(default_factory=dict)


Arguments = Sequence[str]


@dataclass(frozen=True, slots=True)
class Word:
    """One word of the vocabulary: how it is written, what it asks, and how both are found out.

    `check` raises `ConditionError` for arguments that are none.
    """

    written: str
    asks: str
    check: Callable[[Arguments], None]
    holds: Callable[[Arguments, Circumstances], bool]
    of_the_catalogue: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition as it is kept: `str` of it is what `read` reads."""

    name: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.arguments:
            return self.name
        return f"{self.name}({', '.join(map(_written, self.arguments))})"

    def holds(self, circumstances: Circumstances) -> bool:
        """Whether it is met. A word that is not known is not."""
        word = VOCABULARY.get(self.name)
        return word is not None and word.holds(self.arguments, circumstances)


@lru_cache(maxsize=1024)
def read(text: str) -> Condition:
    """The condition that a text means.

    Raises:
        ConditionError: it is none; the message says what there is.
    """
    call = _CALL.fullmatch(text) if len(text) <= MAX_LENGTH else None
    name = call[1] if call else text.strip()[:40]
    word = VOCABULARY.get(name)
    if call is None or word is None:
        known = ", ".join(each.written for each in VOCABULARY.values())
        raise ConditionError(f"{name!r} is not a condition; there are {known}")
    arguments = _arguments(call[2], word)
    try:
        word.check(arguments)
    except ConditionError as error:
        raise ConditionError(f"{name}: {error}; it is written {word.written}") from error
    return Condition(name, arguments)


def first_unmet(conditions: Sequence[str], circumstances: Circumstances) -> str | None:
    """The first condition that does not hold, as it is written; None where all do.

    What was kept and is no condition any more does not hold.
    """
    for text in conditions:
        try:
            if not read(text).holds(circumstances):
                return text
        except ConditionError:
            return text
    return None


def need_catalogue(conditions: Sequence[str]) -> bool:
    """Whether one of them asks what the catalogue says of the resource."""
    names = {text.partition("(")[0].strip() for text in conditions}
    return any(word.of_the_catalogue for name, word in VOCABULARY.items() if name in names)


def _arguments(text: str | None, word: Word) -> tuple[str, ...]:
    if text is None:
        return ()
    found: list[str] = []
    at, more = 0, True
    while more:
        match = _ARGUMENT.match(text, at)
        given = _unquoted(match[1].strip()) if match else ""
        if match is None or not given:
            raise ConditionError(f"its arguments cannot be read; it is written {word.written}")
        found.append(given)
        at, more = match.end(), match[2] == ","
    if len(found) > MAX_ARGUMENTS:
        raise ConditionError(f"at most {MAX_ARGUMENTS} arguments are read")
    return tuple(found)


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    try:
        return str(json.loads(text)).strip()
    except ValueError:
        return ""


def _written(argument: str) -> str:
    return argument if _BARE.fullmatch(argument) else json.dumps(argument, ensure_ascii=False)


# --- What their arguments are -----------------------------------------------------------------------------
def _none(arguments: Arguments) -> None:
    if arguments:
        raise ConditionError("it takes no arguments")


def _some(arguments: Arguments) -> None:
    if not arguments:
        raise ConditionError("name at least one")


def _window(arguments: Arguments) -> None:
    if len(arguments) != 3:  # noqa: PLR2004 - from, to, zone
        raise ConditionError("it takes a beginning, an end and a time zone")
    Window.read(*arguments)


def _number(arguments: Arguments) -> None:
    if len(arguments) != 1 or not re.fullmatch(r"[1-9]\d{0,8}", arguments[0]):
        raise ConditionError("it takes one whole number from 1")


def _environments(arguments: Arguments) -> None:
    _some(arguments)
    if unknown := set(arguments) - set(Environment.values):
        raise ConditionError(f"{min(unknown)[:40]!r} is none of {', '.join(Environment.values)}")


def _class(arguments: Arguments) -> None:
    if len(arguments) != 1 or arguments[0] not in Sensitivity.values:
        raise ConditionError(f"it takes one of {', '.join(Sensitivity.values)}")


# --- What they ask ----------------------------------------------------------------------------------------
def _no_pii_access(_: Arguments, now: Circumstances) -> bool:
    said = now.context.get("personal_data", now.personal_data)
    return said is False


def _same_department_only(_: Arguments, now: Circumstances) -> bool:
    return bool(now.department) and now.context.get("department") == now.department


def _business_hours(_: Arguments, now: Circumstances) -> bool:
    return now.office.local(now.now).weekday() in _WORKING_DAYS and now.office.holds(now.now)


def _time_window(arguments: Arguments, now: Circumstances) -> bool:
    return Window.read(*arguments).holds(now.now)


def _intent_is(arguments: Arguments, now: Circumstances) -> bool:
    return bool(now.intent) and now.intent in arguments


def _within_task(_: Arguments, now: Circumstances) -> bool:
    return now.task_id is not None


def _owner_is(arguments: Arguments, now: Circumstances) -> bool:
    return bool(now.owner) and now.owner in arguments


def _environment_is(arguments: Arguments, now: Circumstances) -> bool:
    return now.environment in arguments


def _max_records(arguments: Arguments, now: Circumstances) -> bool:
    said = now.context.get("records")
    return isinstance(said, int) and not isinstance(said, bool) and 0 <= said <= int(arguments[0])


def _network_segment_is(arguments: Arguments, now: Circumstances) -> bool:
    said = now.context.get("network_segment")
    return isinstance(said, str) and said in arguments


def _sensitivity_at_most(arguments: Arguments, now: Circumstances) -> bool:
    known = Sensitivity.values
    return now.sensitivity in known and known.index(now.sensitivity) <= known.index(arguments[0])


VOCABULARY: Mapping[str, Word] = {
    "no_pii_access": Word(
        "no_pii_access",
        "What is accessed holds no personal data: as `context.personal_data` says, or else the catalogue.",
        _none,
        _no_pii_access,
        of_the_catalogue=True,
    ),
    "same_department_only": Word(
        "same_department_only",
        "`context.department`, whose data it is, is the agent's business unit.",
        _none,
        _same_department_only,
    ),
    "business_hours": Word(
        "business_hours",
        "It is a working day, Monday to Friday, within the office hours of this installation.",
        _none,
        _business_hours,
    ),
    "time_window": Word(
        "time_window(from, to, zone)",
        "It is between the two times of day there; past midnight where the second is the earlier one.",
        _window,
        _time_window,
    ),
    "intent_is": Word("intent_is(intent, …)", "The question's intent is one of these.", _some, _intent_is),
    "within_task": Word(
        "within_task", "The question names the task that it is asked for.", _none, _within_task
    ),
    "owner_is": Word(
        "owner_is(user name, …)", "The agent's owner, by user name, is one of these.", _some, _owner_is
    ),
    "environment_is": Word(
        "environment_is(environment, …)",
        "The agent's environment is one of these.",
        _environments,
        _environment_is,
    ),
    "max_records": Word(
        "max_records(number)",
        "`context.records`, how many are accessed, is at most that.",
        _number,
        _max_records,
    ),
    "network_segment_is": Word(
        "network_segment_is(segment, …)",
        "`context.network_segment`, where the call comes from, is one of these (S2-8).",
        _some,
        _network_segment_is,
    ),
    "sensitivity_at_most": Word(
        "sensitivity_at_most(class)",
        "The catalogue knows the resource, and it is of that class or a less sensitive one.",
        _class,
        _sensitivity_at_most,
        of_the_catalogue=True,
    ),
}
