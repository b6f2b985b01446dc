"""Gate 4: what runs can be traced to its model, prompt, functions and code, by its digest (S1-11)."""

from collections.abc import Iterator

from governance.choices import Gate, Place, RiskLevel
from governance.gates.facts import Evidence, Facts, Lack, Result, missing

NEED_PIN = frozenset({RiskLevel.HIGH})


def evaluate(facts: Facts) -> Result:
    lacks = tuple(_lacks(facts))
    build = facts.build
    evidence = (Evidence(build.reference, "Provenance of the version", build.digest),)
    return Result(Gate.PROVENANCE, lacks, () if lacks else evidence)


def _lacks(facts: Facts) -> Iterator[Lack]:
    build = facts.build
    if build.computed != build.digest:
        yield missing(
            "The version is not what its digest says. Add it again as a new version.", Place.VERSION
        )
    if not build.model:
        yield missing("The version names no model.", Place.VERSION)
    if not build.prompt_digest:
        yield missing("The version has no digest of its system prompt.", Place.VERSION)
    if not build.code_commit:
        yield missing("The version names no commit of its code.", Place.VERSION)
    if facts.demands and facts.demands.level in NEED_PIN and not build.pinned:
        yield missing(
            "Its risk class asks for the digest of its image or a snapshot of its data.", Place.VERSION
        )
