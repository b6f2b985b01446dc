"""Patterns of resources: what they cover, and whether two of them have one in common."""

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import manifest, resource_pattern
from governance.resource_pattern import covers, is_wildcard, meet, within

pieces = st.sampled_from(["a", "b", "/", "{x}", "*"])
patterns = st.lists(pieces, max_size=5).map("".join)
ALL = ["".join(each) for length in range(6) for each in itertools.product("ab/", repeat=length)]


@given(patterns, patterns)
def test_two_patterns_meet_where_a_resource_is_meant_by_both(one: str, other: str) -> None:
    common = [resource for resource in ALL if covers(one, resource) and covers(other, resource)]
    # What two patterns of five pieces have in common may be longer than what is tried here.
    assert meet(one, other) >= bool(common)
    assert meet(one, other) == meet(other, one)
    if not common and "*" not in one + other and len(one + other) < len("a{x}") * 2:
        assert not meet(one, other)


@given(patterns, patterns)
def test_within_is_never_said_of_what_is_not(template: str, pattern: str) -> None:
    if within(template, pattern):
        assert all(covers(pattern, resource) for resource in ALL if manifest.covers(template, resource))


@given(st.lists(st.sampled_from(["a", "/", "{x}"]), max_size=4).map("".join), st.sampled_from(ALL))
def test_without_a_wildcard_it_is_the_template_of_a_manifest(template: str, resource: str) -> None:
    assert covers(template, resource) == manifest.covers(template, resource)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [("table/*", True), ("*", True), ("{type}/x", True), ("table/{name}", False), ("table/x", False)],
)
def test_what_a_wildcard_is(pattern: str, expected: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_wildcard(pattern) is expected


def test_a_pattern_is_no_expression() -> None:
    assert not covers("table/.+", "table/x")
    assert covers("table/.+", "table/.+")
    assert not meet("table/sales", "table/salesx")
    assert re.fullmatch(resource_pattern._expression("a*").pattern, "a\nb", re.DOTALL)
