"""What only a person can judge: who signs for which gate, and what exactly they sign. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from audits import canonical
from audits.canonical import JSON
from governance.choices import Gate, GateState, Place, RiskLevel
from governance.gates.facts import Evidence, Facts, Lack

ALL_LEVELS = frozenset(RiskLevel)


class Signer(StrEnum):
    """Who may sign. Others vouch for what the owner's side wrote; the owner's side for what it does."""

    BOARD_OR_STEWARD = (
        "Somebody who holds a seat on the board, or a steward, who does not stand on the owner's side"
    )
    OWNERS_SIDE = "The owner or a deputy"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who signs a gate, for which risk classes, what they say, and of what.

    `content` is what is signed: an edit of it un-signs it. With `document` the signature names an attached
    document as its evidence.
    """

    signer: Signer
    says: str
    content: Callable[[Facts], Mapping[str, JSON]]
    levels: frozenset[RiskLevel] = ALL_LEVELS
    document: bool = False


def _monitoring(facts: Facts) -> Mapping[str, JSON]:
    return {"monitoring_plan": facts.monitoring_plan}


def _runbook(facts: Facts) -> Mapping[str, JSON]:
    return {"runbook": facts.runbook}


def _contacts(facts: Facts) -> Mapping[str, JSON]:
    return {
        "owner": facts.owner,
        "deputies": sorted(facts.deputies),
        "review_days": facts.demands.review_days if facts.demands else 0,
    }


RULES: Mapping[Gate, Rule] = {
    Gate.MONITORING: Rule(
        Signer.BOARD_OR_STEWARD,
        "I have read the monitoring plan. What it watches, its limits and who looks are enough.",
        _monitoring,
    ),
    Gate.RUNBOOKS: Rule(
        Signer.OWNERS_SIDE,
        "We have rehearsed isolating, rolling back and quarantining this agent by its runbook.",
        _runbook,
        levels=frozenset({RiskLevel.HIGH}),
        document=True,
    ),
    Gate.POST_DEPLOYMENT: Rule(
        Signer.OWNERS_SIDE,
        "Feedback and incidents reach us by these ways, and we review the entry when it is due.",
        _contacts,
    ),
}


def rule_of(gate: Gate, facts: Facts) -> Rule | None:
    """The rule by which this gate is signed for the agent's risk class; None where nobody has to."""
    rule = RULES.get(gate)
    if rule is None or facts.demands is None or facts.demands.level not in rule.levels:
        return None
    return rule


def digest(gate: Gate, facts: Facts) -> str:
    """SHA-256 of what is signed: the agent, the version's digest, the gate and what its rule names."""
    return canonical.digest(
        {
            "v": 1,
            "agent": facts.agent,
            "version": facts.build.digest,
            "gate": gate.value,
            "signed": dict(RULES[gate].content(facts)),
        }
    )


def lacks(gate: Gate, facts: Facts) -> Iterator[Lack]:
    """What is missing of the signature, if one is asked for."""
    rule = rule_of(gate, facts)
    if rule is None:
        return
    signature = facts.signatures.get(gate)
    if signature is None:
        yield _lack(f"It is not signed yet. {rule.signer} signs it.")
    elif signature.digest != digest(gate, facts):
        yield _lack(f"What was signed has been edited since: it is signed anew. {rule.signer} signs it.")
    elif rule.signer is Signer.BOARD_OR_STEWARD and signature.person in facts.owners_side:
        yield _lack(f"Who signed it stands on the owner's side now. {rule.signer} signs it.")
    elif rule.signer is Signer.OWNERS_SIDE and signature.person not in facts.deputies | {facts.owner}:
        yield _lack(f"Who signed it does not answer for the agent any more. {rule.signer} signs it.")


def evidence(gate: Gate, facts: Facts) -> Iterator[Evidence]:
    signature = facts.signatures.get(gate)
    if rule_of(gate, facts) and signature and not any(lacks(gate, facts)):
        yield Evidence(signature.reference, f"Signed ({signature.signed_as})", signature.digest)
        if signature.document:
            yield Evidence(signature.document, "What the signature rests on")


def _lack(sentence: str) -> Lack:
    return Lack(GateState.NEEDS_SIGNATURE, sentence, Place.SIGNATURE)
