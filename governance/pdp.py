"""The pipeline of the decision point. Pure: facts in, verdict out; no database, no clock.

The steps are asked in this order and the first that fails decides (S2-14, S2-16). Everything that no
step allows is denied. Every recorded decision names the SHA-256 of this file.

1. the agent is active                      2. it has an active owner
3. the running copy is live and its own     4. what runs is what the board approved
5. the function is in the approved manifest, with this access, for this resource
6. reading: a grant                         7. writing: a live elevation with a use left

Only the last step can be mended by asking: its denial is *requestable*.
"""

from dataclasses import dataclass

from agents.choices import Access
from governance.choices import DecisionReason

VERSION = "1"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is the case at the moment of the question, for exactly this action and resource."""

    access: str
    agent_active: bool
    owner_active: bool
    instance_live: bool
    version_active: bool
    dossier_unchanged: bool
    function_approved: bool
    read_granted: bool
    write_elevated: bool
    budget_was_spent: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`message` says what stands against it and, where something can be done, what."""

    allowed: bool
    reason: DecisionReason
    message: str
    requestable: bool = False


def evaluate(facts: Facts) -> Verdict:
    """The verdict. A write that is allowed still has to take a use off the elevation's budget."""
    standing = _standing(facts)
    if standing is not None:
        return standing
    if facts.access == Access.READ:
        if facts.read_granted:
            return Verdict(
                allowed=True, reason=DecisionReason.ALLOWED_BY_GRANT, message="A grant allows this reading."
            )
        return _denied(DecisionReason.NO_GRANT, "No grant allows this reading. Grants come with an approval.")
    if facts.access == Access.WRITE and facts.write_elevated:
        return Verdict(
            allowed=True,
            reason=DecisionReason.ALLOWED_BY_ELEVATION,
            message="A live write elevation allows this write.",
        )
    return without_elevation(budget_was_spent=facts.budget_was_spent)


def without_elevation(*, budget_was_spent: bool) -> Verdict:
    """The requestable denial of a write."""
    if budget_was_spent:
        reason, message = (
            DecisionReason.BUDGET_SPENT,
            "The uses of the write elevation are spent. The agent's owner can request another one.",
        )
    else:
        reason, message = (
            DecisionReason.NO_ELEVATION,
            "Writing needs a live write elevation. The agent's owner can request one for this action.",
        )
    return Verdict(allowed=False, reason=reason, message=message, requestable=True)


def _standing(facts: Facts) -> Verdict | None:
    """What stands against any access at all, be it reading or writing."""
    steps = (
        (facts.agent_active, DecisionReason.AGENT_NOT_ACTIVE, "The agent is not active."),
        (facts.owner_active, DecisionReason.OWNER_NOT_ACTIVE, "The agent has no active owner: no access."),
        (
            facts.instance_live,
            DecisionReason.INSTANCE_NOT_LIVE,
            "The running copy has ended, or is not of this agent and version.",
        ),
        (
            facts.version_active,
            DecisionReason.VERSION_NOT_APPROVED,
            "This version is not the one that the board approved.",
        ),
        (
            facts.dossier_unchanged,
            DecisionReason.VERSION_NOT_APPROVED,
            "The agent has changed since the board approved it. Submit it again.",
        ),
        (
            facts.function_approved,
            DecisionReason.FUNCTION_NOT_IN_MANIFEST,
            "The approved version has no such function with this access for this resource.",
        ),
    )
    for holds, reason, message in steps:
        if holds is not True:
            return _denied(reason, message)
    return None


def _denied(reason: DecisionReason, message: str) -> Verdict:
    return Verdict(allowed=False, reason=reason, message=message)
