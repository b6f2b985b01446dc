"""Counting votes (S1-2, promise 5). Pure: knows no database and no clock.

A rule names the seats that must approve, how many distinct people must approve in all, and whether a
rejection in one of these seats ends the request at once (veto). Each seat of the board has one vote.

What a vote does:

- *approve* counts towards the number of people and fills its seat;
- *reject* in a required seat ends the request: rejected;
- *ask for changes* in a required seat ends it as well: changes asked for. The owner's side mends what
  the comment says and submits again. It is no verdict on the agent, so it is told apart from a rejection;
- *abstain* in a required seat ends it too: rejected. The seat has one vote and its approval cannot be
  replaced by another's, so waiting could not help; the sentence says that somebody else has to hold it;
- reject, ask for changes and abstain in any other seat count as not approving, and no more.

Whatever can no longer be approved ends at once rather than being left to expire. Where several of these
stand against a request at the same time, a rejection comes first, then changes that were asked for.
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
    """Count the votes. A request that can no longer succeed ends rather than being left to expire."""
    approving = {ballot.person for ballot in ballots if ballot.choice == VoteChoice.APPROVE}
    approved_seats = {ballot.discipline for ballot in ballots if ballot.choice == VoteChoice.APPROVE}
    missing_seats = tuple(seat for seat in sorted(rule.seats) if seat not in approved_seats)
    missing_people = max(rule.quorum - len(approving), 0)
    state, reason = ApprovalState.PENDING, ""
    if not missing_people and not missing_seats:
        state, reason = ApprovalState.APPROVED, f"{len(approving)} people approved."
    if ended := _ended(rule, ballots, missing_people):
        state, reason = ended
    return Tally(len(approving), missing_people, missing_seats, state, reason)


def _ended(rule: Rule, ballots: Sequence[Ballot], missing_people: int) -> tuple[ApprovalState, str] | None:
    """Why it cannot be approved any more; None where it can."""
    cast = {ballot.discipline: ballot.choice for ballot in ballots}
    for choice in (VoteChoice.REJECT, VoteChoice.REQUEST_CHANGES, VoteChoice.ABSTAIN):
        for seat in sorted(rule.seats):
            if cast.get(seat) == choice:
                return _lost(Discipline(seat).label, choice, veto=rule.veto)
    free = len(Discipline) - len(cast)
    if missing_people > free:
        return (
            ApprovalState.REJECTED,
            f"{missing_people} more approvals are needed and only {free} seats have not voted.",
        )
    return None


def _lost(seat: str, choice: VoteChoice, *, veto: bool) -> tuple[ApprovalState, str]:
    if choice == VoteChoice.REQUEST_CHANGES:
        return (
            ApprovalState.CHANGES_REQUESTED,
            f"The required seat {seat} asks for changes; its comment says which.",
        )
    if choice == VoteChoice.ABSTAIN:
        return (
            ApprovalState.REJECTED,
            (
                f"The required seat {seat} abstained, and nobody else can approve for it. Have somebody who "
                "can decide hold the seat, and submit again."
            ),
        )
    if veto:
        return ApprovalState.REJECTED, f"The required seat {seat} rejected it: a veto."
    return ApprovalState.REJECTED, f"The required seat {seat} did not approve it."
