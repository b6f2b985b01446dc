"""Walk a JSON document with its path in mind: what is not of the expected type is a `ReportError`."""

from collections.abc import Iterator, Mapping
from typing import Any

from agents.reports.shape import ReportError


class Node:
    """An object of the document and its place in it. What is absent or null counts as empty."""

    __slots__ = ("_key", "_parent", "value")

    def __init__(self, value: Any, parent: "Node | None" = None, key: str = "$") -> None:
        self._parent = parent
        self._key = key
        if not isinstance(value, dict):
            raise ReportError(f"an object is expected, not {_kind(value)}", place=self.place())
        self.value: Mapping[str, Any] = value

    def place(self, key: str = "") -> str:
        """The JSON path of this object, or of one of its members."""
        own = self._parent.place(self._key) if self._parent is not None else self._key
        return f"{own}{key if key.startswith('[') else f'.{key}'}" if key else own

    def text(self, *keys: str) -> str:
        """The first of these members that is not empty, as text; numbers are written out."""
        for key in keys:
            value = self.value.get(key)
            if value is None or value == "":
                continue
            if isinstance(value, str):
                return value
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ReportError(f"text is expected, not {_kind(value)}", place=self.place(key))
            return str(value)
        return ""

    def texts(self, key: str) -> list[str]:
        """A list of texts."""
        values = self._list(key)
        for index, value in enumerate(values):
            if not isinstance(value, str):
                place = self.place(f"{key}[{index}]")
                raise ReportError(f"text is expected, not {_kind(value)}", place=place)
        return values

    def words(self, key: str) -> list[str]:
        """A list of texts or numbers, or one of them alone, as texts."""
        value = self.value.get(key)
        if not isinstance(value, list):
            return [found] if (found := self.text(key)) else []
        return [
            found for index in range(len(value)) if (found := Node({"": value[index]}, self, key).text(""))
        ]

    def object(self, key: str) -> "Node":
        """A member that is an object."""
        value = self.value.get(key)
        return Node({} if value is None else value, self, key)

    def objects(self, key: str) -> Iterator["Node"]:
        """A list of objects."""
        for index, value in enumerate(self._list(key)):
            yield Node(value, self, f"{key}[{index}]")

    def members(self) -> Iterator["Node"]:
        """The members of this object, each of them an object."""
        for key, value in self.value.items():
            yield Node(value, self, key)

    def integer(self, key: str) -> int | None:
        """A whole number, None where there is none."""
        value = self.value.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise ReportError(f"a whole number is expected, not {_kind(value)}", place=self.place(key))
        return value

    def _list(self, key: str) -> list[Any]:
        value = self.value.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise ReportError(f"a list is expected, not {_kind(value)}", place=self.place(key))
        return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
