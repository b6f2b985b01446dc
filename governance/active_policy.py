"""The policy versions that are asked: what decides, and what runs in shadow beside it.

Each is parsed once a process and looked up by its id before each decision: what was validated never changes.
"""

from typing import NamedTuple
from uuid import UUID

from audits.prepared import Prepared
from governance import cedar
from governance.choices import PolicyState
from governance.models import PolicyVersion

SHADOWED = (PolicyState.SHADOW, PolicyState.PROPOSED)


class Active(NamedTuple):
    """`policies` is None where what is stored is not what was validated, or cannot be read."""

    label: str
    sha256: str
    policies: cedar.Policies | None
    id: UUID


class Asked(NamedTuple):
    """`active` is None where no policies decide; `shadow` where none are tried out."""

    active: Active | None
    shadow: Active | None = None


ASKED = Prepared(
    lambda: (
        PolicyVersion.objects.filter(state__in=(PolicyState.ACTIVE, *SHADOWED))
        .order_by("number")
        .values_list("state", "pk")
    )
)
_parsed: dict[UUID | str, Active] = {}


def asked() -> Asked:
    """Both, found by one query."""
    found: dict[str, UUID | str | None] = dict.fromkeys((PolicyState.ACTIVE, *SHADOWED))
    found.update(ASKED.rows())
    known = {key: _version(key) for key in found.values() if key is not None}
    if len(_parsed) > len(known):
        _parsed.clear()
        _parsed.update(known)
    active, shadow, proposed = (known.get(key) if key else None for key in found.values())
    return Asked(active, proposed or shadow)


def active() -> Active | None:
    """What decides; None where no policies were ever applied."""
    return asked().active


def read(version: PolicyVersion) -> Active:
    """A version, parsed, once it is certain that its bytes are those that its digest names."""
    digests = cedar.digests(version.policies, version.schema, version.entities)
    policies = None
    if digests["sha256"] == version.sha256:
        try:
            policies = cedar.load(version.policies, version.schema, version.entities)
        except cedar.PolicyError:
            policies = None
    return Active(version.label, version.sha256, policies, version.pk)


def _version(key: UUID | str) -> Active:
    found = _parsed.get(key)
    if found is None:
        found = _parsed[key] = read(PolicyVersion.objects.get(pk=key))
    return found
