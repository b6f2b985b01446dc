"""JSON is read strictly, and what is wrong is named with its place."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import strict_json
from agents.strict_json import StrictJSONError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.floats(-1e300, 1e300),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=20,
)


@pytest.mark.parametrize(
    "content",
    [
        '{"ä": [1, 2.5, null]}'.encode(),
        b"\xef\xbb\xbf" + '{"ä": [1, 2.5, null]}'.encode(),
        '{"ä": [1, 2.5, null]}'.encode("utf-16"),
        b"\xfe\xff" + '{"ä": [1, 2.5, null]}'.encode("utf-16-be"),
    ],
)
def test_encodings_by_their_mark(content: bytes) -> None:
    assert strict_json.loads(content) == {"ä": [1, 2.5, None]}


@pytest.mark.parametrize(
    ("content", "problem", "line", "column"),
    [
        (b'{\n "a": NaN}', "NaN is not JSON", 2, 7),
        (b"[1, Infinity]", "Infinity is not JSON", 1, 5),
        (b"[1, -Infinity]", "-Infinity is not JSON", 1, 5),
        (b"[1e999]", "a number too large", 1, 2),
        (b'{"a": 1,\n\n "b": 2, "a": 3}', 'the key "a" occurs twice in one object', 3, 13),
        (b'{"a": 1, "\\u0061": 3}', 'the key "a" occurs twice in one object', 1, 18),
        (b"[0, 18446744073709551616]", "an integer beyond 64 bits", 1, 5),
        (b"[-9223372036854775809]", "an integer beyond 64 bits", 1, 2),
        (b"[" + b"9" * 100_000 + b"]", "an integer beyond 64 bits", 1, 2),
        (b'["NaN", "[[[", 1, 2', "Expecting ',' delimiter", 1, 20),
        (b'["\xff"]', "not UTF-8 text (byte 2)", 1, 3),
        (b"", "Expecting value", 1, 1),
        (b"{} {}", "Extra data", 1, 4),
        ("{}".encode("utf-32"), "the text is UTF-32; save it as UTF-8", 0, 0),
    ],
)
def test_what_is_refused_is_named_with_its_place(
    content: bytes, problem: str, line: int, column: int
) -> None:
    with pytest.raises(StrictJSONError) as caught:
        strict_json.loads(content)
    assert (caught.value.problem, caught.value.line, caught.value.column) == (problem, line, column)


def test_depth_is_limited_at_its_exact_place() -> None:
    assert strict_json.loads(b"[" * 100 + b"]" * 100) is not None
    for deep in (b"[" * 101 + b"]" * 101, b"[" * 100_000 + b"]" * 100_000):
        with pytest.raises(StrictJSONError) as caught:
            strict_json.loads(deep)
        assert caught.value.problem == "nested deeper than 100 levels"
        assert (caught.value.line, caught.value.column) == (1, 101)


def test_brackets_and_repeated_words_in_texts_are_only_text() -> None:
    document = {"a": "[" * 1000 + '{"a": NaN', "b": {"a": "a"}, "c": ["a", "a"]}
    assert strict_json.loads(json.dumps(document)) == document


@given(VALUES)
def test_what_is_json_is_read(value: Any) -> None:
    assert strict_json.loads(json.dumps(value)) == value
    assert strict_json.loads(json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass")) == value


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\ua0eE1-+.NIfy\n ').map(str.encode))
def test_nothing_but_its_own_error(content: bytes) -> None:
    try:
        strict_json.loads(content)
    except StrictJSONError as error:
        assert error.problem  # noqa: PT017 - either outcome is right


@given(VALUES)
def test_storable_holds_nothing_the_database_refuses(value: Any) -> None:
    stored = json.dumps(strict_json.storable(value), ensure_ascii=False)
    assert "\\u0000" not in json.dumps(strict_json.storable(value))
    stored.encode()


def test_storable_leaves_good_texts_alone() -> None:
    assert strict_json.storable({"a\0": ["x\0y", "\ud800", "漢字 é", 1, None]}) == {
        "a": ["xy", "\N{REPLACEMENT CHARACTER}", "漢字 é", 1, None]
    }
