"""The wire format of the AuthZEN Authorization API 1.0: read strictly, unknown fields ignored.

Pure: no HTTP, no database. A required field that is absent, or one of another type (`null` included), is
a `MalformedError` whose sentence names the field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from agents.strict_json import StrictJSONError, loads, storable

MAX_BODY_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_EVALUATIONS = 256
MAX_TYPE, MAX_ID, MAX_NAME = 100, 500, 100
NOTHING: Mapping[str, Any] = MappingProxyType({})


class MalformedError(ValueError):
    """The request is not of the form that the specification asks for; the sentence says where."""


class Semantic(StrEnum):
    """How the evaluations of a batch belong together."""

    EXECUTE_ALL = "execute_all"
    DENY_ON_FIRST_DENY = "deny_on_first_deny"
    PERMIT_ON_FIRST_PERMIT = "permit_on_first_permit"


@dataclass(frozen=True, slots=True)
class Entity:
    """A subject or a resource. `id` is empty where it is what is searched for."""

    type: str
    id: str
    properties: Mapping[str, Any] = field(default_factory=dict)

    @property
    def reference(self) -> str:
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Action:
    name: str
    properties: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluation:
    subject: Entity
    action: Action
    resource: Entity
    context: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """Each item is a whole evaluation, or what is wrong with it."""

    items: tuple[Evaluation | MalformedError, ...]
    semantic: Semantic
    with_context: bool


@dataclass(frozen=True, slots=True)
class Page:
    """`limit` is None where the request names none."""

    token: str = ""
    limit: int | None = None


def document(body: bytes) -> dict[str, Any]:
    """The JSON object in a request's body.

    Raises:
        MalformedError: not UTF-8, not JSON, nested too deeply, with two equal keys, with text that no
            database takes (U+0000, half a surrogate pair), or no object.
    """
    if not body:
        raise MalformedError("The body is empty. Send a JSON object.")
    try:
        found = loads(body.decode("utf-8"), max_depth=MAX_DEPTH)
    except UnicodeDecodeError as error:
        raise MalformedError("The body is not UTF-8.") from error
    except StrictJSONError as error:
        raise MalformedError(f"The body is not JSON as we read it: {error}.") from error
    if not isinstance(found, dict):
        raise MalformedError("The body is not a JSON object.")
    if storable(found) != found:
        raise MalformedError("The body holds U+0000 or half a surrogate pair.")
    return found


def evaluation(found: Mapping[str, Any]) -> Evaluation:
    """
    Raises:
        MalformedError: a required field is absent, or one is malformed.
    """
    return Evaluation(
        subject=_entity(found, "subject"),
        action=_action(found),
        resource=_entity(found, "resource"),
        context=context(found),
    )


def subject(found: Mapping[str, Any]) -> Entity:
    """The subject alone (errors as for `evaluation`)."""
    return _entity(found, "subject")


def batch(found: Mapping[str, Any]) -> Batch | None:
    """The evaluations of a batch; None where there are none and it is one evaluation after all.

    A key of an item replaces the default of the whole request as a whole. What is wrong with an item is
    the item's; what is wrong with a default or an option is the request's.

    Raises:
        MalformedError: a default, an option or the list itself is malformed.
    """
    items = found.get("evaluations", [])
    if not isinstance(items, list):
        raise MalformedError("evaluations is not an array.")
    semantic, with_context = _options(found)
    if not items:
        return None
    if len(items) > MAX_EVALUATIONS:
        raise MalformedError(f"There are more than {MAX_EVALUATIONS} evaluations. Send several requests.")
    defaults = {name: found[name] for name in ("subject", "action", "resource", "context") if name in found}
    _check(defaults)
    return Batch(tuple(_item(item, defaults) for item in items), semantic, with_context)


def entity(found: Mapping[str, Any], name: str) -> Entity:
    """
    Raises:
        MalformedError: it is absent, incomplete or malformed.
    """
    return _entity(found, name)


def context(found: Mapping[str, Any]) -> Mapping[str, Any]:
    return _object(found["context"], "context") if "context" in found else NOTHING


def searched(found: Mapping[str, Any], name: str) -> Evaluation:
    """What a search asks: an evaluation without the id, or the action, that it searches for.

    Raises:
        MalformedError: the type that is searched for is absent, or one of the others is incomplete.
    """
    return Evaluation(
        subject=_entity(found, "subject", searched=name == "subject"),
        action=Action("") if name == "action" else _action(found),
        resource=_entity(found, "resource", searched=name == "resource"),
        context=context(found),
    )


def page(found: Mapping[str, Any]) -> Page | None:
    """
    Raises:
        MalformedError: `page`, its token or its limit is malformed.
    """
    if "page" not in found:
        return None
    given = _object(found["page"], "page")
    token, limit = given.get("token", ""), given.get("limit")
    if not isinstance(token, str):
        raise MalformedError("page.token is not a string.")
    if "limit" in given and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 0):
        raise MalformedError("page.limit is not a whole number from 0.")
    if "properties" in given:
        _object(given["properties"], "page.properties")
    return Page(token, limit)


def properties_of(entity: Entity | Action) -> dict[str, Any]:
    return dict(entity.properties)


def _item(item: Any, defaults: Mapping[str, Any]) -> Evaluation | MalformedError:
    try:
        return evaluation({**defaults, **_object(item, "An evaluation")})
    except MalformedError as error:
        return error


def _check(defaults: Mapping[str, Any]) -> None:
    for name in ("subject", "resource"):
        if name in defaults:
            _entity(defaults, name)
    if "action" in defaults:
        _action(defaults)
    context(defaults)


def _options(found: Mapping[str, Any]) -> tuple[Semantic, bool]:
    options = _object(found["options"], "options") if "options" in found else {}
    wanted = options.get("evaluations_semantic", Semantic.EXECUTE_ALL)
    if wanted not in list(Semantic):
        raise MalformedError(f"options.evaluations_semantic is none of {', '.join(Semantic)}.")
    with_context = options.get("include_context", False)
    if not isinstance(with_context, bool):
        raise MalformedError("options.include_context is not true or false.")
    return Semantic(wanted), with_context


def _entity(found: Mapping[str, Any], name: str, *, searched: bool = False) -> Entity:
    given = _object(_required(found, name, name), name)
    kind = _text(_required(given, "type", f"{name}.type"), f"{name}.type", MAX_TYPE)
    # The id of what is searched for is ignored, whatever it is.
    key = "" if searched else _text(_required(given, "id", f"{name}.id"), f"{name}.id", MAX_ID)
    return Entity(kind, key, _properties(given, name))


def _action(found: Mapping[str, Any]) -> Action:
    given = _object(_required(found, "action", "action"), "action")
    name = _text(_required(given, "name", "action.name"), "action.name", MAX_NAME)
    return Action(name, _properties(given, "action"))


def _properties(given: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    if "properties" not in given:
        return NOTHING
    return _object(given["properties"], f"{name}.properties")


def _required(found: Mapping[str, Any], name: str, path: str) -> Any:
    if name not in found:
        raise MalformedError(f"{path} is missing.")
    return found[name]


def _object(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError(f"{path} is not an object.")
    return value


def _text(value: Any, path: str, longest: int) -> str:
    if not isinstance(value, str):
        raise MalformedError(f"{path} is not a string.")
    if not value or len(value) > longest:
        raise MalformedError(f"{path} is empty or longer than {longest} characters.")
    return value
