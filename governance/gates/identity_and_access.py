"""Gate 3: somebody answers for the agent, and nothing is written without a write elevation (S4-1, S4-4)."""

from collections.abc import Iterator

from governance.choices import Gate, Place, RiskLevel
from governance.gates.facts import Evidence, Facts, Lack, Result, missing

NEED_DEPUTY = frozenset({RiskLevel.MEDIUM, RiskLevel.HIGH})


def evaluate(facts: Facts) -> Result:
    lacks = (*_people(facts), *_writes(facts))
    unused = sorted(grant.action for grant in facts.grants if not grant.writes and not grant.used)
    return Result(
        Gate.IDENTITY_AND_ACCESS,
        lacks,
        (Evidence(f"agent/{facts.agent}", "Has an active owner"),) if facts.owner_active else (),
        (f"Standing grants that were not used for long: {', '.join(unused)}.",) if unused else (),
    )


def _people(facts: Facts) -> Iterator[Lack]:
    if not facts.owner_active:
        yield missing("The agent has no active owner.", Place.ENTRY)
    if facts.demands and facts.demands.level in NEED_DEPUTY and not facts.deputies_active:
        yield missing("Its risk class asks for a deputy with an active account.", Place.ENTRY)


def _writes(facts: Facts) -> Iterator[Lack]:
    for grant in facts.grants:
        if grant.writes and not grant.elevated:
            yield missing(f"{grant.action} may write without a write elevation.", Place.GRANTS)
