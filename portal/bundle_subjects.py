"""What a bundle is about, as the service that makes it wants to hear it."""

from collections.abc import Mapping
from typing import Any

from audits.choices import BundleKind


def about(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `bundles.request`, from the kind and what was chosen for it."""
    kind = BundleKind(chosen["kind"])
    said: dict[str, Any] = {"kind": kind}
    period = {"since": chosen["since"], "until": chosen["until"]}
    if kind in {BundleKind.AGENT, BundleKind.FRAMEWORK}:
        said["framework"] = chosen["framework"]
    if kind == BundleKind.AGENT:
        return said | period | {"subject": str(chosen["agent"]), "streams": [chosen["agent"].stream]}
    if kind == BundleKind.PERSON:
        return said | period | {"subject": str(chosen["person"]), "streams": [chosen["person"].actor.ref]}
    if kind == BundleKind.CASE:
        case = chosen["case"]
        period = {"since": case.since, "until": case.until}
        return said | period | {"subject": case.name, "streams": case.subjects}
    subject = chosen["framework"] if kind == BundleKind.FRAMEWORK else "The whole ledger"
    return said | period | {"subject": subject}
