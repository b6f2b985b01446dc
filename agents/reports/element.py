"""What a JSON object (`node.Node`) and an XML element (`tree.Tag`) have in common, for formats with both."""

from collections.abc import Iterator
from typing import Protocol


class Element(Protocol):
    """An object of the document. What is absent counts as empty."""

    def text(self, *keys: str) -> str:
        """The first of these members that is not empty."""

    def texts(self, key: str) -> list[str]:
        """A list of texts."""

    def words(self, key: str) -> list[str]:
        """A list of texts or numbers, as texts."""

    def object(self, key: str) -> "Element":
        """A member that is an object."""

    def objects(self, key: str) -> Iterator["Element"]:
        """A list of objects."""
