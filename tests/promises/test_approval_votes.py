"""Nobody approves their own, and a request is resolved exactly once (promise 5): the attacks."""

import pytest

from agents.analyst import provenance
from agents.choices import AgentState
from agents.models import Agent, Person
from agents.services import register
from audits.errors import Conflict, Denied
from governance import selectors
from governance.choices import ApprovalState, Discipline, VoteChoice
from governance.models import Approval, Grant, RiskClass, Seat, Vote
from governance.services import board, dossiers, risk
from tests.conftest import ANSWERS
from tests.governance.story import cast, events, race, tamper


def state_of(approval: Approval) -> str:
    return Approval.objects.get(pk=approval.pk).state


@pytest.mark.django_db
def test_one_person_in_every_seat_in_turn(submitted: Approval, ada: Person, sasha: Person) -> None:
    cast(sasha, submitted)
    for discipline in (Discipline.LEGAL, Discipline.PRODUCT):
        board.end_seat(actor=ada, seat=Seat.objects.get(person=sasha, ends_at__isnull=True))
        board.assign_seat(actor=ada, person=sasha, discipline=discipline)
        with pytest.raises(Conflict):
            cast(sasha, submitted)
    assert Vote.objects.count() == 1
    assert state_of(submitted) == ApprovalState.PENDING


@pytest.mark.django_db
def test_four_of_five_seats(submitted: Approval, members: list[Person]) -> None:
    for member in members[1:]:
        cast(member, submitted)
    assert state_of(submitted) == ApprovalState.PENDING
    assert Agent.objects.get(pk=submitted.agent_id).state == AgentState.IN_REVIEW
    assert not Grant.objects.exists()


@pytest.mark.django_db
def test_a_veto_after_four_approvals(submitted: Approval, members: list[Person]) -> None:
    for member in members[:-1]:
        cast(member, submitted)
    cast(members[-1], submitted, VoteChoice.REJECT)
    assert state_of(submitted) == ApprovalState.REJECTED
    assert not Grant.objects.exists()


@pytest.mark.django_db
def test_whoever_added_the_version_with_a_seat(
    analyst: Agent, olivia: Person, ada: Person, members: list[Person]
) -> None:
    """An administrator builds it, the owner submits it, and the administrator sits on the board."""
    version = register.add_version(actor=ada, agent=analyst, label="1", provenance=provenance.current())
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    approval = dossiers.submit(actor=olivia, version=version)
    board.assign_seat(actor=ada, person=ada, discipline=Discipline.SECURITY)
    with pytest.raises(Denied):
        cast(ada, approval)
    assert approval not in selectors.waiting_for(ada)
    assert approval in selectors.waiting_for(members[0])


@pytest.mark.django_db
@pytest.mark.parametrize("who", ["olivia", "daniel"])
def test_owner_or_deputy_with_a_seat(
    who: str, submitted: Approval, ada: Person, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(who)
    board.assign_seat(actor=ada, person=person, discipline=Discipline.SECURITY)
    with pytest.raises(Denied):
        cast(person, submitted)
    assert len(events("approval.voted", "denied")) == 1


@pytest.mark.django_db
def test_leaving_the_owners_side_after_submission(submitted: Approval, ada: Person, daniel: Person) -> None:
    submitted.agent.deputies.remove(daniel)
    board.assign_seat(actor=ada, person=daniel, discipline=Discipline.SECURITY)
    with pytest.raises(Denied):
        cast(daniel, submitted)


@pytest.mark.django_db
def test_the_quorum_of_the_class_lowered_after_submission(submitted: Approval, sasha: Person) -> None:
    RiskClass.objects.update(quorum=1, seats=["security"])
    cast(sasha, submitted)
    assert state_of(submitted) == ApprovalState.PENDING


@pytest.mark.django_db
def test_the_frozen_rule_rewritten_by_somebody_who_took_the_triggers_off(
    submitted: Approval, sasha: Person
) -> None:
    tamper(Approval.objects.filter(pk=submitted.pk), rule={"seats": [], "quorum": 1, "veto": False})
    with pytest.raises(Conflict, match="closed"):
        cast(sasha, submitted)
    assert state_of(submitted) == ApprovalState.VOIDED


@pytest.mark.django_db
def test_the_excluded_people_rewritten_the_same_way(submitted: Approval, ada: Person, daniel: Person) -> None:
    board.assign_seat(actor=ada, person=daniel, discipline=Discipline.SECURITY)
    tamper(Approval.objects.filter(pk=submitted.pk), excluded=[])
    submitted.agent.deputies.remove(daniel)
    with pytest.raises(Conflict, match="closed"):
        cast(daniel, submitted)


@pytest.mark.django_db
def test_a_vote_on_another_digest(submitted: Approval, sasha: Person) -> None:
    with pytest.raises(Conflict):
        cast(sasha, submitted, digest=submitted.digest[::-1])
    assert not Vote.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_final_two_votes_at_the_same_moment(submitted: Approval, members: list[Person]) -> None:
    for member in members[:3]:
        cast(member, submitted)
    results = race([lambda voter=voter: cast(voter, submitted) for voter in members[3:]])  # type: ignore[misc]
    assert all(isinstance(result, Vote) for result in results), results
    assert state_of(submitted) == ApprovalState.APPROVED
    assert len(events("approval.resolved")) == 1
    assert Grant.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_approval_and_veto_at_the_same_moment(submitted: Approval, members: list[Person]) -> None:
    for member in members[:4]:
        cast(member, submitted)
    second = members[4]
    choices = [VoteChoice.APPROVE, VoteChoice.REJECT] * 5
    results = race([lambda choice=choice: cast(second, submitted, choice) for choice in choices])  # type: ignore[misc]
    assert sum(isinstance(result, Vote) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 9
    assert len(events("approval.resolved")) == 1
    assert Vote.objects.count() == 5


@pytest.mark.django_db(transaction=True)
def test_the_same_vote_a_dozen_times_at_once(submitted: Approval, sasha: Person) -> None:
    results = race([lambda: cast(sasha, submitted)] * 12)
    assert sum(isinstance(result, Vote) for result in results) == 1
    assert Vote.objects.count() == 1
