"""An entry of the register (S1-3): the fields that its owner's side fills in, cleaned and checked."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError

from agents import policy
from agents.choices import Autonomy, Environment
from agents.jurisdictions import COUNTRIES
from agents.models import Agent, Person
from audits import canonical
from audits.canonical import JSON
from audits.defaults import DEFAULT_RULE
from audits.errors import Invalid
from audits.models import RetentionRule

NEEDED = ("name", "purpose", "business_unit")
TEXTS = (*NEEDED, "problem_class", "environment", "autonomy", "runbook", "monitoring_plan")
LISTS = ("data_categories", "jurisdictions", "frameworks")
PEOPLE = ("deputies", "sponsor")
FIELDS = (*TEXTS, *LISTS, *PEOPLE)
"""Everything that can be amended. The slug never changes, and another owner comes by a handover."""

MAX_TEXT = 20_000
MAX_ITEMS = 100
MAX_ITEM = 100
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_IN_NAMES = re.compile(r"[^A-Z0-9]+")


def part_of(field: str) -> str:
    """What the dossier calls the field: `agent.purpose`, `sponsor`."""
    return field if field in PEOPLE else f"agent.{field}"


def clean(field: str, value: Any) -> Any:
    """The one form of a value in which it is kept: no blanks around, one kind of line break, no doubles."""
    if field in LISTS and not isinstance(value, str):
        items = (one.strip() if isinstance(one, str) else one for one in value)
        return list(dict.fromkeys(_item(field, one) for one in items if one))
    if field in TEXTS and isinstance(value, str):
        return value.replace("\r\n", "\n").replace("\r", "\n").strip()
    return value


def _item(field: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if field == "jurisdictions":
        return value.upper()
    return _NOT_IN_NAMES.sub("_", value.upper()).strip("_") if field == "frameworks" else value


def values_of(agent: Agent) -> dict[str, JSON]:
    """What the entry says now; people by user name."""
    return {
        **{name: getattr(agent, name) for name in (*TEXTS, *LISTS)},
        "deputies": sorted(agent.deputies.values_list("username", flat=True)),
        "sponsor": agent.sponsor.username if agent.sponsor else None,
    }


def digest_of(agent: Agent) -> str:
    """SHA-256 of the entry as it is now: a form carries what it was opened on."""
    return canonical.digest({"owner": str(agent.owner_id), **values_of(agent)})


def problems(agent: Agent, fields: Collection[str] = (*TEXTS, *LISTS)) -> dict[str, str]:
    """What is wrong in these fields, each with a sentence."""
    found = {name: "must not be empty" for name in NEEDED if name in fields and not getattr(agent, name)}
    try:
        agent.clean_fields()
    except ValidationError as error:
        told = {name: " ".join(texts) for name, texts in error.message_dict.items() if name in fields}
        found = told | found
    for name in {*TEXTS, *LISTS}.intersection(fields):
        if name not in found and (problem := _problem(agent, name)):
            found[name] = problem
    return found


def require(agent: Agent, fields: Collection[str] = (*TEXTS, *LISTS), *, others: Mapping[str, str]) -> None:
    """
    Raises:
        Invalid: these fields, and what `others` says, do not hold.
    """
    if found := problems(agent, fields) | dict(others):
        raise Invalid(" ".join(f"{name}: {problem}" for name, problem in found.items()), fields=found)


def outside_policy(agent: Agent, before: Iterable[policy.Violation] = ()) -> dict[str, str]:
    """What the agent policy does not allow of the entry, by field, without what was so `before` (S1-1)."""
    if agent.environment not in Environment.values or agent.autonomy not in Autonomy.values:
        return {}  # said already
    known = set(before)
    return {one.field: one.sentence for one in policy.violations(agent) if one not in known}


def people_problems(owner: Person, deputies: Sequence[Person], sponsor: Person | None) -> dict[str, str]:
    """What is wrong with who answers for an entry, or is to."""
    found = {}
    if not owner.is_active:
        found["owner"] = "The owner's account is not active."
    if owner in deputies or not all(deputy.is_active for deputy in deputies):
        found["deputies"] = "Deputies are active people other than the owner."
    if sponsor is not None and not sponsor.is_active:
        found["sponsor"] = "The sponsor's account is not active."
    return found


def text_problems(texts: Mapping[str, str]) -> dict[str, str]:
    """What cannot be kept of these texts, by field."""
    return {name: problem for name, text in texts.items() if (problem := _text_problem(text, MAX_TEXT))}


def known_frameworks() -> list[str]:
    """The retention rules that an entry can name."""
    rules = RetentionRule.objects.exclude(pk=DEFAULT_RULE)
    return sorted(rules.values_list("pk", flat=True))


def _problem(agent: Agent, name: str) -> str:
    value = getattr(agent, name)
    if name in TEXTS:
        return _text_problem(value, MAX_TEXT)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        return "is a list of texts"
    if len(value) > MAX_ITEMS:
        return f"has {len(value)} items; at most {MAX_ITEMS} are kept"
    if wrong := next(filter(None, (_text_problem(one, MAX_ITEM) for one in value)), ""):
        return wrong
    return _unknown(name, value)


def _text_problem(text: object, longest: int) -> str:
    if not isinstance(text, str):
        return "is a text"
    if len(text) > longest:
        return f"has {len(text):,} characters; at most {longest:,} are kept"
    if "\0" in text or _SURROGATE.search(text):
        return "holds U+0000 or half a character: type it again"
    return ""


def _unknown(name: str, value: list[str]) -> str:
    if name == "jurisdictions" and (unknown := [one for one in value if one not in COUNTRIES]):
        return f"{', '.join(unknown)}: no ISO 3166-1 alpha-2 code, such as DE or US"
    if name == "frameworks" and value:
        known = known_frameworks()
        if unknown := [one for one in value if one not in known]:
            return f"{', '.join(unknown)}: no retention rule has this name; there are {', '.join(known)}"
    return ""
