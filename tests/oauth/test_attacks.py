"""What a thief, a liar and a flood get from the token endpoint: nothing (promises 6, 7 and 14)."""

import base64
import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings
from django.db import connection
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from agents import rate
from agents.models import Agent, AgentInstance, Credential, Person
from agents.oauth import details
from agents.oauth.errors import OAuthError
from agents.oauth.jwk import PublicKey, UnusableKeyError
from agents.services import copies
from audits.errors import Invalid
from governance.models import Decision
from tests.governance.story import elevate, events, race, resource
from tests.oauth.client import TOKEN, Copy, a_write, ask, encoded, new_key, public, task

ISSUER = settings.ISSUER


def refused(answer: Any, error: str = "invalid_client") -> None:
    """Nothing was issued, nothing was decided, and the refusal is on record."""
    assert answer.json()["error"] == error, answer.content
    assert answer.status_code == (401 if error == "invalid_client" else 400)
    assert not Credential.objects.exists()
    assert not Decision.objects.exists()
    assert events("token.refused", "denied")[-1].outcome == "denied"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(copy: Copy) -> str:
    _, body, _ = copy.assertion().split(".")
    return f"{b64(json.dumps({'alg': 'none', 'typ': 'JWT'}).encode())}.{body}."


def hmac_with_the_public_key(copy: Copy) -> str:
    """The classic confusion: HS256 over the bytes of the public key."""
    pem = copy.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _, body, _ = copy.assertion().split(".")
    signing_input = f"{b64(json.dumps({'alg': 'HS256', 'typ': 'JWT'}).encode())}.{body}"
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return f"{signing_input}.{b64(algorithm.sign(signing_input.encode(), pem))}"


def with_a_key_of_its_own(copy: Copy) -> str:
    """The key that verifies it comes in its header."""
    thief = new_key()
    claims = jwt.decode(copy.assertion(), options={"verify_signature": False})
    return encoded(claims, thief, {"typ": "JWT", "jwk": public(thief)})


def as_an_access_token(copy: Copy) -> str:
    claims = jwt.decode(copy.assertion(), options={"verify_signature": False})
    return encoded(claims, copy.key, {"typ": "at+jwt"})


ASSERTIONS: dict[str, Callable[[Copy], str]] = {
    "unsigned": unsigned,
    "HS256 with the public key": hmac_with_the_public_key,
    "a key in its own header": with_a_key_of_its_own,
    "another type": as_an_access_token,
    "another's key": lambda copy: copy.assertion(by=new_key()),
    "for the token endpoint": lambda copy: copy.assertion(aud=f"{ISSUER}{TOKEN}"),
    "for a list with us in it": lambda copy: copy.assertion(aud=[ISSUER, "https://other.example.org"]),
    "for another server": lambda copy: copy.assertion(aud="https://other.example.org"),
    "over": lambda copy: copy.assertion(iat=int(time.time()) - 120, exp=int(time.time()) - 60),
    "for an hour": lambda copy: copy.assertion(exp=int(time.time()) + 3600),
    "from the future": lambda copy: copy.assertion(iat=int(time.time()) + 600, exp=int(time.time()) + 630),
    "without an id": lambda copy: copy.assertion(without=("jti",)),
    "without an end": lambda copy: copy.assertion(without=("exp",)),
    "with an id that is no text": lambda copy: copy.assertion(jti=7),
    "with an endless id": lambda copy: copy.assertion(jti="x" * 201),
    "for somebody else": lambda copy: copy.assertion(sub="spiffe://countersign.local/agent/other/i/1"),
    "from nobody": lambda copy: copy.assertion(iss="spiffe://x/y", sub="spiffe://x/y"),
    "no JWT": lambda _copy: "not.a.token",
    "huge": lambda copy: copy.assertion(padding="x" * 10_000),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", ASSERTIONS)
def test_an_assertion_that_is_not_exactly_one(name: str, client: Client, copy: Copy) -> None:
    refused(ask(client, copy, client_assertion=ASSERTIONS[name](copy)))


@pytest.mark.django_db(transaction=True)
def test_one_assertion_fifty_times_at_once_is_one_token(copy: Copy) -> None:
    text = copy.assertion()
    count = 50 if connection.vendor == "postgresql" else 12
    answers = race([lambda: ask(Client(), copy, client_assertion=text) for _ in range(count)])
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [401] * (count - 1)
    assert Credential.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_any_number_at_once_exactly_as_many_win_as_are_left() -> None:
    count = 64 if connection.vendor == "postgresql" else 16
    answers = race([lambda: rate.allow("flood", times=10, window=timedelta(hours=1)) for _ in range(count)])
    assert sorted(answers) == [False] * (count - 10) + [True] * 10


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("another method", lambda copy: copy.proof(htm="GET")),
        ("another address", lambda copy: copy.proof(url="https://other.example.org/oauth/token")),
        ("too old", lambda copy: copy.proof(iat=int(time.time()) - 3600)),
        ("from the future", lambda copy: copy.proof(iat=int(time.time()) + 600)),
        ("no moment", lambda copy: copy.proof(iat="now")),
        ("no id", lambda copy: copy.proof(jti="")),
        ("another type", lambda copy: copy.proof(headers={"typ": "JWT"})),
        ("the private key", lambda copy: copy.proof(headers={"jwk": {**public(copy.key), "d": "AA"}})),
        ("another's key in its header", lambda copy: copy.proof(headers={"jwk": public(new_key())})),
        ("no key", lambda copy: copy.proof(headers={"jwk": {}})),
        ("nonsense", lambda _copy: "nonsense"),
    ],
)
def test_a_proof_that_is_not_exactly_one(
    name: str, make: Callable[[Copy], str], client: Client, copy: Copy
) -> None:
    refused(ask(client, copy, proof=make(copy)), "invalid_dpop_proof")


@pytest.mark.django_db
def test_a_proof_counts_once(client: Client, copy: Copy) -> None:
    proof = copy.proof()
    assert ask(client, copy, proof=proof).status_code == 200
    assert ask(client, copy, proof=proof).json()["error"] == "invalid_dpop_proof"


@pytest.mark.django_db
def test_a_write_without_a_proof_takes_nothing_off_the_budget(
    client: Client, copy: Copy, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, copy.instance.agent, on, members[:2])
    refused_before = len(events("token.refused", "denied"))
    assert ask(client, copy, a_write(on)).json()["error"] == "invalid_request"
    elevation.refresh_from_db()
    assert (elevation.used, len(events("token.refused", "denied"))) == (0, refused_before + 1)


# --- Keys ---------------------------------------------------------------------------------------------
def jwk_of(key: Any, algorithm: str) -> dict[str, Any]:
    found: dict[str, Any] = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
    return found


WEAK: dict[str, Any] = {
    "a short RSA key": jwk_of(rsa.generate_private_key(65537, 1024), "RS256"),  # noqa: S505 - what is refused
    "another curve": jwk_of(ec.generate_private_key(ec.SECP384R1()), "ES384"),
    "a shared secret": {"kty": "oct", "k": "AAAA"},
    "a private key": {**public(new_key()), "d": "AAAA"},
    "half a key": {"kty": "EC", "crv": "P-256", "x": "AAAA"},
    "a point off the curve": {"kty": "EC", "crv": "P-256", "x": b64(b"\x01" * 32), "y": b64(b"\x02" * 32)},
    "for encryption": {**public(new_key()), "use": "enc"},
    "no object": [],
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", WEAK)
def test_a_key_that_is_not_taken(name: str, active_analyst: Agent, olivia: Person) -> None:
    with pytest.raises(UnusableKeyError):
        PublicKey(WEAK[name])
    with pytest.raises(Invalid, match="not taken"):
        copies.provision(
            actor=olivia,
            agent=active_analyst,
            version=active_analyst.active_version,  # type: ignore[arg-type]
            jwk=WEAK[name],
            days=1,
        )
    assert not AgentInstance.objects.filter(expires_at__isnull=False).exists()


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ed25519.Ed25519PrivateKey.generate(), "EdDSA"),
        (rsa.generate_private_key(65537, 2048), "RS256"),
        (ec.generate_private_key(ec.SECP256R1()), "ES256"),
    ],
)
def test_the_thumbprint_is_that_of_the_standard(key: Any, algorithm: str) -> None:
    taken = PublicKey(jwk_of(key, algorithm))
    assert algorithm in taken.algorithms
    assert len(taken.thumbprint) == 43


def test_the_thumbprint_of_the_example_of_rfc_7638() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCi"
        "FV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb"
        "9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls"
        "1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    key = PublicKey({"kty": "RSA", "n": modulus, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"})
    assert key.thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


# --- Requests -----------------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    "wanted",
    [
        [],
        [task(), task()],
        {"type": "agent_task"},
        [task(type="other")],
        [task(actions=["a", "b"])],
        [task(locations=[])],
        [task(identifier="")],
        [task(intent=" ")],
        [task(task="not-a-uuid")],
        [task(digest="short")],
        [task(more=1)],
        ["text"],
    ],
)
def test_details_that_are_not_one_task(wanted: Any, client: Client, copy: Copy) -> None:
    answer = ask(client, copy, authorization_details=json.dumps(wanted))
    refused(answer, "invalid_authorization_details")


@given(st.text(max_size=300) | st.recursive(st.none() | st.booleans() | st.text(), st.lists).map(json.dumps))
def test_no_details_make_the_reader_fail(text: str) -> None:
    with suppress(OAuthError):
        details.read(text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"client_assertion_type": "other"}, "invalid_client"),
        ({"client_assertion": None}, "invalid_client"),
        ({"client_id": "somebody"}, "invalid_client"),
    ],
)
def test_forms_that_are_not_a_request(form: dict[str, Any], error: str, client: Client, copy: Copy) -> None:
    assert ask(client, copy, **form).json()["error"] == error
    assert not Credential.objects.exists()


@pytest.mark.django_db
def test_a_parameter_twice_and_a_body_of_another_kind(client: Client) -> None:
    kind = "application/x-www-form-urlencoded"
    twice = client.post(TOKEN, "grant_type=a&grant_type=b", content_type=kind)
    assert twice.json()["error"] == "invalid_request"
    assert client.post(TOKEN, {"grant_type": "client_credentials"}).json()["error"] == "invalid_request"
    assert client.get(TOKEN).status_code == 405
    big = client.post(TOKEN, "x=" + "y" * 70_000, content_type=kind)
    assert big.json()["error"] == "invalid_request"


@pytest.mark.django_db
def test_a_refusal_says_nothing_about_who_is_there(client: Client, copy: Copy, olivia: Person) -> None:
    unknown = f"spiffe://countersign.local/agent/x/i/{uuid4()}"
    nobody = ask(client, copy, client_assertion=copy.assertion(iss=unknown, sub=unknown)).json()
    copies.deprovision(actor=olivia, instance=copy.instance)
    assert ask(client, copy).json() == nobody
