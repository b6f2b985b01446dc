"""Exactly N of N: whatever counts, and however many ask at the same moment (S0-11)."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from threading import Barrier, Thread
from uuid import uuid4

import pytest
import redis
from django.conf import LazySettings
from django.test import Client

from agents import rate, rate_redis
from agents.models import Agent, Credential, Person
from agents.rate import RateError
from tests.everything import answers
from tests.governance.story import events, storm
from tests.oauth.client import ask, provisioned

REDIS = "redis://127.0.0.1:6379/12"
THREADS, EACH = 64, 3
HOUR = timedelta(hours=1)


@pytest.fixture
def in_redis(settings: LazySettings) -> Iterator[None]:
    if not answers(6379):
        pytest.skip("Redis on 127.0.0.1:6379 is needed.")
    settings.LIMITER, settings.REDIS_URL = "redis", REDIS
    yield
    client = redis.Redis.from_url(REDIS)
    for key in client.scan_iter(f"{rate_redis.PREFIX}*"):
        client.delete(key)
    client.close()
    rate_redis._script.cache_clear()


def flood(name: str, times: int) -> int:
    """How many of 64 threads' 192 calls are allowed."""

    def call() -> int:
        return sum(rate.allow(name, times=times, window=HOUR) for _ in range(EACH))

    found = storm([call] * THREADS)
    assert all(isinstance(each, int) for each in found), found
    return sum(found)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("times", [1, 50, 191])
def test_in_the_database(times: int) -> None:
    assert flood(str(uuid4()), times) == times
    assert flood(str(uuid4()), THREADS * EACH) == THREADS * EACH


@pytest.mark.redis
@pytest.mark.usefixtures("in_redis")
@pytest.mark.parametrize("times", [1, 50, 191])
def test_in_redis(times: int) -> None:
    """Without any database."""
    name, together = str(uuid4()), Barrier(THREADS)
    found: list[bool] = []

    def run() -> None:
        together.wait()
        found.extend(rate.allow(name, times=times, window=HOUR) for _ in range(EACH))

    threads = [Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(found), sum(found)) == (THREADS * EACH, times)


def _in_the_database(name: str) -> bool:
    return rate.allow(name, times=3, window=timedelta(seconds=3))


@pytest.mark.redis
@pytest.mark.django_db
@pytest.mark.parametrize("name", ["one", "x" * 90, "tokens/\u00e9 '; DROP"])
def test_both_count_alike(settings: LazySettings, in_redis: None, name: str) -> None:
    named = f"{name}{uuid4().hex[:8]}"
    counts: list[list[bool]] = []
    for where in ("redis", "database"):
        settings.LIMITER = where
        counts.append([_in_the_database(named) for _ in range(5)])
    assert counts == [[True] * 3 + [False] * 2] * 2


@pytest.mark.redis
@pytest.mark.usefixtures("in_redis")
def test_what_is_over_leaves_nothing_behind() -> None:
    name = str(uuid4())
    assert rate.allow(name, times=10, window=timedelta(seconds=1))
    client = redis.Redis.from_url(REDIS)
    assert 0 < client.pttl(f"{rate_redis.PREFIX}{name}") <= 100
    client.close()


@pytest.mark.django_db
def test_where_redis_does_not_answer_nothing_is_issued(
    settings: LazySettings, client: Client, olivia: Person, active_analyst: Agent
) -> None:
    copy = provisioned(olivia, active_analyst)
    settings.LIMITER, settings.REDIS_URL = "redis", "redis://127.0.0.1:1/0"
    with pytest.raises(RateError, match="does not answer"):
        rate.allow("anything", times=1, window=HOUR)
    answer = ask(client, copy)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert not Credential.objects.exists()
    assert events("token.refused", "denied")


@pytest.mark.django_db(transaction=True)
def test_a_flood_of_requests_gets_so_many_tokens(
    settings: LazySettings, olivia: Person, active_analyst: Agent
) -> None:
    """Over HTTP, each in a thread of its own: 64 ask, seven get one."""
    settings.TOKENS_PER_MINUTE = 7
    copy = provisioned(olivia, active_analyst)
    calls: list[Callable[[], int]] = [
        lambda: ask(Client(raise_request_exception=False), copy).status_code
    ] * THREADS
    found = storm(calls)
    assert sorted(found) == [200] * 7 + [429] * (THREADS - 7)
    assert Credential.objects.count() == 7


@pytest.mark.django_db(transaction=True)
def test_of_any_number_at_once_no_more_live_than_there_may_be(
    settings: LazySettings, olivia: Person, active_analyst: Agent
) -> None:
    settings.LIVE_TOKENS = 5
    copy = provisioned(olivia, active_analyst)
    found = storm([lambda: ask(Client(raise_request_exception=False), copy).status_code] * THREADS)
    assert sorted(found) == [200] * 5 + [429] * (THREADS - 5)
    assert Credential.objects.count() == 5
