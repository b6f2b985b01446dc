"""Reading the tool manifest of a version. Pure: knows no database and no clock.

An entry is ``{name, access, resource, description, parameters}``. Its resource may be a template
(``finding/{finding_id}``), in which each ``{name}`` stands for one part between slashes. The class of a
template is all that it means, written with a star for each name: ``finding/*``.
"""

import re
from collections.abc import Sequence
from typing import Any

from agents.tool_manifest import PART, PLACE, covers

__all__ = ["PART", "PLACE", "class_of", "covers", "entries", "entry", "is_in_class", "of_access"]

Entry = dict[str, Any]

STAR = "*"


def entries(manifest: Any) -> list[Entry]:
    """The functions that a stored manifest lists; what is no function is left out."""
    return [item for item in manifest if isinstance(item, dict)] if isinstance(manifest, list) else []


def entry(manifest: Any, name: str) -> Entry | None:
    """The one entry of that name; None where there is none, or more than one."""
    found = [item for item in entries(manifest) if item.get("name") == name]
    return found[0] if len(found) == 1 else None


def class_of(template: str) -> str | None:
    """The class of resources that a template means; None where it means exactly one."""
    return PLACE.sub(STAR, template) if PLACE.search(template) else None


def is_in_class(resource_class: str, resource: str) -> bool:
    """Whether a concrete resource is in a class; what holds no star is no class."""
    if STAR not in resource_class:
        return False
    literals = resource_class.split(STAR)
    return re.fullmatch(PART.join(map(re.escape, literals)), resource) is not None


def of_access(manifest: Sequence[Entry], access: str) -> list[dict[str, str]]:
    """Action and resource of every function of that access, sorted by name."""
    chosen = [item for item in manifest if item.get("access") == access]
    return sorted(
        ({"action": str(item.get("name")), "resource": str(item.get("resource"))} for item in chosen),
        key=lambda item: (item["action"], item["resource"]),
    )
