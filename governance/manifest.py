"""Reading the tool manifest of a version. Pure: knows no database and no clock.

An entry is ``{name, access, resource, description, parameters}``. Its resource may be a template
(``finding/{finding_id}``), in which each ``{name}`` stands for one part between slashes.
"""

import re
from collections.abc import Sequence
from typing import Any

Entry = dict[str, Any]

PLACE = re.compile(r"\{[a-z0-9_]+\}")
PART = r"[^/{}\s]+"


def entries(manifest: Any) -> list[Entry]:
    """The functions that a stored manifest lists; what is no function is left out."""
    return [item for item in manifest if isinstance(item, dict)] if isinstance(manifest, list) else []


def entry(manifest: Any, name: str) -> Entry | None:
    """The one entry of that name; None where there is none, or more than one."""
    found = [item for item in entries(manifest) if item.get("name") == name]
    return found[0] if len(found) == 1 else None


def covers(template: str, resource: str) -> bool:
    """Whether a concrete resource is one of those that the template means."""
    literals = PLACE.split(template)
    return re.fullmatch(PART.join(map(re.escape, literals)), resource) is not None


def of_access(manifest: Sequence[Entry], access: str) -> list[dict[str, str]]:
    """Action and resource of every function of that access, sorted by name."""
    chosen = [item for item in manifest if item.get("access") == access]
    return sorted(
        ({"action": str(item.get("name")), "resource": str(item.get("resource"))} for item in chosen),
        key=lambda item: (item["action"], item["resource"]),
    )
