"""The board and a request, on its page: each seat, who does not vote and why, what was said, how it ended."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from audits.admin.show import show_choice, show_digest, show_foreign, show_time, show_untrusted
from governance import electorate
from governance.choices import LABELS, ApprovalState, ApprovalSubject, VoteChoice
from governance.electorate import SeatStanding
from governance.models import Approval, Vote

MARKS = {
    VoteChoice.APPROVE: "check",
    VoteChoice.REJECT: "close",
    VoteChoice.ABSTAIN: "remove",
    VoteChoice.REQUEST_CHANGES: "edit_note",
}
# What follows from how a request ended: for a dossier, for anything else.
FOLLOWS = {
    ApprovalState.REJECTED: ("The agent stays what it was before it was submitted.", "Nothing changed."),
    ApprovalState.CHANGES_REQUESTED: (
        "The agent stays what it was. The owner's side mends what the comments ask for and submits it again.",
        "Nothing changed. Mend what the comments ask for, and ask again.",
    ),
    ApprovalState.EXPIRED: (
        "The agent stays what it was before it was submitted. Submit it again to ask anew.",
        "Nothing changed. It can be asked for again.",
    ),
    ApprovalState.VOIDED: (
        "What was voted on is not what is there any more, so the votes count for nothing. Submit it again.",
        "Nothing changed. It can be asked for again.",
    ),
    ApprovalState.WITHDRAWN: (
        "It was taken back before it was decided; the agent stays what it was.",
        "It was taken back before it was decided. Nothing changed.",
    ),
}


def show_seats(approval: Approval) -> list[dict[str, object]]:
    """Each seat of the board: whether it must approve, its vote, and who could give it now."""
    return [_seat(seat, approval) for seat in electorate.seats(approval)]


def _seat(seat: SeatStanding, approval: Approval) -> dict[str, object]:
    pending = approval.state == ApprovalState.PENDING
    waits = "has not voted" if pending else "did not vote"
    return {
        "seat": seat.discipline.label,
        "required": seat.is_required,
        "vote": seat.vote.get_choice_display() if seat.vote else waits,
        "icon": MARKS[VoteChoice(seat.vote.choice)] if seat.vote else "hourglass_empty",
        "colour": LABELS[VoteChoice(seat.vote.choice)] if seat.vote else "default",
        "held": _held(seat),
        "vacant": pending and seat.is_required and seat.vote is None and not seat.is_open,
    }


def _held(seat: SeatStanding) -> str:
    if seat.vote:
        return f"{seat.vote.person} voted"
    holders = ", ".join(str(person) for person in seat.holders)
    barred = ", ".join(f"{person}, who does not vote on this" for person in seat.barred)
    return "; ".join(words for words in (holders, barred) if words) or "Vacant"


def show_barred(approval: Approval) -> list[dict[str, str]]:
    """Who does not vote on it, by name, and why."""
    return [
        {"name": str(row.person) if row.person else row.username, "why": ", ".join(row.reasons)}
        for row in electorate.barred(approval)
    ]


def show_thread(approval: Approval) -> list[dict[str, object]]:
    """The votes in the order of time, each with what was said."""
    votes: list[Vote] = sorted(approval.votes.all(), key=lambda vote: vote.voted_at)
    return [
        {
            "person": vote.person,
            "seat": vote.get_discipline_display(),
            "vote": show_choice(vote, "choice", LABELS),
            "at": show_time(vote.voted_at),
            "comment": show_untrusted(vote.comment, f"{vote.person}, who voted") if vote.comment else "",
            "digest": show_digest(vote.digest),
        }
        for vote in votes
    ]


def show_reason(approval: Approval) -> SafeString | str:
    """Why it ended. The reason of a withdrawal is a person's own words."""
    if approval.state == ApprovalState.WITHDRAWN:
        return show_foreign(approval.reason, "who withdrew it")
    return approval.reason


def show_ending(approval: Approval) -> SafeString:
    """How it ended and what follows, in sentences."""
    dossier, other = FOLLOWS.get(ApprovalState(approval.state), ("", ""))
    follows = dossier if approval.subject == ApprovalSubject.AGENT_VERSION else other
    return format_html("{}. {} {}", approval.get_state_display(), show_reason(approval), follows)
