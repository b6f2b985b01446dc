"""The wire format of access requests, whatever somebody sends (draft 1)."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from governance import access_request
from governance.authzen import MalformedError

JSON = some.recursive(
    some.none() | some.booleans() | some.integers(-(2**63), 2**63) | some.floats(allow_nan=False)
    | some.text(alphabet=some.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
WHOLE: dict[str, Any] = {
    "subject": {"type": "agent_instance", "id": "spiffe://x/agent/y/i/1"},
    "action": {"name": "open_ticket"},
    "resource": {"type": "finding", "id": "1"},
    "context": {"intent": "x", "business_justification": "Because."},
    "denial": {"evaluation_id": "1", "expires_at": "2026-03-01T12:00:00Z", "binding_token": "x"},
    "requested_access": {"minutes": 10, "uses": 1},
}
PLACES = [(name,) for name in WHOLE] + [(name, inner) for name, each in WHOLE.items() for inner in each]


def changed(place: tuple[str, ...], value: Any) -> dict[str, Any]:
    if len(place) == 1:
        return WHOLE | {place[0]: value}
    return WHOLE | {place[0]: WHOLE[place[0]] | {place[1]: value}}


def test_the_whole_is_read() -> None:
    read = access_request.read(WHOLE)
    assert (read.minutes, read.uses, read.justification) == (10, 1, "Because.")


@given(some.sampled_from(PLACES), JSON)
def test_anything_anywhere_is_read_or_refused(place: tuple[str, ...], value: Any) -> None:
    with contextlib.suppress(MalformedError):
        access_request.read(changed(place, value))


@given(some.sampled_from(PLACES), JSON)
def test_two_that_differ_have_two_digests(place: tuple[str, ...], value: Any) -> None:
    """Or the same `Idempotency-Key` would mean two requests."""
    try:
        read = access_request.read(changed(place, value))
    except MalformedError:
        return
    same = changed(place, value) == WHOLE
    assert (read.digest == access_request.read(WHOLE).digest) is same


@pytest.mark.parametrize("place", PLACES)
def test_nothing_may_be_left_out(place: tuple[str, ...]) -> None:
    if place == ("context", "intent"):
        return
    sent = {name: dict(each) for name, each in WHOLE.items()}
    del (sent if len(place) == 1 else sent[place[0]])[place[-1]]
    with pytest.raises(MalformedError):
        access_request.read(sent)
