"""A request is resolved exactly once, whoever comes at the same moment (promise 5), on both databases."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents.choices import AgentState
from agents.models import Agent, AgentVersion, Person
from agents.services import people
from audits.errors import Conflict, Denied
from governance import selectors
from governance.choices import ApprovalState, VoteChoice
from governance.models import Approval, Grant, Seat, Vote
from governance.services import approvals, board, dossiers
from tests.epochs import epoch_of
from tests.governance.story import cast, edit, events, storm

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 50
Calls = list[Callable[[], Any]]


def resolutions() -> int:
    return len(events("approval.resolved")) + len(events("approval.withdrawn"))


def only_refused(results: list[Any]) -> None:
    """Whoever was not first is told so; nothing deadlocks, nothing breaks."""
    strange = [
        result for result in results if not isinstance(result, Vote | Approval | Conflict | Denied | int)
    ]
    assert not strange, strange


def voting(member: Person, approval: Approval, choice: VoteChoice = VoteChoice.APPROVE) -> Callable[[], Vote]:
    return lambda: cast(member, approval, choice)


@pytest.mark.parametrize("_again", range(3))
def test_the_final_two_votes_fifty_times_at_once(
    _again: int, submitted: Approval, members: list[Person]
) -> None:
    for member in members[:3]:
        cast(member, submitted)
    results = storm([voting(members[3 + turn % 2], submitted) for turn in range(THREADS)])
    only_refused(results)
    assert sum(isinstance(result, Vote) for result in results) == 2
    assert Vote.objects.count() == 5
    assert resolutions() == 1
    assert Approval.objects.get().state == ApprovalState.APPROVED
    assert Grant.objects.count() == 2
    agent = Agent.objects.get(pk=submitted.agent_id)
    assert (agent.state, epoch_of(agent)) == (AgentState.ACTIVE, 1)
    assert selectors.approved_dossier(agent) is not None


def test_every_vote_at_once(submitted: Approval, members: list[Person]) -> None:
    results = storm([voting(members[turn % 5], submitted) for turn in range(THREADS)])
    only_refused(results)
    assert sum(isinstance(result, Vote) for result in results) == 5
    assert resolutions() == 1
    assert Approval.objects.get().state == ApprovalState.APPROVED


def test_the_last_approval_and_a_veto(submitted: Approval, members: list[Person]) -> None:
    """Two seats are left: one approves, the other rejects, or asks for changes."""
    for member in members[:3]:
        cast(member, submitted)
    calls: Calls = [voting(members[3], submitted), voting(members[4], submitted, VoteChoice.REJECT)]
    calls += [voting(members[4], submitted, VoteChoice.REQUEST_CHANGES)]
    only_refused(storm(calls * 5))
    assert resolutions() == 1
    state = Approval.objects.get().state
    assert state in {ApprovalState.REJECTED, ApprovalState.CHANGES_REQUESTED}
    assert Agent.objects.get().state == AgentState.DRAFT
    assert not Grant.objects.exists()


def test_the_last_vote_and_a_withdrawal(submitted: Approval, members: list[Person], olivia: Person) -> None:
    for member in members[:4]:
        cast(member, submitted)

    def withdraw() -> Approval:
        return approvals.withdraw(actor=olivia, approval=submitted, reason="No.")

    results = storm([voting(members[4], submitted), withdraw] * 8)
    only_refused(results)
    assert resolutions() == 1
    agent, state = Agent.objects.get(), Approval.objects.get().state
    approved = state == ApprovalState.APPROVED
    assert approved == isinstance(next(r for r in results if not isinstance(r, Exception)), Vote)
    assert (agent.state == AgentState.ACTIVE) == approved == Grant.objects.exists()


def test_the_last_vote_and_an_edit(submitted: Approval, members: list[Person], olivia: Person) -> None:
    """Approved and then edited, or edited and so voided: never approved as edited."""
    for member in members[:4]:
        cast(member, submitted)
    storm([voting(members[4], submitted), lambda: edit(olivia, Agent.objects.get(), purpose="More.").slug])
    agent, approval = Agent.objects.get(), Approval.objects.get()
    assert resolutions() == 1
    assert approval.state in {ApprovalState.APPROVED, ApprovalState.VOIDED}
    assert (agent.state == AgentState.ACTIVE) == (approval.state == ApprovalState.APPROVED)
    assert selectors.approved_dossier(agent) is None


def test_the_last_vote_and_the_owner_deactivated(
    submitted: Approval, members: list[Person], ada: Person, olivia: Person
) -> None:
    for member in members[:4]:
        cast(member, submitted)
    storm([voting(members[4], submitted), lambda: people.deactivate(actor=ada.actor, person=olivia)])
    approvals.sweep()
    assert resolutions() == 1
    agent = Agent.objects.select_related("owner").get()
    assert not agent.owner.is_active


def test_the_last_vote_and_the_end_of_its_seat(
    submitted: Approval, members: list[Person], ada: Person
) -> None:
    """Voted in time, or not at all: what is approved is still carried when it is counted again."""
    for member in members[:4]:
        cast(member, submitted)
    seat = Seat.objects.get(person=members[4])
    results = storm([voting(members[4], submitted), lambda: board.end_seat(actor=ada, seat=seat)])
    approval = Approval.objects.get()
    assert (approval.state == ApprovalState.APPROVED) == isinstance(results[0], Vote)
    assert selectors.is_carried(approval) == isinstance(results[0], Vote)


def test_a_vote_while_it_expires(
    submitted: Approval, members: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its time is over for one thread and not for the other; the sweep comes as well."""
    for member in members[:4]:
        cast(member, submitted)
    true_now, late = timezone.now, submitted.expires_at - timezone.now()
    turn = iter(range(10**9))
    monkeypatch.setattr(timezone, "now", lambda: true_now() + (late if next(turn) % 2 else timedelta(0)))
    results = storm([voting(members[4], submitted), approvals.sweep] * 5)
    monkeypatch.undo()
    only_refused(results)
    assert resolutions() == 1
    approved = Approval.objects.get().state == ApprovalState.APPROVED
    assert (Agent.objects.get().state == AgentState.ACTIVE) == approved == Grant.objects.exists()


def test_submitted_twice_at_once(
    submitted: Approval, analyst_version: AgentVersion, olivia: Person, daniel: Person
) -> None:
    approvals.withdraw(actor=olivia, approval=submitted, reason="Again.")
    calls: Calls = [
        lambda: dossiers.submit(actor=olivia, version=analyst_version),
        lambda: dossiers.submit(actor=daniel, version=analyst_version),
    ]
    only_refused(storm(calls * 5))
    assert Approval.objects.filter(state=ApprovalState.PENDING).count() == 1


def test_two_chairs_at_once(ada: Person, sasha: Person, leo: Person, petra: Person) -> None:
    seats = list(Seat.objects.all())
    calls: Calls = [lambda seat=seat: board.appoint_chair(actor=ada, seat=seat) for seat in seats]  # type: ignore[misc]
    results = storm(calls * 4)
    assert all(isinstance(result, Seat | Conflict) for result in results), results
    assert Seat.objects.filter(is_chair=True).count() == 1


def test_one_person_seated_many_times_at_once(ada: Person, oscar: Person) -> None:
    end = timezone.now() + timedelta(days=1)
    results = storm(
        [lambda: board.assign_seat(actor=ada, person=oscar, discipline="legal", ends_at=end)] * 10  # type: ignore[arg-type]
    )
    assert sum(isinstance(result, Seat) for result in results) == 1
    assert Seat.objects.count() == 1
