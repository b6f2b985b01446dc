"""The states of enforcement points: no combination of facts makes something green that is not known."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.choices import POINT_COLOURS, PointMode, PointState, ProbeOutcome
from governance.point_state import CONFIRMED, Facts, contained, state

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STALE_AFTER = timedelta(seconds=30)
FRESH, OLD = NOW - timedelta(seconds=5), NOW - timedelta(seconds=31)


def of(number: int = 3, **changes: object) -> PointState:
    facts = {"mode": "follows", "asked_at": FRESH, "acknowledged": 3, "current": 5, "probe": None} | changes
    return state(Facts(**facts), number=number, now=NOW, stale_after=STALE_AFTER)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "acknowledged"),
        ({"probe": "refused"}, "acknowledged"),
        ({"probe": "unreachable"}, "acknowledged"),
        ({"number": 4}, "behind"),
        ({"acknowledged": None}, "behind"),
        ({"asked_at": OLD}, "stale"),
        ({"asked_at": None}, "never_asked"),
        ({"asked_at": None, "acknowledged": None}, "never_asked"),
        ({"acknowledged": 6}, "unknown"),
        ({"acknowledged": None, "number": 0}, "unknown"),
        ({"mode": "later"}, "unknown"),
        ({"mode": "asks", "asked_at": None, "acknowledged": None}, "declared"),
        ({"mode": "asks", "probe": "let_through"}, "lets_through"),
        ({"probe": "let_through"}, "lets_through"),
    ],
)
def test_what_is_known(changes: dict[str, object], expected: str) -> None:
    assert of(**changes) == expected  # type: ignore[arg-type]


FACTS = st.builds(
    Facts,
    mode=st.sampled_from([*PointMode.values, "later", ""]),
    asked_at=st.none() | st.integers(-5, 90).map(lambda seconds: NOW - timedelta(seconds=seconds)),
    acknowledged=st.none() | st.integers(0, 9),
    current=st.integers(0, 9),
    probe=st.none() | st.sampled_from(ProbeOutcome.values),
)


@given(facts=FACTS, number=st.integers(0, 9))
def test_only_what_was_said_lately_is_green(facts: Facts, number: int) -> None:
    found = state(facts, number=number, now=NOW, stale_after=STALE_AFTER)
    if POINT_COLOURS[found] == "success":
        assert facts.mode == "follows"
        assert facts.asked_at is not None
        assert facts.asked_at >= NOW - STALE_AFTER
        assert facts.acknowledged is not None
        assert number <= facts.acknowledged <= facts.current
        assert facts.probe != "let_through"
    if found in CONFIRMED and found != PointState.ACKNOWLEDGED:
        assert facts.mode == "asks"


def test_every_state_has_its_colour_and_one_alone_is_green() -> None:
    assert set(POINT_COLOURS) == set(PointState)
    assert [each for each, colour in POINT_COLOURS.items() if colour == "success"] == [
        PointState.ACKNOWLEDGED
    ]


@given(states=st.lists(st.sampled_from(list(PointState)), max_size=5), jobs=st.integers(0, 3))
def test_contained_is_everybody_and_no_work_left(states: list[PointState], jobs: int) -> None:
    expected = jobs == 0 and all(each in {"acknowledged", "declared"} for each in states)
    assert contained(states, jobs=jobs) is expected
