"""Where the things that the ledger names are shown: each page says itself what it shows."""

from collections.abc import Callable
from uuid import UUID

Address = Callable[[str], str]
_PAGES: dict[str, Address] = {}


def shown_by(kind: str, address: Address) -> None:
    """`address` gives the page of ``<kind>/<name>`` from its name; empty where it has none."""
    _PAGES[kind] = address


def address_of(reference: str) -> str:
    """The page of what a reference such as ``run/<uuid>`` names; empty where there is none."""
    kind, _, name = reference.partition("/")
    address = _PAGES.get(kind)
    return address(name) if address and name else ""


def is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
