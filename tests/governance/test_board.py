"""Seats on the board."""

from datetime import timedelta

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


def test_a_seat_from_a_day_to_a_day(ada: Person, oscar: Person) -> None:
    now = timezone.now()
    seat = board.assign_seat(
        actor=ada,
        person=oscar,
        discipline=Discipline.LEGAL,
        starts_at=now + timedelta(days=1),
        ends_at=now + timedelta(days=3),
    )
    held = [
        selectors.current_seats(now + timedelta(days=day)).filter(pk=seat.pk).exists() for day in range(5)
    ]
    assert held == [False, True, True, False, False]
    assert selectors.seat_of(oscar) is None


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [(-1, 5, "starts_at"), (2, 1, "ends_at"), (None, -1, "ends_at"), (1, 1, "ends_at")],
)
def test_no_seat_for_a_time_that_is_over_or_none(
    start: int | None, end: int, field: str, ada: Person, oscar: Person
) -> None:
    now = timezone.now()
    with pytest.raises(Invalid) as refused:
        board.assign_seat(
            actor=ada,
            person=oscar,
            discipline=Discipline.LEGAL,
            starts_at=None if start is None else now + timedelta(days=start),
            ends_at=now + timedelta(days=end),
        )
    assert field in refused.value.fields
    assert not Seat.objects.exists()


@pytest.mark.parametrize(("start", "end"), [(0, None), (2, 3), (4, None), (0, 9), (3, 4)])
def test_seats_of_a_person_do_not_overlap(start: int, end: int | None, ada: Person, oscar: Person) -> None:
    now = timezone.now() + timedelta(hours=1)

    def assign(begins: int, ends: int | None) -> Seat:
        return board.assign_seat(
            actor=ada,
            person=oscar,
            discipline=Discipline.LEGAL,
            starts_at=now + timedelta(days=begins),
            ends_at=None if ends is None else now + timedelta(days=ends),
        )

    assign(1, 5)
    with pytest.raises(Conflict, match="holds a seat already"):
        assign(start, end)
    assert assign(5, None).starts_at == now + timedelta(days=5)


def test_a_seat_that_has_not_begun_never_begins(ada: Person, oscar: Person) -> None:
    later = timezone.now() + timedelta(days=1)
    seat = board.assign_seat(actor=ada, person=oscar, discipline=Discipline.LEGAL, starts_at=later)
    board.end_seat(actor=ada, seat=seat)
    assert not selectors.current_seats(later).exists()
    assert not selectors.current_seats(later + timedelta(days=1)).exists()
    with pytest.raises(Conflict, match="ended already"):
        board.end_seat(actor=ada, seat=seat)


def test_one_seat_chairs_the_board_and_hands_over(ada: Person, sasha: Person, leo: Person) -> None:
    seats = {seat.person_id: seat for seat in Seat.objects.all()}
    board.appoint_chair(actor=ada, seat=seats[sasha.pk])
    board.appoint_chair(actor=ada, seat=seats[leo.pk])
    chair = selectors.chair()
    assert chair is not None
    assert chair.person == leo
    event = events("seat.chair_assigned")[-1]
    assert event.details["before"] == [f"seat/{seats[sasha.pk].pk}"]
    with pytest.raises(Conflict, match="already"):
        board.appoint_chair(actor=ada, seat=seats[leo.pk])


def test_the_chair_ends_with_the_seat(ada: Person, sasha: Person) -> None:
    seat = board.appoint_chair(actor=ada, seat=Seat.objects.get(person=sasha))
    board.end_seat(actor=ada, seat=seat)
    assert selectors.chair() is None
    with pytest.raises(Conflict, match="Nobody holds"):
        board.appoint_chair(actor=ada, seat=seat)


def test_only_administrators_appoint_a_chair(sasha: Person) -> None:
    with pytest.raises(Denied):
        board.appoint_chair(actor=sasha, seat=Seat.objects.get(person=sasha))
    assert len(events("seat.chair_assigned", "denied")) == 1


def test_the_database_refuses_a_second_chair(sasha: Person, leo: Person) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Seat.objects.update(is_chair=True)


def test_who_chaired_until_their_seat_ran_out_hands_over(ada: Person, oscar: Person, leo: Person) -> None:
    end = timezone.now() + timedelta(hours=1)
    first = board.assign_seat(actor=ada, person=oscar, discipline=Discipline.LEGAL, ends_at=end)
    board.appoint_chair(actor=ada, seat=first)
    Seat.objects.filter(pk=first.pk).update(
        starts_at=end - timedelta(hours=3), ends_at=end - timedelta(hours=2)
    )
    assert selectors.chair() is None
    board.appoint_chair(actor=ada, seat=Seat.objects.get(person=leo))
    assert list(Seat.objects.filter(is_chair=True).values_list("person__username", flat=True)) == ["leo"]
