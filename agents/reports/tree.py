"""XML reports: read without entities and within limits, and walked as `node.Node` walks JSON."""

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from agents.reports.shape import ReportError

MAX_DEPTH = 100
MAX_ELEMENTS = 3_000_000


class Tag:
    """An element. A field of it is an attribute or a child; a list is a child with children.

    Names are without their namespaces; the root's is its field `xmlns`. What is absent counts as empty.
    """

    __slots__ = ("_element",)

    def __init__(self, element: Element) -> None:
        self._element = element

    @property
    def name(self) -> str:
        return self._element.tag

    @property
    def own_text(self) -> str:
        return (self._element.text or "").strip()

    def text(self, *keys: str) -> str:
        """The first of these attributes or children that is not empty."""
        for key in keys:
            found = self._element.get(key) or self._element.findtext(key) or ""
            if found.strip():
                return found.strip()
        return ""

    def texts(self, key: str) -> list[str]:
        """The texts in the list `key`."""
        return [child.own_text for child in self.objects(key) if child.own_text]

    def object(self, key: str) -> "Tag":
        found = self._element.find(key)
        return Tag(found if found is not None else Element(key))

    def objects(self, key: str) -> Iterator["Tag"]:
        """The children of the child `key`."""
        found = self._element.find(key)
        return (Tag(child) for child in (found if found is not None else ()))

    def children(self, name: str) -> Iterator["Tag"]:
        """The children of this name."""
        return (Tag(child) for child in self._element if child.tag == name)

    def words(self, key: str) -> list[str]:
        """The texts or numbers in the list `key`."""
        return self.texts(key)


class _Bounded(TreeBuilder):
    """Builds the tree, names without namespaces, and stops where it becomes too deep or too large."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: Any, attributes: Any, /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH:
            raise ReportError(f"nested deeper than {MAX_DEPTH} levels. No scanner writes such a report.")
        if self._count > MAX_ELEMENTS:
            raise ReportError(f"more than {MAX_ELEMENTS} elements. Scan in parts, and bring each report.")
        space, _, name = tag.rpartition("}")
        if self._depth == 1:
            attributes = {**attributes, "xmlns": space.removeprefix("{")}
        return super().start(name, attributes)

    def end(self, tag: Any, /) -> Element:
        self._depth -= 1
        return super().end(tag.rpartition("}")[2])


def loads(content: bytes) -> Tag:
    """The document in `content`.

    Raises:
        ReportError: not XML, with a document type or entities (how XML bombs are made), nested
            too deeply, or too large.
    """
    parser = XMLParser(target=_Bounded(), forbid_dtd=True)
    try:
        parser.feed(content)
        return Tag(parser.close())
    except ParseError as error:
        line, column = getattr(error, "position", (0, 0))
        problem = str(error).partition(":")[0]
        raise ReportError(
            f"not readable as XML: {problem}. Export it again.", place=f"line {line} column {column + 1}"
        ) from error
    except DefusedXmlException as error:
        raise ReportError(
            "it has a document type (DOCTYPE) or entities, which can expand without end or read files. "
            "No scanner needs them: remove the DOCTYPE, or export the report again."
        ) from error
    except (ValueError, LookupError) as error:
        # An encoding that nobody knows, or that takes several bytes a character.
        raise ReportError(f"not readable as XML: {error}. Save it as UTF-8.") from error
