"""PATCH (RFC 7644, section 3.5.2): operations on a document, by the RFC and as directories send them.

Entra ID sends operations with capitals, booleans as text, dotted names inside values without a path, and a
filter for an element that is not there yet; Okta sends values without a path. All of it is understood.
Attributes that this portal does not keep are changed in the document like any other, and nobody reads them.
"""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from agents.scim import filters
from agents.scim.errors import ScimError
from agents.scim.filters import Filter

SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
MAX_OPERATIONS = 100
READ_ONLY = frozenset({"id", "meta", "groups", "schemas"})
_NAME = r"[A-Za-z$][A-Za-z0-9_$-]*"
_path = re.compile(
    rf"(?P<schema>urn:[A-Za-z0-9:._-]+:)?(?P<name>{_NAME})"
    rf"(?:\[(?P<filter>.*)\])?(?:\.(?P<sub>{_NAME}))?",
    re.DOTALL,
).fullmatch

Document = dict[str, Any]


class Path(NamedTuple):
    """``schema:name[where].sub``, in small letters."""

    schema: str
    name: str
    where: Filter | None
    sub: str


def apply(document: Mapping[str, Any], request: Mapping[str, Any]) -> Document:
    """The document after all operations of the request; its names are in small letters.

    Raises:
        ScimError: an operation cannot be carried out; none is then.
    """
    changed: Document = deepcopy(lowered(document))
    for operation in _operations(request):
        _carry_out(changed, operation)
    return changed


def lowered(value: Any) -> Any:
    """The names of attributes in small letters, everywhere: capitals make no difference to them.

    Raises:
        ScimError: invalidSyntax, where two names differ in capitals alone.
    """
    if isinstance(value, Mapping):
        named = {str(name).lower(): lowered(item) for name, item in value.items()}
        if len(named) != len(value):
            raise _wrong("An attribute occurs twice in one object.", "invalidSyntax")
        return named
    if isinstance(value, list):
        return [lowered(item) for item in value]
    return value


def _operations(request: Mapping[str, Any]) -> Sequence[Document]:
    named = lowered(request)
    operations = named.get("operations")
    if not isinstance(operations, list) or not operations:
        raise _wrong("Operations is missing: a list of operations.", "invalidSyntax")
    if len(operations) > MAX_OPERATIONS:
        raise _wrong(f"There are more than {MAX_OPERATIONS} operations.", "tooMany")
    if not all(isinstance(each, dict) for each in operations):
        raise _wrong("Each of Operations is an object.", "invalidSyntax")
    return operations


def _carry_out(document: Document, operation: Document) -> None:
    verb = operation.get("op")
    verb = verb.lower() if isinstance(verb, str) else ""
    if verb not in ("add", "replace", "remove"):
        raise _wrong("An operation's op is add, replace or remove.", "invalidSyntax")
    path = operation.get("path")
    if path is not None and not isinstance(path, str):
        raise _wrong("An operation's path is text.", "invalidPath")
    if verb == "remove":
        if not path:
            raise _wrong("A removal names by its path what is removed.", "noTarget")
        _remove(document, read_path(path))
        return
    if "value" not in operation:
        raise _wrong(f"An operation with {verb} has a value.", "invalidValue")
    if path:
        _put(document, read_path(path), operation["value"], adding=verb == "add")
    else:
        _put_all(document, operation["value"], adding=verb == "add")


def read_path(text: str) -> Path:
    """
    Raises:
        ScimError: invalidPath, or mutability where it leads to what only the portal sets.
    """
    found = _path(text.strip()) if len(text) <= filters.MAX_LENGTH else None
    if found is None:
        raise _wrong(f"This is no path: {text[:80]}", "invalidPath")
    where = filters.parse(found["filter"]) if found["filter"] is not None else None
    schema = filters.plain(found["schema"] or "")
    path = Path(schema, found["name"].lower(), where, (found["sub"] or "").lower())
    if not path.schema and path.name in READ_ONLY:
        raise _wrong(f"{found['name']} is set by the portal.", "mutability")
    return path


def _put_all(document: Document, value: Any, *, adding: bool) -> None:
    """A value without a path: each of its names is one; what only the portal sets is passed over."""
    if not isinstance(value, dict):
        raise _wrong("A value without a path is an object.", "invalidValue")
    for name, item in value.items():
        if name in READ_ONLY:
            continue
        if _path(name):
            _put(document, read_path(name), item, adding=adding)
        else:
            document[name] = item  # an extension by its schema: not kept here


def _put(document: Document, path: Path, value: Any, *, adding: bool) -> None:
    holder = _holder(document, path)
    if path.where is not None:
        _put_elements(holder, path, value, adding=adding)
    elif path.sub:
        _put_part(holder, path, value)
    elif adding and isinstance(holder.get(path.name), list):
        _append(holder[path.name], value)
    elif isinstance(holder.get(path.name), dict) and isinstance(value, dict):
        holder[path.name].update(value)
    else:
        holder[path.name] = value


def _put_part(holder: Document, path: Path, value: Any) -> None:
    """A part of a complex attribute; of a multi-valued one, that part of each of its elements."""
    whole = holder.setdefault(path.name, {})
    if isinstance(whole, list):
        for element in _objects(whole):
            element[path.sub] = value
        return
    if not isinstance(whole, dict):
        raise _wrong(f"{path.name} has no parts.", "invalidPath")
    whole[path.sub] = value


def _put_elements(holder: Document, path: Path, value: Any, *, adding: bool) -> None:
    elements = holder.setdefault(path.name, [])
    if not isinstance(elements, list):
        raise _wrong(f"{path.name} has one value, and is not filtered.", "invalidPath")
    fitting = _fitting(elements, path)
    if not fitting:
        fitting = [_new_element(elements, path, adding=adding)]
    for element in fitting:
        if path.sub:
            element[path.sub] = value
        elif isinstance(value, dict):
            element.update(value)
        else:
            raise _wrong(f"An element of {path.name} is an object.", "invalidValue")


def _new_element(elements: list[Any], path: Path, *, adding: bool) -> Document:
    """What the filter asks for, where it says that plainly: so do directories write what is not there yet."""
    asked = filters.equalities(path.where) if path.where is not None else None
    if asked is None:
        detail = f"No element of {path.name} fits the filter."
        raise _wrong(detail, "invalidPath" if adding else "noTarget")
    element: Document = dict(asked)
    elements.append(element)
    return element


def _remove(document: Document, path: Path) -> None:
    holder = _holder(document, path)
    found = holder.get(path.name)
    if path.where is None and not path.sub:
        holder.pop(path.name, None)
    elif path.where is None:
        for whole in [found] if isinstance(found, dict) else _objects(found):
            whole.pop(path.sub, None)
    elif isinstance(found, list):
        fitting = _fitting(found, path)
        if path.sub:
            for element in fitting:
                element.pop(path.sub, None)
        else:
            holder[path.name] = [each for each in found if not any(each is one for one in fitting)]


def _holder(document: Document, path: Path) -> Document:
    """Where the attribute is: in the document, or in the extension that it names."""
    if not path.schema:
        return document
    holder = document.setdefault(path.schema.rstrip(":"), {})
    if not isinstance(holder, dict):
        raise _wrong(f"{path.schema} is not an object.", "invalidPath")
    return holder


def _fitting(elements: list[Any], path: Path) -> list[Document]:
    assert path.where is not None  # noqa: S101 - asked only of paths with a filter
    return [each for each in _objects(elements) if filters.holds(path.where, each)]


def _append(elements: list[Any], value: Any) -> None:
    for item in value if isinstance(value, list) else [value]:
        if item not in elements:
            elements.append(item)
        if isinstance(item, dict) and item.get("primary") is True:
            for other in _objects(elements):
                other["primary"] = other == item


def _objects(value: Any) -> list[Document]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _wrong(detail: str, scim_type: str) -> ScimError:
    return ScimError(detail, scim_type=scim_type)
