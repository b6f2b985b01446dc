"""Gate 6: it is written what is watched while it runs, and the board has signed it (S1-2)."""

from governance.choices import Gate, Place
from governance.gates import signing
from governance.gates.facts import Facts, Result, missing


def evaluate(facts: Facts) -> Result:
    if not facts.monitoring_plan.strip():
        sentence = "There is no monitoring plan: what is watched, what is too much, who looks."
        return Result(Gate.MONITORING, (missing(sentence, Place.ENTRY),))
    return Result(
        Gate.MONITORING,
        tuple(signing.lacks(Gate.MONITORING, facts)),
        tuple(signing.evidence(Gate.MONITORING, facts)),
    )
