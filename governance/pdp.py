"""The pipeline of the decision point. Pure: facts in, verdict out; no database, no clock.

The steps are asked in this order and the first that fails decides (S2-14, S2-16). Everything that no
step allows is denied. Every recorded decision names the SHA-256 of this file.

0. neither it, nor its copy, its owner's agents or everything is frozen; the token is not revoked
1. its review is not too long overdue, and it is active
2. it has an active owner and its sponsor; where one is gone, it reads for as long as its class lets it
3. the running copy is live and its own     4. what runs is what the board approved; where its entry was
   edited since, through the product, it reads and does not write
5. the function is in the approved manifest, with this access, for this resource
6. no guardrail forbids it: a Cedar policy of the active version, whatever was granted
7. reading: a grant, and its conditions; writing: where its roles speak of the resource, one that gives the
   right to ask for this, and its conditions
8. on behalf of somebody: they let it, for exactly this
9. writing: a live elevation with a use left
10. a Cedar policy permits it, where the active version asks for that beside the grant

Only step 9 can be mended by asking: its denial is *requestable*.
"""

from dataclasses import dataclass

from agents.choices import Access
from governance.choices import ContainmentLevel, DecisionReason

VERSION = "4"
_CONTAINED = {level.value: DecisionReason(f"contained_{level.value}") for level in ContainmentLevel}
_GONE = "The agent's {} is gone: it does not write, and reads only for a while, until it has another one."


@dataclass(frozen=True, slots=True)
class Facts:
    """What is the case at the moment of the question, for exactly this action and resource.

    `unmet` is the condition of a role that stands against it, with the role; empty where none does.
    """

    access: str
    review_done: bool
    agent_active: bool
    owner_active: bool
    sponsor_active: bool
    reads_on: bool
    instance_live: bool
    version_active: bool
    dossier_unchanged: bool
    edited: bool
    contained: str = ""
    epoch_good: bool = True
    function_approved: bool = False
    read_granted: bool = False
    write_elevated: bool = False
    budget_was_spent: bool = False
    in_role: bool = True
    unmet: str = ""
    against_behalf: DecisionReason | None = None
    """What stands against acting for whom it says; None where nothing does, or it acts for itself."""
    # What the active policies say: why they could not be evaluated, which of them forbid it.
    policy_error: str = ""
    forbidden_by: str = ""
    permit_missing: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`message` says what stands against it and, where something can be done, what."""

    allowed: bool
    reason: DecisionReason
    message: str
    requestable: bool = False


def evaluate(facts: Facts) -> Verdict:
    """The verdict. A write that is allowed still has to take a use off the elevation's budget."""
    verdict = _standing(facts) or _guardrail(facts) or _granted(facts)
    if verdict.allowed and facts.permit_missing is not False:
        return _denied(
            DecisionReason.NO_PERMIT, "It is granted, and the policies ask for a permit beside: none fits."
        )
    return verdict


def _guardrail(facts: Facts) -> Verdict | None:
    """What the active policies forbid, whatever was granted; what they cannot evaluate, they forbid."""
    if facts.policy_error:
        return _denied(DecisionReason.POLICY_ERROR, facts.policy_error)
    if facts.forbidden_by:
        return _denied(DecisionReason.GUARDRAIL, facts.forbidden_by)
    return None


def _granted(facts: Facts) -> Verdict:
    return _read(facts) if facts.access == Access.READ else _write(facts)


def _read(facts: Facts) -> Verdict:
    if facts.read_granted is not True:
        if facts.unmet:
            return _unmet(facts)
        return _denied(DecisionReason.NO_GRANT, "No grant allows this reading. Grants come with an approval.")
    return _on_behalf(facts) or Verdict(
        allowed=True, reason=DecisionReason.ALLOWED_BY_GRANT, message="A grant allows this reading."
    )


def _write(facts: Facts) -> Verdict:
    if facts.dossier_unchanged is not True:
        return _denied(
            DecisionReason.EDITED,
            "Its entry was edited since the board approved it: until the board approves again it only reads.",
        )
    if facts.in_role is not True:
        return _denied(
            DecisionReason.NOT_IN_ROLE,
            "The agent's roles speak of this resource, and none gives the right to ask for this.",
        )
    if facts.unmet:
        return _unmet(facts)
    against = _on_behalf(facts)
    if against is not None:
        return against
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


def _on_behalf(facts: Facts) -> Verdict | None:
    """The person's own rights too: acting for somebody takes both, and no approval stands in for theirs."""
    if facts.against_behalf is None:
        return None
    return _denied(facts.against_behalf, f"{facts.against_behalf.label}: it does not do this for them.")


def _standing(facts: Facts) -> Verdict | None:
    """What stands against any access at all, be it reading or writing."""
    reads_on = facts.reads_on is True and facts.access == Access.READ
    if facts.contained != "":
        reason = _CONTAINED.get(facts.contained, DecisionReason.CONTAINED_EVERYTHING)
        return _denied(reason, f"{reason.label}. Two people lift that, or the board ends it.")
    steps = (
        (
            facts.epoch_good,
            DecisionReason.REVOKED,
            "What the token rests on was revoked after it was minted. Get another one.",
        ),
        (
            facts.review_done,
            DecisionReason.REVIEW_OVERDUE,
            "The review of the agent's entry is too long overdue: no access until its owner has done it.",
        ),
        (facts.agent_active, DecisionReason.AGENT_NOT_ACTIVE, "The agent is not active."),
        (
            facts.owner_active is True or reads_on,
            DecisionReason.OWNER_NOT_ACTIVE,
            _GONE.format("owner") if facts.reads_on is True else "The agent has no active owner: no access.",
        ),
        (
            facts.sponsor_active is True or reads_on,
            DecisionReason.SPONSOR_GONE,
            _GONE.format("sponsor") if facts.reads_on is True else "The agent's sponsor is gone: no access.",
        ),
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
            facts.dossier_unchanged is True or facts.edited is True,
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


def _unmet(facts: Facts) -> Verdict:
    return _denied(DecisionReason.CONDITION_NOT_MET, f"A condition is not met: {facts.unmet}.")


def _denied(reason: DecisionReason, message: str) -> Verdict:
    return Verdict(allowed=False, reason=reason, message=message)
