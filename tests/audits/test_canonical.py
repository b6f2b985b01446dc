import hashlib
import json
from typing import Any

import orjson
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audits import canonical
from audits.verify import verify

keys = st.text(alphabet="abcdefghijklmnopqrstuvwxyz0123456789_.", min_size=1, max_size=64)
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-canonical.MAX_INTEGER, canonical.MAX_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(keys, values.filter(lambda value: depth(value) < canonical.MAX_DEPTH)))
def test_it_writes_what_rfc_8785_writes(value: dict[str, Any]) -> None:
    written = canonical.dumps(value)
    assert written == rfc8785.dumps(value)
    assert json.loads(written) == value


@given(st.dictionaries(keys, values.filter(lambda value: depth(value) < canonical.MAX_DEPTH)))
def test_the_verifier_of_the_bundle_writes_the_same(value: dict[str, Any]) -> None:
    assert verify.canonical(value) == canonical.dumps(value)
    assert verify.parse(canonical.dumps(value), "here") == value


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def nested(levels: int) -> Any:
    return [nested(levels - 1)] if levels else 1


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"score": 9.8}, r"\$.score is float"),
        ({"Upper": 1}, "'Upper'"),
        ({"": 1}, "''"),
        ({"a" * 65: 1}, "1 to 64"),
        ({"a\n": 1}, r"'a\\n'"),
        ({1: "a"}, "the key 1"),
        ({"a": [1, 2**53]}, r"\$.a\[1\] is beyond"),
        ({"a": -(2**53)}, "beyond"),
        ({"a": b"bytes"}, "is bytes"),
        (nested(9), "more than 8 containers"),
        ({"a": "\ud800"}, "surrogates|UTF-8"),
        ({"a": float("nan")}, "is float"),
    ],
)
def test_what_does_not_fit_is_refused_and_the_place_is_named(value: Any, place: str) -> None:
    with pytest.raises(ValueError, match=place):
        canonical.dumps(value)


def test_eight_containers_are_allowed() -> None:
    assert canonical.dumps(nested(8)) == b"[[[[[[[[1]]]]]]]]"


def test_a_digest_is_of_the_canonical_bytes() -> None:
    assert canonical.digest({"b": 1, "a": "é"}) == hashlib.sha256('{"a":"é","b":1}'.encode()).hexdigest()


def test_foreign_json_may_hold_floats_and_any_key() -> None:
    one = canonical.digest_foreign({"Score": 9.8, "b": None})
    assert one == canonical.digest_foreign(orjson.loads(b'{"b":null, "Score":9.8}'))
    assert one != canonical.digest_foreign({"Score": 9.7, "b": None})
    with pytest.raises(ValueError, match="Not JSON"):
        canonical.digest_foreign({"a": object()})


@pytest.mark.parametrize(
    "line",
    [b'{"a": 1}', b'{"b":1,"a":1}', b'{"a":1,"a":1}', b'{"a":1.0}', b'{"a":NaN}', b"[1]", b"{", b"\xff"],
)
def test_the_verifier_reads_nothing_but_canonical_json(line: bytes) -> None:
    with pytest.raises(verify.Wrong, match="here: not canonical JSON"):
        verify.parse(line, "here")


@pytest.mark.parametrize("value", [{"Upper": 1}, {"": 1}, {"a": [2**53]}, {"a": {"b": -(2**53)}}, nested(9)])
def test_the_verifier_keeps_to_the_profile(value: Any) -> None:
    assert not verify.is_in_profile(value)
    assert verify.is_in_profile({"a.b_1": [nested(6), 2**53 - 1, True, None]})
