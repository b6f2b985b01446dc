"""YAML read as data alone, with the line of everything in it.

PyYAML's safe loader keeps the last of two equal keys and follows aliases, with which a kilobyte becomes
gigabytes. Both are refused here, and so are tags, dates (they are text) and keys that are not text. Pure:
no I/O.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

MAX_DEPTH = 40
_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")
Path = tuple[str | int, ...]
_SCALARS = {f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float", "str")}


class StrictYAMLError(ValueError):
    """What is wrong (`problem`), and in which line, counted from 1; 0 where that is not known."""

    def __init__(self, problem: str, *, line: int = 0) -> None:
        self.problem = problem
        self.line = line
        super().__init__(f"line {line}: {problem}" if line else problem)


@dataclass(frozen=True, slots=True)
class Document:
    """What the text says, and where: `lines` by path, such as ``("agents", 0, "name")``."""

    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of this place, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _Loader(yaml.SafeLoader):
    """Composes; what the nodes mean is said below."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise StrictYAMLError(
                "anchors and aliases (& and *) are not read; write it out", line=event.start_mark.line + 1
            )
        return super().compose_node(parent, index)


# A date is text here: nothing in these documents is a moment.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _SCALARS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def loads(text: str) -> Document:
    """The one document in `text`.

    Raises:
        StrictYAMLError: it is not YAML, or holds what is not read here.
    """
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        lines: dict[Path, int] = {}
        return Document(_value(loader, node, (), lines) if node else None, lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "it is not YAML"
        raise StrictYAMLError(problem, line=mark.line + 1 if mark else 0) from error
    except (yaml.YAMLError, UnicodeError) as error:
        raise StrictYAMLError(f"it is not YAML: {error}") from error
    except RecursionError as error:
        raise StrictYAMLError(f"it is nested deeper than {MAX_DEPTH} levels") from error
    finally:
        if loader is not None:
            loader.dispose()


def _value(loader: _Loader, node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    line = node.start_mark.line + 1
    lines[path] = line
    if len(path) > MAX_DEPTH:
        raise StrictYAMLError(f"it is nested deeper than {MAX_DEPTH} levels", line=line)
    if isinstance(node, yaml.SequenceNode) and node.tag.endswith(":seq"):
        return [_value(loader, item, (*path, index), lines) for index, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode) and node.tag.endswith(":map"):
        return _mapping(loader, node, path, lines)
    if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
        return _scalar(loader, node)
    raise StrictYAMLError(f"the tag {node.tag} is not read", line=line)


def _mapping(loader: _Loader, node: yaml.MappingNode, path: Path, lines: dict[Path, int]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        key = _value(loader, key_node, (), {})
        if not isinstance(key, str):
            raise StrictYAMLError(f"the key {key!r} is not text; put it in quotes", line=line)
        if key in found:
            raise StrictYAMLError(f"the key {key} occurs twice", line=line)
        found[key] = _value(loader, value_node, (*path, key), lines)
        lines[*path, key] = line
    return found


def _scalar(loader: _Loader, node: yaml.ScalarNode) -> Any:
    try:
        return loader.construct_object(node)
    except (ValueError, OverflowError) as error:
        raise StrictYAMLError(f"{node.value[:40]!r} cannot be read", line=node.start_mark.line + 1) from error


class _Dumper(yaml.SafeDumper):
    """Writes nothing that `loads` refuses, and long text as people write it."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = None
    if _OTHER_BREAKS.search(value):
        style = '"'  # escaped: elsewhere PyYAML writes them as they are, and folds them when it reads
    elif "\n" in value and not any(line.endswith(" ") for line in value.split("\n")):
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def dumps(value: Any, *, leaves_in_line: bool = False) -> str:
    """The text of plain data, in the order that it has; `loads` gives the same data again.

    With `leaves_in_line` a list that holds no other list or mapping stands in one line: ``[read, query]``.
    """
    text: str = yaml.dump(
        value,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=110,
        default_flow_style=None if leaves_in_line else False,
    )
    return text
