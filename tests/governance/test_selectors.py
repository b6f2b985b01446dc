"""What waits for whom."""

from datetime import timedelta

import pytest
from django.utils import timezone

from agents.models import Agent, Person
from governance import selectors
from governance.choices import Discipline, VoteChoice
from governance.models import Approval
from governance.services import board
from tests.governance.story import approval_of, cast, request, resource

pytestmark = pytest.mark.django_db


def waiting(person: Person) -> list[Approval]:
    return list(selectors.waiting_for(person))


def test_a_member_sees_what_waits_and_no_longer_what_they_voted_on(
    submitted: Approval, sasha: Person, leo: Person
) -> None:
    assert waiting(sasha) == [submitted]
    cast(sasha, submitted)
    assert waiting(sasha) == []
    assert waiting(leo) == [submitted]


def test_nothing_waits_for_people_who_cannot_vote_on_it(
    submitted: Approval, olivia: Person, daniel: Person, ada: Person, oscar: Person
) -> None:
    assert [waiting(person) for person in (olivia, daniel, ada, oscar)] == [[], [], [], []]


def test_nor_what_is_resolved_or_overdue(
    submitted: Approval, sasha: Person, leo: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = timezone.now() + timedelta(days=15)
    with monkeypatch.context() as patch:
        patch.setattr(timezone, "now", lambda: later)
        assert waiting(leo) == []
    cast(sasha, submitted, VoteChoice.REJECT)
    assert waiting(leo) == []


def test_nor_for_a_member_who_asked_or_became_a_deputy(
    active_analyst: Agent, sasha: Person, leo: Person, olivia: Person
) -> None:
    approval = approval_of(request(olivia, active_analyst, resource()))
    assert waiting(leo) == [approval]
    active_analyst.deputies.add(leo)
    assert waiting(leo) == []
    assert waiting(sasha) == [approval]


def test_nor_for_a_deputy_who_left_and_took_a_seat(submitted: Approval, ada: Person, daniel: Person) -> None:
    submitted.agent.deputies.remove(daniel)
    board.assign_seat(actor=ada, person=daniel, discipline=Discipline.LEGAL)
    assert waiting(daniel) == []


def test_the_tally_says_what_is_missing(submitted: Approval, sasha: Person) -> None:
    cast(sasha, submitted)
    tally = selectors.tally(submitted)
    assert (tally.approvals, tally.missing_people) == (1, 4)
    assert tally.missing_seats == ("compliance", "engineering", "legal", "product")
