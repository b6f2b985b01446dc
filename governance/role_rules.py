"""What a role says, and which functions of a manifest it means. Pure: no database, no clock.

A permission names a resource of the catalogue, actions and conditions. `read`, `write`, `execute` and
`delete` mean every function of that operation (S2-4); a verb such as `query` or `create` means the functions
that are called so or begin with it (``query_sales``); any other word is the name of one function.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.choices import Access
from governance import resource_pattern
from governance.choices import Operation
from governance.conditions import Condition, read

VERBS: Mapping[str, Operation] = {
    **dict.fromkeys(("read", "query", "list", "search", "get", "view"), Operation.READ),
    **dict.fromkeys(("write", "create", "update", "append", "send"), Operation.WRITE),
    **dict.fromkeys(("execute", "run", "call"), Operation.EXECUTE),
    **dict.fromkeys(("delete", "remove"), Operation.DELETE),
}
is_role_name = re.compile(r"[a-z][a-z0-9_]{0,62}").fullmatch
is_action = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}").fullmatch
MAX_PERMISSIONS, MAX_ACTIONS, MAX_CONDITIONS = 200, 50, 20


@dataclass(frozen=True, slots=True)
class Permission:
    """One entry of a role: on which resource, by its name, what may be done, under which conditions."""

    resource: str
    actions: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Permission":
        """From the form in which it is kept and exported."""
        conditions = tuple(read(text) for text in record.get("conditions", ()))
        return cls(record["resource"], tuple(record["actions"]), conditions)

    @property
    def record(self) -> dict[str, Any]:
        """The form of S2-5: conditions are left out where there are none."""
        made: dict[str, Any] = {"resource": self.resource, "actions": list(self.actions)}
        return made | ({"conditions": [str(each) for each in self.conditions]} if self.conditions else {})


@dataclass(frozen=True, slots=True)
class Held:
    """A permission that an agent holds by an assignment, with the resource's pattern and all conditions."""

    assignment: Any
    pattern: str
    actions: tuple[str, ...]
    conditions: tuple[str, ...]

    def speaks_of(self, resource: str) -> bool:
        """Whether it says anything about this resource, or some of those that a template means."""
        return resource_pattern.meet(self.pattern, resource)

    def gives(self, name: str, access: str) -> bool:
        return any(means(word, name, access) for word in self.actions)


def operation_of(name: str, access: str) -> Operation:
    """Which of the four a function of a manifest does: by its access, and by the verb that it begins with."""
    if access == Access.READ:
        return Operation.READ
    verb = VERBS.get(re.split(r"[_.-]", name, maxsplit=1)[0])
    return verb if verb in {Operation.EXECUTE, Operation.DELETE} else Operation.WRITE


def means(word: str, name: str, access: str) -> bool:
    """Whether an action of a role means this function."""
    operation = VERBS.get(word)
    if operation is None:
        return word == name
    if operation != operation_of(name, access):
        return False
    return word == operation.value or re.match(rf"{word}(?:[_.-]|$)", name) is not None


def operations(actions: Iterable[str]) -> list[Operation]:
    """Which of the four these actions do, as far as their words say it, in the order of S2-4."""
    found = {VERBS[word] for word in actions if word in VERBS}
    return [operation for operation in Operation if operation in found]


def records(permissions: Sequence[Permission]) -> list[dict[str, Any]]:
    return [permission.record for permission in permissions]
