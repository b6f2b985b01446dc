"""A protected API: a request is carried out where the token is for it and its holder proves the key."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from countersign_client import Feed, proofs
from countersign_client.keys import Key, thumbprint
from countersign_client.protected import Caller, NotCarriedOut, ProtectedAPI
from tests.client.scripted import Scripted, page

API, URL = "https://stock.example.org", "https://stock.example.org/items/4711"
KEY = Key(ec.generate_private_key(ec.SECP256R1()))
OTHER = Key(ec.generate_private_key(ec.SECP256R1()))
TOKEN = "header.payload.signature"


def claims(*, bound: bool = True, scope: str = "agent:write", **more: Any) -> dict[str, Any]:
    detail = {
        "type": "agent_task",
        "actions": ["add_note"],
        "locations": [API],
        "identifier": "item/4711",
        "intent": "Restock.",
    }
    found: dict[str, Any] = {
        "active": True,
        "aud": API,
        "scope": scope,
        "client_id": "stock-agent",
        "sub": "spiffe://x",
        "evaluation_id": "e-1",
        "authorization_details": [detail],
    }
    return found | ({"cnf": {"jkt": thumbprint(KEY.public_jwk)}} if bound else {}) | more


def proved(key: Key = KEY, *, method: str = "POST", url: str = URL, token: str = TOKEN) -> str:
    return proofs.proof(key, method=method, url=url, access_token=token)


def admit(
    api: ProtectedAPI,
    headers: Mapping[str, str] | None = None,
    *,
    action: str = "add_note",
    resource: str = "item/4711",
    writes: bool = True,
) -> Caller:
    sent = headers if headers is not None else {"Authorization": f"DPoP {TOKEN}", "DPoP": proved()}
    return api.admit(sent, method="POST", url=URL, action=action, resource=resource, writes=writes)


def api(answer: Any = None, *, down: bool = False, feed: bool = False) -> ProtectedAPI:
    portal = Scripted(claims=claims() if answer is None else answer, down=down, feed=[page(next=0)])
    return ProtectedAPI(portal.point, audience=API, feed=Feed(portal.point) if feed else None)


def refused(status: int, attempt: Callable[[], object]) -> NotCarriedOut:
    with pytest.raises(NotCarriedOut) as refusal:
        attempt()
    assert refusal.value.status == status, refusal.value.message
    return refusal.value


def test_who_holds_the_key_of_a_live_token_is_admitted() -> None:
    caller = admit(api())
    assert (caller.agent, caller.evaluation_id, caller.intent) == ("stock-agent", "e-1", "Restock.")


def test_reading_takes_a_token_that_is_bound_to_nothing() -> None:
    answer = claims(bound=False, scope="agent:read")
    assert admit(api(answer), {"authorization": f"Bearer {TOKEN}"}, writes=False).agent == "stock-agent"
    refused(401, lambda: admit(api(answer), {"Authorization": f"Bearer {TOKEN}"}))


def test_a_bound_token_without_its_proof_is_worth_nothing() -> None:
    for headers in (
        {"Authorization": f"Bearer {TOKEN}"},
        {"Authorization": f"DPoP {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}", "DPoP": proved()},
        {"Authorization": f"DPoP {TOKEN}", "DPoP": proved(OTHER)},
        {"Authorization": f"DPoP {TOKEN}", "DPoP": proved(method="GET")},
        {"Authorization": f"DPoP {TOKEN}", "DPoP": proved(url=f"{API}/items/1")},
        {"Authorization": f"DPoP {TOKEN}", "DPoP": proved(token="another")},
        {"Authorization": f"DPoP {TOKEN}", "DPoP": "a.b.c"},
    ):
        told = refused(401, partial(admit, api(), headers))
        assert "WWW-Authenticate" in told.headers
        refused(401, partial(admit, api(), headers, writes=False))


def test_a_token_that_is_bound_to_a_certificate_comes_over_its_connection() -> None:
    """RFC 8705 section 3: as Bearer, for a write too."""
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    guarded = api(claims(cnf={"x5t#S256": "mine"}))
    ask = partial(guarded.admit, method="POST", url=URL, action="add_note", resource="item/4711", writes=True)
    assert ask(bearer, certificate="mine").agent == "stock-agent"
    for held in ("", "another"):
        refused(401, partial(ask, bearer, certificate=held))
    both = api(claims(cnf={"x5t#S256": "mine", "jkt": thumbprint(KEY.public_jwk)}))
    refused(401, lambda: both.admit(bearer, method="POST", url=URL, action="add_note", resource="item/4711",
                                    writes=True, certificate="mine"))  # fmt: skip
    refused(401, lambda: admit(both))


@pytest.mark.parametrize("cnf", [{"kid": "x"}, {"jkt": thumbprint(KEY.public_jwk), "kid": "x"}, "x", None])
def test_what_a_token_is_bound_to_and_nobody_knows_is_not_proved(cnf: Any) -> None:
    answer = claims(cnf=cnf, scope="agent:read")
    refused(401, lambda: admit(api(answer), {"Authorization": f"Bearer {TOKEN}"}, writes=False))
    refused(401, lambda: admit(api(answer), writes=False))


def test_a_proof_counts_once() -> None:
    guarded, headers = api(), {"Authorization": f"DPoP {TOKEN}", "DPoP": proved()}
    admit(guarded, headers)
    refused(401, lambda: admit(guarded, headers))


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ({"active": False}, 401),
        ({"active": "true"} | {"aud": API}, 401),
        (claims(aud="https://crm.example.org"), 401),
        (claims(scope="agent:read"), 403),
        (claims(authorization_details=[]), 403),
        (claims(authorization_details=None), 403),
    ],
)
def test_a_token_for_something_else_is_refused(answer: Any, status: int) -> None:
    refused(status, lambda: admit(api(answer)))


def test_a_token_for_another_action_or_resource_is_refused() -> None:
    refused(403, lambda: admit(api(), action="delete_item"))
    refused(403, lambda: admit(api(), resource="item/4712"))


@pytest.mark.parametrize("header", ["", "Basic eDp5", "Bearer", "DPoP  "])
def test_without_a_token_nobody_is_asked(header: str) -> None:
    portal = Scripted(claims=claims())
    guarded = ProtectedAPI(portal.point, audience=API)
    refused(401, lambda: admit(guarded, {"Authorization": header}))
    assert portal.asked == []


def test_where_nobody_answers_nothing_is_carried_out() -> None:
    refused(503, lambda: admit(api(down=True)))
    refused(503, lambda: admit(api(down=True), writes=False))


def test_nothing_is_written_while_the_feed_is_stale() -> None:
    guarded = api(feed=True)
    refused(503, lambda: admit(guarded))
    assert guarded.feed is not None
    guarded.feed.read_once()
    assert admit(guarded).agent == "stock-agent"


@given(st.data())
def test_a_proof_changed_anywhere_is_none(data: st.DataObject) -> None:
    text = proved()
    at = data.draw(st.integers(0, len(text) - 1))
    put = data.draw(st.sampled_from("ABab019_-.").filter(lambda one: one != text[at]))
    changed = text[:at] + put + text[at + 1 :]
    with pytest.raises(proofs.ProofError):
        proofs.verify(changed, method="POST", url=URL, access_token=TOKEN)


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"typ": "JWT"},
        {"crit": ["exp"]},
        {"jwk": None},
        {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
        {"jwk": {"kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA"}},
    ],
)
def test_a_proof_with_another_header_is_none(change: dict[str, Any]) -> None:
    header = {"typ": "dpop+jwt", "jwk": KEY.public_jwk} | change
    now = time.time()
    body = {"htm": "POST", "htu": URL, "jti": "x", "iat": now, "ath": proofs.digest(TOKEN)}
    with pytest.raises(proofs.ProofError):
        proofs.verify(proofs._signed(KEY, header, body), method="POST", url=URL, access_token=TOKEN)


@pytest.mark.parametrize("iat", [0, "now", True, None, float("inf"), 1e300])
def test_a_proof_of_another_time_is_none(iat: Any) -> None:
    header = {"typ": "dpop+jwt", "jwk": KEY.public_jwk}
    body = {"htm": "POST", "htu": URL, "jti": "x", "iat": iat, "ath": proofs.digest(TOKEN)}
    with pytest.raises(proofs.ProofError):
        proofs.verify(proofs._signed(KEY, header, body), method="POST", url=URL, access_token=TOKEN)
