"""Voting on what people were asked, and resolving it exactly once (promises 4 and 5)."""

from datetime import datetime
from typing import Protocol

from django.db import transaction
from django.utils import timezone

from agents.authentication import Authentication
from agents.models import Agent, Person
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import ledger
from audits.services.attempts import attempt, refuse
from governance import permissions, selectors
from governance.choices import ApprovalState, ApprovalSubject, VoteChoice
from governance.models import Approval, Seat, Vote
from governance.services import dossiers, elevations, kills, locks, requests, risk_overrides, telling
from governance.services.actors import BOARD


class Subject(Protocol):
    """What an approval can be about. Every function runs with the agent and the approval locked."""

    def changed(self, approval: Approval, agent: Agent) -> str | None: ...
    def approved(self, approval: Approval, agent: Agent) -> None: ...
    def refused(self, approval: Approval, agent: Agent, state: ApprovalState) -> None: ...


SUBJECTS: dict[str, Subject] = {
    ApprovalSubject.AGENT_VERSION: dossiers,
    ApprovalSubject.ELEVATION: elevations,
    ApprovalSubject.RISK_OVERRIDE: risk_overrides,
    ApprovalSubject.KILL: kills,
}

NEEDS_COMMENT = frozenset({VoteChoice.REJECT, VoteChoice.REQUEST_CHANGES})


def vote(
    *,
    actor: Person,
    approval: Approval,
    choice: VoteChoice,
    digest: str,
    authentication: Authentication,
    comment: str = "",
    revision: int | None = None,
) -> Vote:
    """Cast one vote, in the seat that the actor holds now, on the digest and the revision they were shown.

    Only a write elevation has revisions that have to be said; everything else has one.

    `authentication` says when and how the actor proved who they are; it is recorded with the vote.

    The vote that completes the quorum, or makes it impossible, resolves the request and carries out
    what follows from it in the same transaction. A request that has expired, or whose content has been
    edited since, is closed instead of being voted on.

    Raises:
        Denied: the actor asked for it, answers for the agent, or holds no seat; or the sign-in is too
            old, or lacks the second factor; recorded.
        Conflict: it is resolved, expired or voided; another digest; the person or the seat has voted.
        Invalid: there is no such choice, or it needs a comment and has none.
    """
    _check_vote(choice, comment)
    with attempt(
        action=Action.APPROVAL_VOTED,
        actor=actor.actor,
        stream=approval.agent.stream,
        object=f"approval/{approval.pk}",
    ):
        agent = locks.agent(approval.agent_id)
        current = locks.approval(approval.pk)
        current.agent = agent
        voter = Person.objects.get(pk=actor.pk)
        seat, at = _may_vote(voter, current, digest, revision)
        refuse(permissions.against_voting_with(voter, authentication))
        lapsed = _lapse(current, agent)
        if not lapsed:
            cast = _cast(
                actor=actor,
                approval=current,
                seat=seat,
                choice=VoteChoice(choice),
                comment=comment,
                authentication=authentication,
                at=at,
            )
            telling.voted(approval=current, person=voter)
            _resolve(current, agent)
    if lapsed:
        raise Conflict(f"This request is closed: {lapsed}")
    return cast


def withdraw(*, actor: Person, approval: Approval, reason: str) -> Approval:
    """Take a pending request back, undecided: by the board's chair, or by those who asked (S1-2).

    The agent is what it was before it was submitted. A chair decides nothing by this, and has one vote
    like every other seat.

    Raises:
        Denied: the actor neither chairs the board nor is on the side that asked; recorded.
        Invalid: no reason is given.
        Conflict: it is resolved, or can no longer be decided: then it is closed for that.
    """
    if not reason.strip():
        raise Invalid("Say why it is withdrawn.", fields={"reason": "must not be empty"})
    with attempt(
        action=Action.APPROVAL_WITHDRAWN,
        actor=actor.actor,
        stream=approval.agent.stream,
        object=f"approval/{approval.pk}",
    ):
        agent = locks.agent(approval.agent_id)
        current = locks.approval(approval.pk)
        current.agent = agent
        person = Person.objects.get(pk=actor.pk)
        seat = selectors.seat_of(person)
        refuse(permissions.against_withdrawing(person, current, seat))
        _require_pending(current)
        lapsed = _lapse(current, agent)
        if not lapsed:
            requests.close(
                actor=actor.actor,
                approval=current,
                state=ApprovalState.WITHDRAWN,
                reason=reason.strip(),
                by={"chair": seat is not None and seat.is_chair},
            )
            SUBJECTS[current.subject].refused(current, agent, ApprovalState.WITHDRAWN)
    if lapsed:
        raise Conflict(f"This request is closed: {lapsed}")
    return current


def reconsider(*, agent: Agent) -> int:
    """Close what is pending for an agent and can no longer be decided, now that it was edited.

    Must run inside the transaction of the edit, with the agent locked. Returns how many were closed.
    """
    pending = Approval.objects.filter(agent=agent, state=ApprovalState.PENDING).order_by("pk")
    closed = 0
    for approval_id in pending.values_list("pk", flat=True):
        current = locks.approval(approval_id)
        current.agent = agent
        closed += bool(_lapse(current, agent))
    return closed


def sweep() -> int:
    """Close pending requests that can no longer be decided: overdue, without an owner, edited since.

    Returns how many were closed.
    """
    closed = 0
    for approval in Approval.objects.filter(state=ApprovalState.PENDING):
        with transaction.atomic():
            agent = locks.agent(approval.agent_id)
            current = locks.approval(approval.pk)
            current.agent = agent
            if current.state == ApprovalState.PENDING and _lapse(current, agent):
                closed += 1
    return closed


def _may_vote(actor: Person, approval: Approval, digest: str, revision: int | None) -> tuple[Seat, datetime]:
    """The seat that the vote is cast in, and the moment at which it is held.

    Raises:
        Denied, Conflict: as `vote` says.
    """
    seat, at = locks.seat_of(actor)
    refuse(permissions.against_voting(actor, approval, seat))
    _require_pending(approval)
    said = approval.revision if approval.subject != ApprovalSubject.ELEVATION else revision
    if digest != approval.digest or said != approval.revision:
        raise Conflict("What you were shown is not what is asked. Open the page again and read it anew.")
    if approval.votes.filter(person=actor).exists():
        raise Conflict("You have voted on this already. A vote is not changed.")
    assert seat is not None  # noqa: S101 - against_voting refuses people without a seat
    if approval.votes.filter(discipline=seat.discipline).exists():
        raise Conflict(f"The seat {seat.get_discipline_display()} has voted on this already.")
    return seat, at


def _check_vote(choice: str, comment: str) -> None:
    if choice not in VoteChoice.values:
        words = "Approve, reject, abstain or ask for changes."
        raise Invalid("There is no such choice.", fields={"choice": words})
    if choice in NEEDS_COMMENT and not comment.strip():
        raise Invalid(
            "Say why: whoever asked has to know what to mend.",
            fields={"comment": "must not be empty for this vote"},
        )


def _require_pending(approval: Approval) -> None:
    if approval.state != ApprovalState.PENDING:
        raise Conflict(f"This request is {approval.get_state_display().lower()} already.")


def _cast(
    *,
    actor: Person,
    approval: Approval,
    seat: Seat,
    choice: VoteChoice,
    comment: str,
    authentication: Authentication,
    at: datetime,
) -> Vote:
    cast = Vote.objects.create(
        approval=approval,
        person=actor,
        discipline=seat.discipline,
        choice=choice,
        comment=comment.strip(),
        digest=approval.digest,
        voted_at=at,
    )
    ledger.record(
        stream=approval.agent.stream,
        action=Action.APPROVAL_VOTED,
        actor=actor.actor,
        object=f"approval/{approval.pk}",
        body={
            "vote": str(cast.pk),
            "discipline": seat.discipline,
            "choice": choice.value,
            "comment": cast.comment,
            "digest": approval.digest,
            "revision": approval.revision,
            "authentication": authentication.evidence,
        },
    )
    return cast


def _lapse(approval: Approval, agent: Agent) -> str | None:
    """Close a request that can no longer be decided, and say why; None where it can."""
    if approval.expires_at <= timezone.now():
        state, reason = ApprovalState.EXPIRED, "Nobody decided in time."
    elif changed := SUBJECTS[approval.subject].changed(approval, agent):
        state, reason = ApprovalState.VOIDED, changed
    else:
        return None
    requests.close(actor=BOARD, approval=approval, state=state, reason=reason)
    SUBJECTS[approval.subject].refused(approval, agent, state)
    return reason


def _resolve(approval: Approval, agent: Agent) -> None:
    """Carry out what the votes decided, if they have decided."""
    tally = selectors.tally(approval)
    if tally.state == ApprovalState.PENDING:
        return
    requests.close(actor=BOARD, approval=approval, state=tally.state, reason=tally.reason)
    subject = SUBJECTS[approval.subject]
    if tally.state == ApprovalState.APPROVED:
        subject.approved(approval, agent)
    else:
        subject.refused(approval, agent, tally.state)
