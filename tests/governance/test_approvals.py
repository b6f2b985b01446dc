"""Voting: it works, then every way in which it is refused."""

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.analyst import provenance
from agents.choices import AgentState
from agents.models import Agent, AgentVersion, Person
from agents.services import register
from audits.errors import Conflict, Denied, Invalid
from governance.choices import ApprovalState, Discipline, ElevationEnd, ElevationState, VoteChoice
from governance.models import Approval, Grant, Seat, Vote
from governance.services import approvals, board, dossiers
from tests.governance.story import approval_of, cast, describe, edit, events, request, resource
from tests.signing_in import proof

pytestmark = pytest.mark.django_db


def test_a_vote_is_cast_in_the_seat_and_recorded(submitted: Approval, sasha: Person) -> None:
    vote = cast(sasha, submitted, comment=" Read it. ")
    assert (vote.discipline, vote.choice, vote.digest) == ("security", "approve", submitted.digest)
    assert vote.comment == "Read it."
    event = events("approval.voted")[-1]
    assert event.stream == submitted.agent.stream
    assert event.details["digest"] == submitted.digest
    assert event.actor == f"person/{sasha.pk}"


def test_the_last_vote_makes_the_agent_active(submitted: Approval, members: list[Person]) -> None:
    for member in members[:-1]:
        cast(member, submitted)
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.PENDING
    cast(members[-1], submitted)
    submitted.refresh_from_db()
    agent = Agent.objects.get(pk=submitted.agent_id)
    assert submitted.state == ApprovalState.APPROVED
    assert submitted.resolved_at is not None
    assert agent.state == AgentState.ACTIVE
    assert agent.approved_digest == submitted.digest
    assert agent.active_version_id == submitted.subject_id


def test_approval_grants_what_the_manifest_reads_and_no_write(active_analyst: Agent) -> None:
    granted = set(Grant.objects.values_list("action", "resource", "access"))
    assert granted == {
        ("get_vulnerability_info", "endpoint/nvd", "read"),
        ("assess_vulnerability", "endpoint/assessments", "read"),
    }
    assert len(events("grant.added")) == len(granted)


def test_a_rejection_in_a_required_seat_ends_it(submitted: Approval, sasha: Person) -> None:
    cast(sasha, submitted, VoteChoice.REJECT, comment="The purpose is too wide.")
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.REJECTED
    assert "veto" in submitted.reason
    assert Agent.objects.get(pk=submitted.agent_id).state == AgentState.DRAFT


def test_an_abstention_in_a_required_seat_ends_it_as_well(submitted: Approval, leo: Person) -> None:
    cast(leo, submitted, VoteChoice.ABSTAIN)
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.REJECTED
    assert "Legal" in submitted.reason


def test_the_owner_does_not_vote(submitted: Approval, olivia: Person) -> None:
    with pytest.raises(Denied, match="Nobody approves their own"):
        cast(olivia, submitted)
    assert events("approval.voted", "denied")[-1].actor == f"person/{olivia.pk}"
    assert not Vote.objects.exists()


def test_the_owner_does_not_vote_from_a_seat_either(submitted: Approval, ada: Person, olivia: Person) -> None:
    board.assign_seat(actor=ada, person=olivia, discipline=Discipline.SECURITY)
    with pytest.raises(Denied):
        cast(olivia, submitted)


def test_a_deputy_does_not_vote(submitted: Approval, ada: Person, daniel: Person) -> None:
    board.assign_seat(actor=ada, person=daniel, discipline=Discipline.SECURITY)
    with pytest.raises(Denied):
        cast(daniel, submitted)


def test_who_became_a_deputy_since_does_not_vote(submitted: Approval, sasha: Person) -> None:
    submitted.agent.deputies.add(sasha)
    with pytest.raises(Denied, match="you answer for this agent"):
        cast(sasha, submitted)


def test_an_outsider_does_not_vote(submitted: Approval, oscar: Person) -> None:
    with pytest.raises(Denied, match="hold a seat"):
        cast(oscar, submitted)
    assert len(events("approval.voted", "denied")) == 1


def test_an_administrator_without_a_seat_does_not_vote(submitted: Approval, ada: Person) -> None:
    with pytest.raises(Denied, match="hold a seat"):
        cast(ada, submitted)


def test_who_lost_the_seat_does_not_vote(submitted: Approval, ada: Person, sasha: Person) -> None:
    board.end_seat(actor=ada, seat=Seat.objects.get(person=sasha))
    with pytest.raises(Denied, match="hold a seat"):
        cast(sasha, submitted)


def test_a_deactivated_member_does_not_vote(submitted: Approval, sasha: Person) -> None:
    Person.objects.filter(pk=sasha.pk).update(is_active=False)
    with pytest.raises(Denied, match="not active"):
        cast(sasha, submitted)


def test_a_person_votes_once(submitted: Approval, sasha: Person) -> None:
    cast(sasha, submitted)
    with pytest.raises(Conflict, match="not changed"):
        cast(sasha, submitted, VoteChoice.REJECT)
    assert len(events("approval.voted", "failed")) == 1


def test_a_seat_votes_once(submitted: Approval, ada: Person, sasha: Person, oscar: Person) -> None:
    board.assign_seat(actor=ada, person=oscar, discipline=Discipline.SECURITY)
    cast(sasha, submitted)
    with pytest.raises(Conflict, match="The seat Security has voted"):
        cast(oscar, submitted)


def test_a_stale_digest_is_no_vote(submitted: Approval, sasha: Person) -> None:
    with pytest.raises(Conflict, match="read it anew"):
        cast(sasha, submitted, digest="0" * 64)
    assert not Vote.objects.exists()


def test_there_are_four_choices(submitted: Approval, sasha: Person) -> None:
    with pytest.raises(Invalid):
        approvals.vote(
            actor=sasha,
            authentication=proof(sasha),
            approval=submitted,
            choice="maybe",  # type: ignore[arg-type]
            digest=submitted.digest,
        )


def test_a_resolved_request_takes_no_vote(submitted: Approval, sasha: Person, leo: Person) -> None:
    cast(sasha, submitted, VoteChoice.REJECT)
    with pytest.raises(Conflict, match="rejected already"):
        cast(leo, submitted)


def test_an_expired_request_takes_no_vote_and_is_closed(submitted: Approval, sasha: Person) -> None:
    later = submitted.expires_at + timedelta(seconds=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: later)
        with pytest.raises(Conflict, match="in time"):
            cast(sasha, submitted)
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.EXPIRED
    assert Agent.objects.get(pk=submitted.agent_id).state == AgentState.DRAFT


def test_the_sweep_closes_what_nobody_decided(submitted: Approval, monkeypatch: pytest.MonkeyPatch) -> None:
    assert approvals.sweep() == 0
    later = submitted.expires_at + timedelta(seconds=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert approvals.sweep() == 1
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.EXPIRED
    assert approvals.sweep() == 0


def test_asking_for_changes_in_a_required_seat_ends_it(submitted: Approval, leo: Person) -> None:
    cast(leo, submitted, VoteChoice.REQUEST_CHANGES, comment="Name the contract.")
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.CHANGES_REQUESTED
    assert "Legal asks for changes" in submitted.reason
    assert Agent.objects.get(pk=submitted.agent_id).state == AgentState.DRAFT
    assert events("approval.resolved")[-1].details["state"] == "changes_requested"


def test_what_was_mended_is_submitted_and_approved(
    submitted: Approval, olivia: Person, members: list[Person], analyst_version: AgentVersion
) -> None:
    cast(members[0], submitted, VoteChoice.REQUEST_CHANGES, comment="Say who looks.")
    edit(olivia, submitted.agent, monitoring_plan="Olivia looks each morning.")
    again = dossiers.submit(actor=olivia, version=analyst_version)
    for member in members:
        cast(member, again)
    assert Agent.objects.get(pk=submitted.agent_id).approved_digest == again.digest != submitted.digest


@pytest.mark.parametrize("choice", [VoteChoice.REJECT, VoteChoice.REQUEST_CHANGES])
@pytest.mark.parametrize("comment", ["", "  \n"])
def test_whoever_says_no_says_why(
    choice: VoteChoice, comment: str, submitted: Approval, sasha: Person
) -> None:
    with pytest.raises(Invalid) as refused:
        cast(sasha, submitted, choice, comment=comment)
    assert "comment" in refused.value.fields
    assert not Vote.objects.exists()


@pytest.mark.parametrize("choice", [VoteChoice.APPROVE, VoteChoice.ABSTAIN])
def test_others_need_not(choice: VoteChoice, submitted: Approval, sasha: Person) -> None:
    assert cast(sasha, submitted, choice, comment="").comment == ""


@pytest.mark.parametrize("who", ["olivia", "daniel"])
def test_those_who_asked_withdraw_it(
    who: str, submitted: Approval, sasha: Person, request: pytest.FixtureRequest
) -> None:
    cast(sasha, submitted)
    approvals.withdraw(actor=request.getfixturevalue(who), approval=submitted, reason=" Not ready. ")
    submitted.refresh_from_db()
    assert (submitted.state, submitted.reason) == (ApprovalState.WITHDRAWN, "Not ready.")
    assert Agent.objects.get(pk=submitted.agent_id).state == AgentState.DRAFT
    event = events("approval.withdrawn")[-1]
    assert (event.details["state"], event.details["chair"]) == ("withdrawn", False)


def test_the_chair_withdraws_it_and_decides_nothing(submitted: Approval, ada: Person, sasha: Person) -> None:
    board.appoint_chair(actor=ada, seat=Seat.objects.get(person=sasha))
    cast(sasha, submitted)
    with pytest.raises(Conflict, match="not changed"):
        cast(sasha, submitted)
    assert Approval.objects.get().state == ApprovalState.PENDING
    approvals.withdraw(actor=sasha, approval=submitted, reason="Two of these are the same.")
    assert Approval.objects.get().state == ApprovalState.WITHDRAWN
    assert events("approval.withdrawn")[-1].details["chair"] is True


@pytest.mark.parametrize("who", ["sasha", "oscar", "aude", "ada"])
def test_others_do_not_withdraw_it(who: str, submitted: Approval, request: pytest.FixtureRequest) -> None:
    """Another member of the board, an administrator, anybody."""
    with pytest.raises(Denied):
        approvals.withdraw(actor=request.getfixturevalue(who), approval=submitted, reason="No.")
    assert len(events("approval.withdrawn", "denied")) == 1
    assert Approval.objects.get().state == ApprovalState.PENDING


def test_withdrawing_needs_a_reason_and_something_pending(submitted: Approval, olivia: Person) -> None:
    with pytest.raises(Invalid) as refused:
        approvals.withdraw(actor=olivia, approval=submitted, reason=" ")
    assert "reason" in refused.value.fields
    approvals.withdraw(actor=olivia, approval=submitted, reason="Later.")
    with pytest.raises(Conflict, match="withdrawn already"):
        approvals.withdraw(actor=olivia, approval=submitted, reason="Later.")


def test_what_has_expired_is_not_withdrawn(
    submitted: Approval, olivia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = submitted.expires_at + timedelta(seconds=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    with pytest.raises(Conflict, match="in time"):
        approvals.withdraw(actor=olivia, approval=submitted, reason="Later.")
    assert Approval.objects.get().state == ApprovalState.EXPIRED


def test_a_withdrawn_version_of_an_active_agent_leaves_the_old_one_running(
    active_analyst: Agent, olivia: Person
) -> None:
    before = active_analyst.active_version
    newer = register.add_version(
        actor=olivia, agent=active_analyst, label="2", provenance=provenance.current()
    )
    describe(olivia, newer)
    approvals.withdraw(actor=olivia, approval=dossiers.submit(actor=olivia, version=newer), reason="No.")
    active_analyst.refresh_from_db()
    assert (active_analyst.state, active_analyst.active_version) == (AgentState.ACTIVE, before)


def test_a_write_request_is_withdrawn_the_same_way(active_analyst: Agent, olivia: Person) -> None:
    elevation = request(olivia, active_analyst, resource())
    approvals.withdraw(actor=olivia, approval=approval_of(elevation), reason="It was the wrong one.")
    elevation.refresh_from_db()
    assert (elevation.state, elevation.end_reason) == (ElevationState.ENDED, ElevationEnd.WITHDRAWN)
