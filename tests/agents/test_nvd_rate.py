"""The rate limit that all processes share."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from agents import rate
from agents.models import RateLimit
from agents.rate import RateError

INTERVAL = timedelta(seconds=6)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that stands still."""
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def reserve(patience: timedelta = timedelta(hours=1)) -> float:
    return rate.reserve("nvd", interval=INTERVAL, patience=patience)


@pytest.mark.django_db
@pytest.mark.usefixtures("still")
def test_turns_are_one_interval_apart() -> None:
    assert [reserve() for _ in range(4)] == [0, 6, 12, 18]
    assert rate.reserve("other", interval=INTERVAL, patience=INTERVAL) == 0


@pytest.mark.django_db
def test_after_a_pause_there_is_no_burst(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    reserve()
    monkeypatch.setattr(timezone, "now", lambda: NOW + timedelta(hours=1))
    assert [reserve() for _ in range(3)] == [0, 6, 12]


@pytest.mark.django_db
@pytest.mark.usefixtures("still")
def test_no_turn_is_taken_beyond_patience() -> None:
    assert [reserve(timedelta(seconds=6)) for _ in range(2)] == [0, 6]
    for _ in range(2):
        with pytest.raises(RateError, match="12 s away"):
            reserve(timedelta(seconds=6))
    assert reserve() == 12


@pytest.mark.django_db
@pytest.mark.usefixtures("still")
def test_waiting_sleeps_until_the_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    for _ in range(3):
        rate.wait("nvd", interval=INTERVAL, patience=timedelta(hours=1))
    assert slept == [6, 12]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("still")
def test_of_many_at_once_each_gets_a_turn_of_its_own() -> None:
    def take(_: int) -> float:
        try:
            return reserve()
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        taken = sorted(pool.map(take, range(40)))
    assert taken == [6.0 * place for place in range(40)]
    assert RateLimit.objects.get().theoretical_arrival == NOW + 40 * INTERVAL


@pytest.mark.django_db(transaction=True)
def test_it_does_not_sleep_inside_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(RuntimeError):
        reserve()
