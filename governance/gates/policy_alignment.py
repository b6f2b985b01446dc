"""Gate 1: what is asked for lies within the agent policy (S1-1)."""

from governance.choices import Gate, Place
from governance.gates.facts import Evidence, Facts, Result, missing


def evaluate(facts: Facts) -> Result:
    return Result(
        Gate.POLICY_ALIGNMENT,
        tuple(missing(sentence, Place.ENTRY) for sentence in facts.policy_violations),
        (Evidence(f"agent/{facts.agent}", "Within the agent policy"),) if not facts.policy_violations else (),
    )
