"""The promotion gate of a release: what stands against giving it a larger share (S1-18). Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Work:
    """What came of one version's work: decisions that were asked for it, and its runs."""

    decisions: int
    denied: int
    runs: int
    failed: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What is the case at this step: the candidate's work since it has this share, the active one's before.

    `tolerance` is by how much, as a part of one, the candidate may fail or be denied more often.
    """

    candidate: Work
    active: Work
    failed_tests: tuple[str, ...]
    at_step: timedelta
    soak: timedelta
    tolerance: float


def why_not_promote(facts: Facts) -> list[str]:
    """Every reason against it, as sentences; empty where nothing stands against it."""
    return list(_reasons(facts))


def _reasons(facts: Facts) -> Iterator[str]:
    if facts.failed_tests:
        yield f"It has failed a test since it was approved: {', '.join(facts.failed_tests)}."
    if not facts.candidate.decisions and facts.at_step < facts.soak:
        hours = facts.soak.total_seconds() / 3600
        yield f"It has done nothing at this step yet. Let it work, or wait {hours:g} hours."
    pairs = (
        ("of its runs failed", _share(facts.candidate.failed, facts.candidate.runs),
         _share(facts.active.failed, facts.active.runs)),
        ("of what it asked for was denied", _share(facts.candidate.denied, facts.candidate.decisions),
         _share(facts.active.denied, facts.active.decisions)),
    )  # fmt: skip
    for what, now, before in pairs:
        if now > before + facts.tolerance:
            yield f"{now:.0%} {what}; of the active version it is {before:.0%}."


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
