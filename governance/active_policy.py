"""The active policy version, parsed once a process and looked up by its id before each decision."""

from typing import NamedTuple
from uuid import UUID

from governance import cedar
from governance.choices import PolicyState
from governance.models import PolicyVersion


class Active(NamedTuple):
    """`policies` is None where what is stored is not what was applied, or cannot be read."""

    label: str
    sha256: str
    policies: cedar.Policies | None


_parsed: dict[UUID, Active] = {}


def active() -> Active | None:
    """None where no policies were ever applied."""
    key = PolicyVersion.objects.filter(state=PolicyState.ACTIVE).values_list("pk", flat=True).first()
    if key is None:
        return None
    found = _parsed.get(key)
    if found is None:
        found = _read(PolicyVersion.objects.get(pk=key))
        _parsed.clear()
        _parsed[key] = found
    return found


def _read(version: PolicyVersion) -> Active:
    digests = cedar.digests(version.policies, version.schema, version.entities)
    if digests["sha256"] != version.sha256:
        return Active(version.label, version.sha256, None)
    try:
        policies = cedar.load(version.policies, version.schema, version.entities)
    except cedar.PolicyError:
        return Active(version.label, version.sha256, None)
    return Active(version.label, version.sha256, policies)
