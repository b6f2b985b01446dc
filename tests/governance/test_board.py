"""Seats on the board."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from agents.models import Person
from audits.errors import Conflict, Denied, Invalid
from governance import selectors
from governance.choices import Discipline
from governance.models import Seat
from governance.services import board
from tests.governance.story import events

pytestmark = pytest.mark.django_db


def test_an_administrator_assigns_a_seat(ada: Person, oscar: Person) -> None:
    seat = board.assign_seat(actor=ada, person=oscar, discipline=Discipline.LEGAL)
    assert selectors.seat_of(oscar) == seat
    event = events("seat.assigned")[-1]
    assert event.stream == "system"
    assert event.details["discipline"] == "legal"


def test_nobody_else_does(olivia: Person, oscar: Person) -> None:
    with pytest.raises(Denied):
        board.assign_seat(actor=olivia, person=oscar, discipline=Discipline.LEGAL)
    assert len(events("seat.assigned", "denied")) == 1
    assert not Seat.objects.exists()


def test_a_person_holds_one_seat(ada: Person, sasha: Person) -> None:
    with pytest.raises(Conflict, match="holds a seat already"):
        board.assign_seat(actor=ada, person=sasha, discipline=Discipline.LEGAL)


def test_the_database_refuses_a_second_open_seat(sasha: Person) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Seat.objects.create(person=sasha, discipline=Discipline.LEGAL, starts_at=timezone.now())


def test_there_are_five_seats(ada: Person, oscar: Person) -> None:
    with pytest.raises(Invalid):
        board.assign_seat(actor=ada, person=oscar, discipline="kitchen")  # type: ignore[arg-type]


def test_a_deactivated_person_gets_no_seat(ada: Person, oscar: Person) -> None:
    Person.objects.filter(pk=oscar.pk).update(is_active=False)
    with pytest.raises(Invalid, match="not active"):
        board.assign_seat(actor=ada, person=oscar, discipline=Discipline.LEGAL)


def test_a_seat_ends_at_once_and_another_can_follow(ada: Person, sasha: Person) -> None:
    board.end_seat(actor=ada, seat=Seat.objects.get(person=sasha))
    assert selectors.seat_of(sasha) is None
    assert len(events("seat.ended")) == 1
    board.assign_seat(actor=ada, person=sasha, discipline=Discipline.LEGAL)


def test_only_an_administrator_ends_a_seat(olivia: Person, sasha: Person) -> None:
    with pytest.raises(Denied):
        board.end_seat(actor=olivia, seat=Seat.objects.get(person=sasha))
    assert selectors.seat_of(sasha) is not None


def test_a_seat_ends_once(ada: Person, sasha: Person) -> None:
    seat = Seat.objects.get(person=sasha)
    board.end_seat(actor=ada, seat=seat)
    with pytest.raises(Conflict):
        board.end_seat(actor=ada, seat=seat)
