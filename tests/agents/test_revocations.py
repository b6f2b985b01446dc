"""The one order of revocations: who is cut off, what the database refuses, and what a reader sees (S1-10)."""

from itertools import count
from threading import Event as Flag

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.choices import RevocationLevel as Level
from agents.choices import RevocationReason as Reason
from agents.models import Agent, Revocation
from agents.services import revocations
from agents.services.revocations import ALL, Scope
from tests.epochs import epoch_of
from tests.governance.story import storm

pytestmark = pytest.mark.django_db

NAMES = st.sampled_from(["a", "b"])
SCOPES = st.builds(
    Scope,
    agent=NAMES,
    owner=NAMES,
    instance=NAMES | st.just(""),
    elevation=NAMES | st.just(""),
    delegation=NAMES | st.just(""),
    keys=st.lists(NAMES, max_size=2, unique=True).map(tuple),
)
BUMPS = st.tuples(st.sampled_from(Level), NAMES).map(
    lambda bump: (bump[0], ALL if bump[0] == Level.EVERYTHING else bump[1])
)


def revoke(level: Level = Level.AGENT, subject: str = "a") -> Revocation:
    with transaction.atomic():
        return revocations.revoke(level=level, subject=subject, reason=Reason.ENDED)


def by_brute_force(history: list[tuple[Level, str]], scope: Scope) -> int:
    """The place of the last one that touches the scope, looked at one by one."""
    last = 0
    for place, (level, subject) in enumerate(history, start=1):
        touched = {
            Level.EVERYTHING: True,
            Level.OWNER: subject == scope.owner,
            Level.AGENT: subject == scope.agent,
            Level.INSTANCE: subject == scope.instance,
            Level.ELEVATION: subject == scope.elevation,
            Level.DELEGATION: subject == scope.delegation,
            Level.KEY: subject in scope.keys,
        }[level]
        last = place if touched else last
    return last


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(BUMPS, max_size=8), scopes=st.lists(SCOPES, min_size=1, max_size=4), waiting=BUMPS)
def test_the_cut_off_is_the_newest_of_every_level(
    history: list[tuple[Level, str]], scopes: list[Scope], waiting: tuple[Level, str]
) -> None:
    """Whatever ends, at whichever level and in whichever order: never one level, always the maximum."""
    with transaction.atomic():
        for level, subject in history:
            revoke(level, subject)
            revocations.number()
        for scope in scopes:
            cut = by_brute_force(history, scope)
            assert revocations.cut_off(scope) == cut
            for epoch in range(len(history) + 2):
                expected = cut <= epoch <= len(history)
                assert revocations.is_good(epoch=epoch, scope=scope) == expected
        revoke(*waiting)  # in force before it has a number
        for scope in scopes:
            touched = by_brute_force([*history, waiting], scope) > len(history)
            good = revocations.is_good(epoch=len(history), scope=scope)
            assert good == (not touched)
        transaction.set_rollback(True)


@pytest.mark.parametrize("epoch", [None, "1", True, -1, 1.0, 2**63, 2**200, [1]])
def test_what_is_no_epoch_is_refused(epoch: object) -> None:
    revoke()
    assert revocations.current() == 1
    assert revocations.is_good(epoch=1, scope=Scope("b", "c"))
    assert not revocations.is_good(epoch=epoch, scope=Scope("b", "c"))


def test_an_epoch_belongs_to_one_agent(active_analyst: Agent) -> None:
    before = epoch_of(active_analyst)
    revoke(Level.AGENT, "another")
    assert epoch_of(active_analyst) == before
    revoke(Level.OWNER, str(active_analyst.owner_id))
    assert epoch_of(active_analyst) == before + 2


def test_a_revocation_belongs_into_a_transaction(transactional_db: None) -> None:
    with pytest.raises(RuntimeError, match="transaction"):
        revocations.revoke(level=Level.EVERYTHING, subject=ALL, reason=Reason.CONTAINED)


# --- What the database refuses --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change", [{"number": 3}, {"number": 1}, {"number": None}, {"subject": "b"}, {"reason": "killed"}]
)
def test_a_numbered_revocation_does_not_change(change: dict[str, object]) -> None:
    revoke()
    revoke()
    revocations.number()
    with pytest.raises(DatabaseError, match=r"never taken back|in order"), transaction.atomic():
        Revocation.objects.filter(number=2).update(**change)


@pytest.mark.parametrize("number", [0, 1, 3, 2**40])
def test_numbers_neither_fall_nor_leap(number: int) -> None:
    revoke()
    revocations.number()
    row = revoke()
    with pytest.raises(DatabaseError), transaction.atomic():
        Revocation.objects.filter(pk=row.pk).update(number=number)
    with pytest.raises(DatabaseError), transaction.atomic():
        Revocation.objects.create(number=number, level=Level.AGENT, subject="a", reason=Reason.ENDED)
    Revocation.objects.filter(pk=row.pk).update(number=2)


def test_one_that_waits_keeps_what_it_says() -> None:
    row = revoke()
    with pytest.raises(DatabaseError, match="never taken back"), transaction.atomic():
        Revocation.objects.filter(pk=row.pk).update(subject="b")


def test_a_revocation_is_not_deleted() -> None:
    revoke()
    with pytest.raises(DatabaseError, match="never taken back"), transaction.atomic():
        Revocation.objects.all()._raw_delete("default")


def test_one_does_not_replace_another() -> None:
    row = revoke()
    verb = "INSERT OR REPLACE" if connection.vendor == "sqlite" else "INSERT"
    columns = "id, number, level, subject, reason, at"
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"{verb} INTO agents_revocation ({columns}) SELECT id, number, level, 'b', reason, at "  # noqa: S608
            "FROM agents_revocation"
        )
    assert Revocation.objects.get().subject == row.subject


# --- At the same moment ---------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_reader_that_pages_sees_each_exactly_once() -> None:
    """Many revoke at once, some in one transaction, some in vain; the reader is there all the time."""
    writers, each = 8, 6
    done, seen, running = Flag(), list[int](), count(1)

    def write() -> None:
        for turn in range(each):
            with transaction.atomic():
                revocations.revoke(level=Level.AGENT, subject="a", reason=Reason.ENDED)
                revocations.revoke(level=Level.OWNER, subject="b", reason=Reason.ENDED)
                transaction.set_rollback(turn % 3 == 2)
        if next(running) == writers:
            done.set()

    def read() -> None:
        last = 0
        while True:
            finished = done.is_set()
            page = revocations.since(last, limit=3)
            seen.extend(row.number or 0 for row in page)
            last = seen[-1] if seen else 0
            if finished and not page:
                return

    assert storm([read, *[write] * writers]) == [None] * (writers + 1)
    assert seen == list(range(1, 1 + writers * 4 * 2))
    assert not Revocation.objects.filter(number__isnull=True).exists()


@pytest.mark.django_db(transaction=True)
def test_who_commits_later_gets_a_higher_number() -> None:
    """The slow transaction writes first and commits last: nobody who saw the other one misses it."""
    written, others = Flag(), Flag()
    in_turns = connection.vendor == "sqlite"  # One writer at a time: the quick one waits for the slow one.

    def slow() -> None:
        with transaction.atomic():
            revocations.revoke(level=Level.AGENT, subject="slow", reason=Reason.ENDED)
            written.set()
            assert others.wait(10)

    def quick() -> None:
        assert written.wait(10)
        if in_turns:
            others.set()
        revoke(Level.AGENT, "quick")
        if not in_turns:
            assert [row.subject for row in revocations.since(0, limit=9)] == ["quick"]
            others.set()

    assert storm([slow, quick]) == [None, None]
    order = ["slow", "quick"] if in_turns else ["quick", "slow"]
    assert [row.subject for row in revocations.since(0, limit=9)] == order
    assert [row.subject for row in revocations.since(1, limit=9)] == order[1:]


@pytest.mark.django_db(transaction=True)
def test_numbers_are_given_after_the_commit() -> None:
    row = revoke()
    row.refresh_from_db()
    assert row.number == 1
