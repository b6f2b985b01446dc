"""Counting votes (S1-2, promise 5). Pure: knows no database and no clock.

A rule names the seats that must approve, how many distinct people must approve in all, and whether a
rejection in one of these seats ends the request at once (veto). Each seat of the board has one vote.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from governance.choices import ApprovalState, Discipline, VoteChoice


@dataclass(frozen=True, slots=True)
class Rule:
    """What it takes: `seats` that must approve, `quorum` distinct approving people, `veto`."""

    seats: tuple[str, ...]
    quorum: int
    veto: bool

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "Rule":
        """From its frozen form.

        Raises:
            ValueError: it is not a rule that anybody could have meant.
        """
        seats, quorum, veto = data.get("seats"), data.get("quorum"), data.get("veto")
        if not isinstance(seats, list) or not set(seats) <= set(Discipline.values):
            raise ValueError("seats must be a list of the board's disciplines.")
        if not isinstance(quorum, int) or isinstance(quorum, bool) or not 1 <= quorum <= len(Discipline):
            raise ValueError(f"quorum must be a whole number from 1 to {len(Discipline)}.")
        if veto not in {True, False}:
            raise ValueError("veto must be true or false.")
        return cls(seats=tuple(seats), quorum=quorum, veto=veto)

    def frozen(self) -> dict[str, Any]:
        return {"seats": sorted(self.seats), "quorum": self.quorum, "veto": self.veto}

    def strictest(self, other: "Rule") -> "Rule":
        """What satisfies both rules."""
        return Rule(
            seats=tuple(sorted({*self.seats, *other.seats})),
            quorum=max(self.quorum, other.quorum),
            veto=self.veto or other.veto,
        )


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote: who, in which seat, what."""

    person: str
    discipline: str
    choice: str


@dataclass(frozen=True, slots=True)
class Tally:
    """Where a request stands: `approvals` so far, what is missing, and what follows from it."""

    approvals: int
    missing_people: int
    missing_seats: tuple[str, ...]
    state: ApprovalState
    reason: str


def count(rule: Rule, ballots: Sequence[Ballot]) -> Tally:
    """Count the votes. A request that can no longer succeed is rejected rather than left to expire."""
    approving = {ballot.person for ballot in ballots if ballot.choice == VoteChoice.APPROVE}
    approved_seats = {ballot.discipline for ballot in ballots if ballot.choice == VoteChoice.APPROVE}
    missing_seats = tuple(seat for seat in sorted(rule.seats) if seat not in approved_seats)
    missing_people = max(rule.quorum - len(approving), 0)
    state, reason = ApprovalState.PENDING, ""
    if not missing_people and not missing_seats:
        state, reason = ApprovalState.APPROVED, f"{len(approving)} people approved."
    if refusal := _refusal(rule, ballots, missing_people):
        state, reason = ApprovalState.REJECTED, refusal
    return Tally(len(approving), missing_people, missing_seats, state, reason)


def _refusal(rule: Rule, ballots: Sequence[Ballot], missing_people: int) -> str:
    lost = {ballot.discipline: ballot.choice for ballot in ballots if ballot.choice != VoteChoice.APPROVE}
    for seat in sorted(rule.seats):
        if seat not in lost:
            continue
        name = Discipline(seat).label
        if lost[seat] == VoteChoice.REJECT and rule.veto:
            return f"The required seat {name} rejected it: a veto."
        return f"The required seat {name} did not approve it."
    free = len(Discipline) - len({ballot.discipline for ballot in ballots})
    if missing_people > free:
        return f"{missing_people} more approvals are needed and only {free} seats have not voted."
    return ""
