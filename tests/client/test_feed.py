"""The feed: whatever ended counts, nothing is forgotten, and silence is not taken for good news."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_client import Feed, Stale, Unreachable
from countersign_client.feed import Cutoffs
from countersign_client.point import Revocation
from tests.client.scripted import Scripted, page

LEVELS = ("everything", "agent", "owner", "instance", "elevation", "key")
ROWS = st.lists(
    st.tuples(st.integers(1, 50), st.sampled_from(LEVELS), st.sampled_from(("a", "b", "*"))), max_size=30
)


@given(ROWS, st.dictionaries(st.sampled_from(LEVELS[1:]), st.sampled_from(("a", "b"))), st.integers(0, 50))
def test_the_newest_over_all_levels_counts(
    rows: list[tuple[int, str, str]], subjects: dict[str, str], epoch: int
) -> None:
    cutoffs = Cutoffs()
    cutoffs.add(Revocation(*row) for row in rows)
    mine = {*subjects.items(), ("everything", "*")}
    ended = any((level, subject) in mine and number > epoch for number, level, subject in rows)
    assert (cutoffs.of(subjects) > epoch) is ended


def test_it_reads_to_the_end_before_anything_counts() -> None:
    portal = Scripted(
        feed=[
            page((3, "agent", "a"), next=3, current=7),
            page((7, "everything", "*"), next=7),
        ]
    )
    feed = Feed(portal.point)
    feed.read_once()
    with pytest.raises(Stale):
        feed.require_fresh()
    feed.read_once()
    feed.require_fresh()
    assert portal.acknowledged == [3, 7]
    assert feed.has_ended(6, {"agent": "b"})
    assert not feed.has_ended(7, {"agent": "a"})


def test_silence_is_stale() -> None:
    portal = Scripted(feed=[page(next=0, stale_after=0.05)])
    feed = Feed(portal.point)
    with pytest.raises(Stale):
        feed.require_fresh()
    feed.read_once()
    time.sleep(0.06)
    with pytest.raises(Stale):
        feed.require_fresh()


@pytest.mark.parametrize("broken", [{}, {"revocations": [{}]}, page(next=0) | {"next": "x"}])
def test_what_cannot_be_read_is_no_news(broken: object) -> None:
    feed = Feed(Scripted(feed=[broken]).point)
    with pytest.raises(Unreachable):
        feed.read_once()
    assert not feed.is_fresh


def test_it_follows_by_itself_and_comes_back() -> None:
    portal = Scripted(feed=[page(next=0)], down=True)
    with Feed(portal.point) as feed:
        with pytest.raises(Stale):
            feed.require_fresh(patience=0.05)
        portal.feed = [page((5, "agent", "a"), next=5), page(next=5)]
        portal.down = False
        feed.require_fresh(patience=10)
        assert feed.has_ended(4, {"agent": "a"})
