"""Nobody approves their own, and nobody twice (promise 5): who may not vote, and tries."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.analyst import provenance
from agents.models import Agent, AgentVersion, Person
from agents.services import people, register
from audits.errors import Conflict, Denied
from governance import selectors
from governance.choices import ApprovalState, Discipline, VoteChoice
from governance.models import Approval, RiskClass, Seat, Vote
from governance.services import approvals, board, dossiers, risk
from tests.conftest import ANSWERS, SETUP
from tests.governance.story import cast, edit, events, tamper, without_triggers
from tests.signing_in import proof

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=30)


@pytest.fixture
def sponsored(analyst: Agent, analyst_version: AgentVersion, olivia: Person, ada: Person) -> Approval:
    """Oscar sponsors it, Ada added the version, Daniel is a deputy, Olivia owns it and asks."""
    oscar = people.add_person(actor=SETUP, username="oscar", first_name="Oscar", last_name="Outsider",
                              email="oscar@example.org", password="x" * 20)  # fmt: skip
    Agent.objects.filter(pk=analyst.pk).update(sponsor=oscar)
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    version = register.add_version(actor=ada, agent=analyst, label="2", provenance=provenance.current())
    return dossiers.submit(actor=olivia, version=version)


@pytest.mark.parametrize("who", ["olivia", "daniel", "oscar", "ada"])
@pytest.mark.parametrize("choice", list(VoteChoice))
def test_owner_deputy_sponsor_and_author_with_a_seat(
    who: str, choice: VoteChoice, sponsored: Approval, ada: Person
) -> None:
    """Whatever they vote: a rejection by the owner's side would hide a request as well as a yes."""
    person = Person.objects.get(username=who)
    board.assign_seat(actor=ada, person=person, discipline=Discipline.LEGAL)
    with pytest.raises(Denied, match="Nobody approves their own"):
        cast(person, sponsored, choice)
    assert not Vote.objects.exists()
    assert len(events("approval.voted", "denied")) == 1


@pytest.mark.parametrize("role", ["deputy", "sponsor", "owner"])
def test_who_became_one_of_them_after_submission(role: str, submitted: Approval, sasha: Person) -> None:
    if role == "deputy":
        submitted.agent.deputies.add(sasha)
    else:
        Agent.objects.filter(pk=submitted.agent_id).update(**{role: sasha})
    with pytest.raises(Denied, match="answer for this agent"):
        cast(sasha, submitted)
    assert not Vote.objects.exists()


def test_who_voted_and_becomes_a_deputy_then_voids_it(
    submitted: Approval, sasha: Person, leo: Person
) -> None:
    cast(sasha, submitted)
    submitted.agent.deputies.add(sasha)
    with pytest.raises(Conflict, match="edited"):
        cast(leo, submitted)


def test_the_requester_from_outside_the_owners_side(
    analyst: Agent, analyst_version: AgentVersion, olivia: Person, ada: Person
) -> None:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    approval = dossiers.submit(actor=ada, version=analyst_version)
    board.assign_seat(actor=ada, person=ada, discipline=Discipline.SECURITY)
    with pytest.raises(Denied):
        cast(ada, approval)


def test_a_second_seat_by_raw_sql_gives_no_second_vote(
    submitted: Approval, sasha: Person, leo: Person
) -> None:
    """Two seats at once, which only a hand in the database gives: one has an end, so no index objects."""
    now = timezone.now()
    Seat.objects.filter(person=leo).update(ends_at=now)
    Seat.objects.create(
        person=sasha,
        discipline=Discipline.LEGAL,
        starts_at=now - timedelta(days=1),
        ends_at=now + timedelta(days=1),
    )
    first = cast(sasha, submitted)
    Seat.objects.filter(person=sasha, discipline=first.discipline).update(ends_at=timezone.now())
    with pytest.raises(Conflict, match="You have voted"):
        cast(sasha, submitted)
    assert Vote.objects.count() == 1
    assert selectors.tally(submitted).approvals == 1


def test_a_seat_that_is_over_or_has_not_begun(submitted: Approval, ada: Person, oscar: Person) -> None:
    now = timezone.now()
    board.assign_seat(
        actor=ada, person=oscar, discipline=Discipline.LEGAL, starts_at=now + timedelta(hours=1)
    )
    with pytest.raises(Denied, match="hold a seat"):
        cast(oscar, submitted)
    Seat.objects.filter(person=oscar).update(starts_at=now - LONG_AGO, ends_at=now - timedelta(seconds=1))
    with pytest.raises(Denied, match="hold a seat"):
        cast(oscar, submitted)
    assert not Vote.objects.exists()


@pytest.mark.parametrize("minutes", [6, 60, 60 * 24])
def test_a_proof_that_is_too_old(minutes: int, submitted: Approval, sasha: Person) -> None:
    with pytest.raises(Denied):
        cast(sasha, submitted, authentication=proof(sasha, minutes=minutes))
    assert not Vote.objects.exists()


def test_no_second_factor(submitted: Approval, sasha: Person, settings: object) -> None:
    settings.MFA = "required"  # type: ignore[attr-defined]
    with pytest.raises(Denied):
        cast(sasha, submitted, authentication=proof(sasha, "pwd"))
    assert not Vote.objects.exists()


def test_the_proof_of_somebody_else(submitted: Approval, sasha: Person, leo: Person) -> None:
    with pytest.raises(Denied):
        cast(sasha, submitted, authentication=proof(leo))
    assert not Vote.objects.exists()


@pytest.mark.parametrize("verb", ["approve", "reject", "abstain", "request_changes"])
def test_an_old_session_is_asked_for_a_fresh_proof(verb: str, submitted: Approval, sasha: Person) -> None:
    client = Client()
    client.force_login(sasha)
    session = client.session
    session["account_authentication_methods"] = []
    session.save()
    url = reverse(f"admin:governance_approval_{verb}", args=[submitted.pk])
    client.post(url, {"_form_submitted": "on", "digest": submitted.digest, "comment": "x"})
    assert not Vote.objects.exists()


def test_four_of_five_and_the_chair(submitted: Approval, ada: Person, members: list[Person]) -> None:
    """The chair is one of the four: their word is no more than theirs."""
    board.appoint_chair(actor=ada, seat=Seat.objects.get(person=members[0]))
    for member in members[:4]:
        cast(member, submitted)
    assert Approval.objects.get().state == ApprovalState.PENDING


def test_the_owner_is_deactivated_while_the_board_votes(
    submitted: Approval, ada: Person, olivia: Person, members: list[Person]
) -> None:
    for member in members[:4]:
        cast(member, submitted)
    people.deactivate(actor=ada.actor, person=olivia)
    with pytest.raises(Conflict):
        cast(members[4], submitted)
    agent = Agent.objects.get(pk=submitted.agent_id)
    assert Approval.objects.get().state != ApprovalState.APPROVED
    assert (agent.active_version, agent.approved_digest) == (None, "")


def test_an_edit_after_the_last_vote(active_analyst: Agent, olivia: Person, members: list[Person]) -> None:
    """It is approved, so nothing is voided; the agent stops writing, and no vote mends it."""
    approval = Approval.objects.get()
    edit(olivia, active_analyst, purpose="More.")
    with pytest.raises(Conflict, match="approved already"):
        approvals.vote(
            actor=members[0],
            approval=approval,
            choice=VoteChoice.APPROVE,
            digest=approval.digest,
            authentication=proof(members[0]),
        )
    assert selectors.approved_dossier(active_analyst) is None


def test_the_quorum_lowered_in_every_place_it_stands(submitted: Approval, sasha: Person) -> None:
    """The class, the frozen rule, and the bytes themselves with their digest: by who lifts the triggers."""
    weak = {"seats": [], "quorum": 1, "veto": False}
    RiskClass.objects.update(quorum=1, seats=["security"])
    forged = submitted.content.replace('"quorum":5', '"quorum":1')
    assert forged != submitted.content
    tamper(Approval.objects.filter(pk=submitted.pk), rule=weak)
    with pytest.raises(Conflict, match="closed"):
        cast(sasha, submitted)
    assert Approval.objects.get().state == ApprovalState.VOIDED


def test_the_bytes_rewritten_under_the_voters(submitted: Approval, sasha: Person) -> None:
    """The page's digest is the old one, the bytes are new: the vote names what was shown."""
    forged = submitted.content.replace('"quorum":5', '"quorum":1')
    tamper(Approval.objects.filter(pk=submitted.pk), content=forged)
    with pytest.raises(Conflict):
        cast(sasha, submitted)
    assert not Vote.objects.exists()


def test_votes_moved_to_another_person_or_seat(active_analyst: Agent, sasha: Person, oscar: Person) -> None:
    """A vote in the name of somebody who held no seat does not carry the approval."""
    with without_triggers():
        Vote.objects.filter(person=sasha).update(person=oscar)
    assert selectors.approved_dossier(active_analyst) is None
