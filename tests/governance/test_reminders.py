"""Those who have not voted are reminded: in time, once, and on record."""

from collections.abc import Callable
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Agent, Notification, Person
from governance.choices import VoteChoice
from governance.models import Approval
from governance.services import approvals, reminders
from tests.governance.story import approval_of, cast, events, race, resource
from tests.governance.story import request as ask


@pytest.fixture
def at() -> Callable[[datetime], int]:
    """Sweep as if it were that moment; how many reminders were given."""

    def sweep(moment: datetime) -> int:
        with patch.object(reminders, "timezone") as clock:
            clock.now.return_value = moment
            return reminders.sweep()

    return sweep


Sweep = Callable[[datetime], int]


def reminded(person: Person) -> list[str]:
    rows = Notification.objects.filter(person=person, kind="approval_reminded").order_by("pk")
    return list(rows.values_list("title", flat=True))


def test_a_dossier_has_two_reminders_each_once(
    members: list[Person], submitted: Approval, at: Sweep, olivia: Person
) -> None:
    asked, expires = submitted.requested_at, submitted.expires_at
    half, last = asked + (expires - asked) / 2, expires - timedelta(hours=24)
    assert at(half - timedelta(seconds=1)) == 0
    cast(members[0], submitted)
    assert (at(half), at(half), at(last - timedelta(seconds=1))) == (1, 0, 0)
    cast(members[1], submitted)
    assert (at(last), at(expires - timedelta(seconds=1)), at(expires)) == (1, 0, 0)
    subject = "the dossier of vulnerability-analyst"
    first, second = f"Your vote is missing on {subject}", f"Last reminder: your vote is missing on {subject}"
    assert [reminded(member) for member in members] == [[], [first], *[[first, second]] * 3]
    assert reminded(olivia) == []
    told = Notification.objects.filter(kind="approval_reminded").first()
    assert told
    assert (told.due_at, told.asked_by) == (expires, olivia)


def test_a_reminder_is_one_event_that_says_who(members: list[Person], submitted: Approval, at: Sweep) -> None:
    cast(members[0], submitted)
    at(submitted.expires_at - timedelta(hours=30))
    [event] = events("approval.reminded")
    assert event.object == f"approval/{submitted.pk}"
    assert event.details["people"] == sorted(f"person/{member.pk}" for member in members[1:])
    assert (event.details["reminder"], event.details["last"]) == (1, False)
    submitted.refresh_from_db()
    assert submitted.reminders == 1


def test_after_a_pause_only_the_newest_reminder_comes(submitted: Approval, sasha: Person, at: Sweep) -> None:
    assert at(submitted.expires_at - timedelta(hours=1)) == 1
    assert len(reminded(sasha)) == 1
    assert reminded(sasha)[0].startswith("Last reminder")


def test_a_write_elevation_has_one_at_half_of_its_time(
    active_analyst: Agent, olivia: Person, sasha: Person, at: Sweep
) -> None:
    approval = approval_of(ask(olivia, active_analyst, resource()))
    half = approval.requested_at + (approval.expires_at - approval.requested_at) / 2
    assert (at(half - timedelta(seconds=1)), at(half), at(approval.expires_at - timedelta(seconds=1))) == (
        0,
        1,
        0,
    )
    assert reminded(sasha) == ["Your vote is missing on a write elevation for vulnerability-analyst"]


def test_nobody_is_reminded_of_what_is_closed(members: list[Person], submitted: Approval, at: Sweep) -> None:
    half = submitted.expires_at - timedelta(days=6)
    at(half)
    cast(members[0], submitted, VoteChoice.REJECT)
    assert at(submitted.expires_at - timedelta(hours=1)) == 0
    assert not Notification.objects.filter(kind="approval_reminded", read_at__isnull=True).exists()


def test_where_nobody_is_left_to_ask_nothing_is_recorded(submitted: Approval, at: Sweep) -> None:
    assert at(submitted.expires_at - timedelta(hours=1)) == 0
    assert events("approval.reminded") == []


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_the_same_moment_remind_once(members: list[Person], submitted: Approval) -> None:
    with patch.object(reminders, "timezone") as clock:
        clock.now.return_value = submitted.expires_at - timedelta(hours=30)
        given = race([reminders.sweep] * 6)
    assert sum(given) == 1
    assert len(events("approval.reminded")) == 1
    assert all(len(reminded(member)) == 1 for member in members)


@given(hours=st.integers(1, 24 * 365), percent=st.integers(1, 99), last=st.integers(1, 720))
def test_reminders_lie_in_order_before_the_end(hours: int, percent: int, last: int) -> None:
    asked = timezone.now()
    approval = Approval(requested_at=asked, expires_at=asked + timedelta(hours=hours))
    with patch.object(reminders, "settings") as settings:
        settings.REMIND_AT_PERCENT, settings.REMIND_LAST_HOURS = percent, last
        moments = reminders.moments(approval)
    assert 1 <= len(moments) <= 2
    assert moments == sorted(moments)
    assert asked < moments[0]
    assert moments[-1] < approval.expires_at


def test_the_votes_still_decide_after_a_reminder(
    members: list[Person], submitted: Approval, at: Sweep
) -> None:
    at(submitted.expires_at - timedelta(hours=1))
    assert approvals.sweep() == 0
    for member in members:
        submitted.refresh_from_db()
        cast(member, submitted)
    submitted.refresh_from_db()
    assert submitted.state == "approved"
