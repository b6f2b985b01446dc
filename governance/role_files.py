"""Roles as a file, in exactly the YAML of S2-5. Pure: no database, no I/O.

::

    agent_roles:
      data_analyst:
        permissions:
        - resource: sales_database
          actions: [read, query]
          conditions: [no_pii_access]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents import strict_yaml
from agents.register_files import Problem
from governance import conditions, role_rules
from governance.role_rules import MAX_ACTIONS, MAX_CONDITIONS, MAX_PERMISSIONS, Permission

KIND = "agent_roles"
KEYS = ("resource", "actions", "conditions")


@dataclass(frozen=True, slots=True)
class Row:
    """One role of a file, and the line of each of its permissions."""

    line: int
    name: str
    permissions: tuple[Permission, ...]
    lines: tuple[int, ...]


@dataclass(slots=True)
class File:
    """What could be read, and what could not."""

    rows: list[Row] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, line: int, name: str, sentence: str) -> None:
        self.problems.append(Problem(line, name, sentence))


def write(roles: Mapping[str, Sequence[Permission]]) -> str:
    """The text that `read` reads as the same roles."""
    document = {name: {"permissions": role_rules.records(given)} for name, given in roles.items()}
    return strict_yaml.dumps({KIND: document}, leaves_in_line=True)


def read(content: bytes, *, max_roles: int) -> File:
    """The roles in a file, and everything that is wrong with them, by line and field."""
    file = File()
    try:
        document = strict_yaml.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        file.refuse(content.count(b"\n", 0, error.start) + 1, "", "is not UTF-8; save the file as UTF-8")
        return file
    except strict_yaml.StrictYAMLError as error:
        file.refuse(error.line, "", error.problem)
        return file
    found = document.value
    if not isinstance(found, dict) or set(found) != {KIND} or not isinstance(found[KIND], dict):
        file.refuse(1, "", f"must be one mapping named {KIND}, with each role by its name")
        return file
    for number, (name, said) in enumerate(found[KIND].items(), 1):
        line = document.line((KIND, name))
        if number > max_roles:
            file.refuse(line, "", f"is one more than the {max_roles:,} roles that are read at a time")
            break
        _read_role(document, name, said, file)
    return file


def _read_role(document: strict_yaml.Document, name: str, said: Any, file: File) -> None:
    line, before = document.line((KIND, name)), len(file.problems)
    if not role_rules.is_role_name(name):
        file.refuse(line, name[:40], "is no name of a role; use small letters, digits and _")
    if (
        not isinstance(said, dict)
        or set(said) != {"permissions"}
        or not isinstance(said["permissions"], list)
    ):
        file.refuse(line, name[:40], "must have permissions, a list, and nothing else")
        return
    given = said["permissions"]
    if not 1 <= len(given) <= MAX_PERMISSIONS:
        file.refuse(line, f"{name[:40]}.permissions", f"must have from 1 to {MAX_PERMISSIONS} entries")
        return
    made: list[Permission] = []
    lines: list[int] = []
    for index, item in enumerate(given):
        at = document.line((KIND, name, "permissions", index))
        lines.append(at)
        found, problems = permission(item)
        for key, sentence in problems.items():
            where = document.line((KIND, name, "permissions", index, key))
            file.refuse(where, f"{name[:40]}.{key}".rstrip("."), sentence)
        if found:
            made.append(found)
    if len(file.problems) == before:
        file.rows.append(Row(line, name, tuple(made), tuple(lines)))


def permission(item: Any) -> tuple[Permission | None, dict[str, str]]:
    """The permission that plain data means, or what is wrong with it by key."""
    if not isinstance(item, dict):
        return None, {"": "must be a permission with a resource and actions"}
    wrong = {str(key)[:40]: f"is not known; there are {', '.join(KEYS)}" for key in set(item) - set(KEYS)}
    resource = item.get("resource")
    if not isinstance(resource, str) or not resource.strip():
        wrong["resource"] = "must be the name of a resource of the catalogue"
    actions, problem = _actions(item.get("actions"))
    if problem:
        wrong["actions"] = problem
    needed, problem = _conditions(item.get("conditions", []))
    if problem:
        wrong["conditions"] = problem
    return (None, wrong) if wrong else (Permission(str(resource).strip(), actions, needed), {})


def _actions(given: Any) -> tuple[tuple[str, ...], str]:
    if not isinstance(given, list) or not 1 <= len(given) <= MAX_ACTIONS:
        return (), f"must be a list of from 1 to {MAX_ACTIONS} actions"
    for word in given:
        if word == "*":
            return (), "names everything (*): name the actions"
        if not isinstance(word, str) or not role_rules.is_action(word):
            return (), f"{str(word)[:40]!r} is no action; use a verb such as read, or the name of a function"
    return tuple(dict.fromkeys(given)), ""


def _conditions(given: Any) -> tuple[tuple[conditions.Condition, ...], str]:
    if not isinstance(given, list) or len(given) > MAX_CONDITIONS:
        return (), f"must be a list of at most {MAX_CONDITIONS} conditions"
    found: list[conditions.Condition] = []
    for text in given:
        if not isinstance(text, str):
            return (), f"{str(text)[:40]!r} is no text; put it in quotes"
        try:
            found.append(conditions.read(text))
        except conditions.ConditionError as error:
            return (), str(error)
    return tuple(dict.fromkeys(found)), ""
