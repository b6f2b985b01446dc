"""Reading and checking the tool manifest of a version (S0-1, S1-11). Pure: no database, no I/O.

It is a list of functions, each ``{name, access, resource, description, parameters}``: what it is called,
`read` or `write`, on what (a template: ``finding/{finding_id}``), what it does in words, and the JSON
schema of its arguments.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from agents import strict_json, strict_yaml
from agents.choices import Access

MAX_FUNCTIONS = 200
MAX_CHARACTERS = 500_000
MAX_DESCRIPTION = 4_000
MAX_RESOURCE = 300
KEYS = ("name", "access", "resource", "description", "parameters")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
PLACE = re.compile(r"\{[a-z0-9_]+\}")
PART = r"[^/{}*\s]+"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong: in which entry, counted from 1 (0: the whole), and in which field of it."""

    entry: int
    name: str
    field: str
    sentence: str

    def __str__(self) -> str:
        where = f"entry {self.entry}{f' ({self.name})' if self.name else ''}" if self.entry else ""
        return ": ".join(filter(None, (", ".join(filter(None, (where, self.field))), self.sentence)))


def covers(template: str, resource: str) -> bool:
    """Whether a concrete resource is one of those that the template means."""
    literals = PLACE.split(template)
    return re.fullmatch(PART.join(map(re.escape, literals)), resource) is not None


def read(text: str) -> list[dict[str, Any]]:
    """The manifest in a text, JSON or YAML; nothing at all is a manifest without functions.

    Raises:
        ValueError: it cannot be read; what was read still has to be checked with `problems`.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"A manifest has at most {MAX_CHARACTERS:,} characters.")
    if not text.strip():
        return []
    try:
        found = strict_json.loads(text) if text.lstrip()[0] in "[{" else strict_yaml.loads(text).value
    except strict_json.StrictJSONError as error:
        raise ValueError(f"It is not JSON: {error}.") from error
    except strict_yaml.StrictYAMLError as error:
        raise ValueError(f"It is not YAML: {error}.") from error
    if not isinstance(found, list):
        raise ValueError("It must be a list of functions.")  # noqa: TRY004 - what a reader of files raises
    return [_complete(item) if isinstance(item, dict) else item for item in found]


def _complete(item: dict[str, Any]) -> dict[str, Any]:
    """What may be left out: a description, and parameters where there are none."""
    return {"description": "", "parameters": no_parameters(), **item}


def no_parameters() -> dict[str, Any]:
    """The JSON schema of a function that takes none."""
    return {"type": "object", "properties": {}}


def problems(manifest: Any) -> list[Problem]:
    """Everything that is wrong in it, entry by entry."""
    if not isinstance(manifest, list | tuple):
        return [Problem(0, "", "", "It must be a list of functions.")]
    if len(manifest) > MAX_FUNCTIONS:
        return [Problem(0, "", "", f"It lists {len(manifest)} functions; at most {MAX_FUNCTIONS} are read.")]
    found: list[Problem] = []
    for number, item in enumerate(manifest, 1):
        if not isinstance(item, dict):
            found.append(Problem(number, "", "", "It must be an object with a name."))
            continue
        name = str(item.get("name", ""))[:40]
        found += [Problem(number, name, field, sentence) for field, sentence in _wrong(item)]
    names = Counter(str(item.get("name")) for item in manifest if isinstance(item, dict))
    twice = [name for name, count in names.items() if count > 1]
    return [*found, *(Problem(0, "", "name", f"{name} is there twice.") for name in twice)]


def _wrong(item: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key in item:
        if key not in KEYS:
            yield str(key)[:40], f"is not known; an entry has {', '.join(KEYS)}."
    if not _is_text(item.get("name")) or not _NAME.fullmatch(item["name"]):
        yield "name", "must begin with a letter, and have letters, digits, _ . - alone."
    if item.get("access") not in Access.values:
        yield "access", f"must be one of {', '.join(Access.values)}."
    yield from _wrong_resource(item.get("resource"))
    description = item.get("description", "")
    if not _is_text(description) or len(description) > MAX_DESCRIPTION:
        yield "description", f"must be a text of at most {MAX_DESCRIPTION:,} characters."
    yield from _wrong_parameters(item.get("parameters"))


def _wrong_resource(resource: Any) -> Iterator[tuple[str, str]]:
    if not _is_text(resource) or not resource or len(resource) > MAX_RESOURCE:
        yield "resource", "must say on what it acts, such as finding/{finding_id}."
    elif re.search(r"\s", resource) or re.search(r"[{}]", PLACE.sub("", resource)):
        yield "resource", "has no blanks, and in braces only names such as {finding_id}."


def _wrong_parameters(schema: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(schema, dict) or schema.get("type") != "object":
        yield "parameters", "must be a JSON schema of type object."
        return
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = "/".join(map(str, error.absolute_path))
        yield (
            "parameters",
            f"is no JSON schema (2020-12){f' at {place}' if place else ''}: {error.message[:200]}.",
        )
    except RecursionError:
        yield "parameters", "is nested too deeply."


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not _UNSTORABLE.search(value)
