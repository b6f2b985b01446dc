"""Who waits for news is woken by it, nobody misses any, and the server keeps its threads."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connections

from governance.revocation_watch import watch
from tests.feed.points import Follower, end, settle
from tests.governance.story import race

pytestmark = pytest.mark.django_db(transaction=True)
WAIT = 20


@pytest.fixture(autouse=True)
def _nobody_is_left_waiting() -> Iterator[None]:
    yield
    settle()


class Waiting(threading.Thread):
    """One long poll."""

    def __init__(self, follower: Follower, since: int = 0, wait: int = WAIT) -> None:
        super().__init__()
        self._follower, self._asked = follower, (since, wait)
        self.page: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.page = self._follower.read(*self._asked)
        finally:
            connections.close_all()

    def answered(self) -> Any:
        """The answer, which must have come before its time was over."""
        self.join(WAIT - 2)
        assert not self.is_alive()
        return self.page


def until_waiting(number: int = 1) -> None:
    end_of_patience = time.monotonic() + WAIT - 5
    while watch._waiting < number:
        assert time.monotonic() < end_of_patience
        time.sleep(0.01)


def test_who_waits_is_woken() -> None:
    waiting = Waiting(Follower())
    until_waiting()
    number = end("some-agent")
    page = waiting.answered()
    assert [row["number"] for row in page["revocations"]] == [number]
    assert page["ask_again_in"] == 0


def test_what_ended_before_is_not_waited_for() -> None:
    number = end("some-agent")
    assert Waiting(Follower()).answered()["next"] == number


def test_nothing_ends_and_the_wait_does() -> None:
    assert Waiting(Follower(), wait=1).answered()["revocations"] == []


def test_where_there_is_no_room_the_answer_comes_at_once(settings: LazySettings) -> None:
    settings.FEED_WAITERS = 1
    first = Waiting(Follower("first"))
    until_waiting()
    second = Waiting(Follower("second")).answered()
    assert (second["revocations"], second["ask_again_in"]) == ([], 0.15)
    assert first.is_alive()
    end("some-agent")
    first.answered()


def test_a_watch_that_fails_sends_everybody_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> object:
        raise OSError("The disk is gone.")

    monkeypatch.setattr("governance.revocation_watch._version", broken)
    assert Waiting(Follower()).answered()["revocations"] == []


def test_nobody_misses_a_number_while_many_end_at_once() -> None:
    """Followers read on from what they have seen, while writers commit in any order (both databases)."""
    writers, each = 6, 5
    total = writers * each

    def write(writer: int) -> None:
        for number in range(each):
            end(f"agent-{writer}-{number}")

    def follow(follower: Follower) -> list[int]:
        seen: list[int] = []
        while len(seen) < total:
            page = follower.read(since=seen[-1] if seen else 0, wait=5)
            assert page["revocations"], "It missed one, or waits for nothing."
            seen += [row["number"] for row in page["revocations"]]
            assert page["next"] == seen[-1]
        return seen

    followers = [Follower("one"), Follower("two")]
    calls: list[Any] = [lambda writer=writer: write(writer) for writer in range(writers)]
    results = race([*calls, *(lambda each=each: follow(each) for each in followers)])
    assert results == [None] * writers + [list(range(1, total + 1))] * 2
