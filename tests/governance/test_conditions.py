"""The vocabulary of conditions: each is a pure function of the circumstances, and fails closed."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.choices import Environment
from governance import conditions
from governance.choices import Sensitivity
from governance.conditions import VOCABULARY, Circumstances, Condition, ConditionError, Window, read

MONDAY = datetime(2026, 11, 16, 10, tzinfo=UTC)
NOTHING = Circumstances(now=datetime(2026, 11, 15, 3, tzinfo=UTC))  # A Sunday night, and nothing is known.
GOOD = Circumstances(
    now=MONDAY,
    intent="Incident",
    task_id=uuid4(),
    owner="olivia",
    environment="production",
    department="Sales",
    personal_data=False,
    sensitivity="internal",
    context={"department": "Sales", "records": 5, "network_segment": "dmz"},
)
WRITTEN = {
    "no_pii_access": "no_pii_access",
    "same_department_only": "same_department_only",
    "business_hours": "business_hours",
    "time_window": "time_window(09:00, 17:00, UTC)",
    "intent_is": "intent_is(Incident)",
    "within_task": "within_task",
    "owner_is": "owner_is(olivia, daniel)",
    "environment_is": "environment_is(production)",
    "max_records": "max_records(10)",
    "network_segment_is": "network_segment_is(dmz)",
    "sensitivity_at_most": "sensitivity_at_most(confidential)",
}
words = st.text(min_size=1, max_size=20).map(str.strip).filter(bool)
moments = st.integers(0, 2**31).map(lambda seconds: datetime.fromtimestamp(seconds, tz=UTC))
times = st.times().map(lambda at: at.replace(second=0, microsecond=0, tzinfo=None))
plain = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers())
)
circumstances = st.builds(
    Circumstances,
    now=moments,
    intent=st.text(max_size=5),
    task_id=st.none() | st.uuids(),
    owner=st.text(max_size=5),
    environment=st.sampled_from(["", *Environment.values]),
    department=st.text(max_size=5),
    personal_data=st.none() | st.booleans(),
    sensitivity=st.sampled_from(["", *Sensitivity.values]),
    context=st.dictionaries(
        st.sampled_from(["department", "records", "network_segment", "personal_data"]), plain
    ),
)


def test_every_word_is_tested() -> None:
    assert set(WRITTEN) == set(VOCABULARY)


@pytest.mark.parametrize("text", WRITTEN.values())
def test_it_holds_where_everything_fits(text: str) -> None:
    assert conditions.first_unmet([text], GOOD) is None


@pytest.mark.parametrize("text", WRITTEN.values())
def test_what_is_not_known_is_not_met(text: str) -> None:
    assert conditions.first_unmet([text], NOTHING) == text


@given(st.sampled_from(sorted(WRITTEN.values())), circumstances)
def test_any_circumstances_have_an_answer(text: str, now: Circumstances) -> None:
    assert read(text).holds(now) in {True, False}


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("no_pii_access", {"context": {"personal_data": True}}),
        ("no_pii_access", {"context": {"personal_data": "no"}}),
        ("no_pii_access", {"personal_data": True}),
        ("no_pii_access", {"personal_data": None}),
        ("same_department_only", {"context": {"department": "HR"}}),
        ("same_department_only", {"department": "", "context": {"department": ""}}),
        ("business_hours", {"now": MONDAY - timedelta(days=1)}),
        ("business_hours", {"now": MONDAY.replace(hour=18)}),
        ("time_window(09:00, 17:00, UTC)", {"now": MONDAY.replace(hour=17)}),
        ("intent_is(Incident)", {"intent": "incident"}),
        ("owner_is(olivia)", {"owner": "oscar"}),
        ("environment_is(production)", {"environment": "test"}),
        ("max_records(10)", {"context": {"records": 11}}),
        ("max_records(10)", {"context": {"records": True}}),
        ("max_records(10)", {"context": {"records": -1}}),
        ("max_records(10)", {"context": {"records": 5.0}}),
        ("network_segment_is(dmz)", {"context": {"network_segment": "office"}}),
        ("sensitivity_at_most(internal)", {"sensitivity": "confidential"}),
        ("within_task", {"task_id": None}),
    ],
)
def test_one_thing_that_differs_is_enough(text: str, change: Mapping[str, Any]) -> None:
    assert not read(text).holds(replace(GOOD, **change))


@given(moments, times, times, st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]))
def test_a_window_and_what_is_outside_it_make_a_day(
    moment: datetime, one: time, other: time, zone: str
) -> None:
    if one == other:
        return
    inside, outside = Window(one, other, zone), Window(other, one, zone)
    assert inside.holds(moment) != outside.holds(moment)
    local = moment.astimezone(ZoneInfo(zone)).time()
    assert inside.holds(moment) == (one <= local < other if one < other else not other <= local < one)


@given(
    st.lists(words, min_size=1, max_size=5), st.sampled_from(["intent_is", "owner_is", "network_segment_is"])
)
def test_what_is_written_is_read_again(arguments: list[str], name: str) -> None:
    given_condition = Condition(name, tuple(arguments))
    try:
        assert read(str(given_condition)) == given_condition
    except ConditionError:
        assert len(str(given_condition)) > conditions.MAX_LENGTH


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_is_refused(text: str) -> None:
    try:
        found = read(text)
    except ConditionError:
        return
    assert read(str(found)) == found


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_at_most_that_many(records: int, most: int) -> None:
    now = replace(GOOD, context={"records": records})
    assert read(f"max_records({most})").holds(now) == (records <= most)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("whenever", "'whenever' is not a condition; there are no_pii_access, same_department_only"),
        ("", "is not a condition"),
        ("no_pii_access(now)", "it takes no arguments"),
        ("max_records", "it takes one whole number"),
        ("max_records(0)", "it takes one whole number"),
        ("max_records(1, 2)", "it takes one whole number"),
        ("time_window(9:00, 17:00, UTC)", "two different times"),
        ("time_window(09:00, 09:00, UTC)", "two different times"),
        ("time_window(09:00, 17:00, Mars/Olympus)", "is no time zone"),
        ("time_window(09:00, 17:00, ../../etc/passwd)", "is no time zone"),
        ("time_window(09:00)", "a beginning, an end and a time zone"),
        ("environment_is(moon)", "'moon' is none of"),
        ("sensitivity_at_most(secret)", "it takes one of public"),
        ("intent_is()", "cannot be read"),
        ("intent_is(a,)", "cannot be read"),
        ('intent_is("open)', "cannot be read"),
        ("__import__('os')", "is not a condition"),
    ],
)
def test_what_is_none_is_refused_with_what_there_is(text: str, said: str) -> None:
    with pytest.raises(ConditionError, match=re.escape(said)):
        read(text)


def test_what_was_kept_and_is_none_any_more_is_not_met() -> None:
    assert conditions.first_unmet(["no_pii_access", "gone"], GOOD) == "gone"
