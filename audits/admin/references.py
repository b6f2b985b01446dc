"""Where the things that the ledger names are shown: each page says itself what it shows."""

from collections.abc import Callable
from uuid import UUID

Address = Callable[[str], str]
Finder = Callable[[str], list[str]]
_PAGES: dict[str, Address] = {}
_FINDERS: dict[str, Finder] = {}


def shown_by(kind: str, address: Address) -> None:
    """`address` gives the page of ``<kind>/<name>`` from its name; empty where it has none."""
    _PAGES[kind] = address


def address_of(reference: str) -> str:
    """The page of what a reference such as ``run/<uuid>`` names; empty where there is none."""
    kind, _, name = reference.partition("/")
    address = _PAGES.get(kind)
    return address(name) if address and name else ""


def found_by(kind: str, finder: Finder) -> None:
    """`finder` gives the ids of the things of this kind that have a name or a part of one; a few suffice."""
    _FINDERS[kind] = finder


def named(kind: str, text: str) -> list[str]:
    """The references of this kind that `text` may mean: by id, or by name where a room knows names."""
    text = text.strip().removeprefix(f"{kind}/")
    if is_uuid(text):
        return [f"{kind}/{UUID(text)}"]
    finder = _FINDERS.get(kind)
    return [f"{kind}/{each}" for each in finder(text)] if finder and text else []


def is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
