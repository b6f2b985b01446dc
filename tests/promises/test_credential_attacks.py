"""Attacks on credentials: whatever is not exactly what was minted for this call is refused (promise 7)."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
import time_machine
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from agents import signing
from agents.choices import AgentState, CredentialRefusal
from agents.errors import CredentialError
from agents.models import Agent, AgentInstance, Credential
from agents.services import instances, register
from audits.choices import Action
from audits.models import Event
from tests.agents.conftest import SYSTEM
from tests.agents.test_credentials import AUDIENCE, mint, verify
from tests.governance.story import race

pytestmark = pytest.mark.django_db


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def signed(claims: dict[str, Any], key: ec.EllipticCurvePrivateKey | None = None, **header: str) -> str:
    headers = {"typ": "at+jwt", "kid": signing.key().id} | header
    return jwt.encode(claims, key or signing.key().private, algorithm="ES256", headers=headers)


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def by_hand(token: str, header: dict[str, Any], signature: bytes = b"") -> str:
    body = f"{encoded(header)}.{encoded(claims_of(token))}"
    return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def public_pem() -> bytes:
    return signing.key().public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def hmac_with_the_public_key(token: str) -> str:
    """HS256, keyed with the bytes of the public key: the classic confusion. PyJWT will not make one."""
    hs = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    body = (
        f"{encoded({'alg': 'HS256', 'typ': 'at+jwt', 'kid': signing.key().id})}.{encoded(claims_of(token))}"
    )
    return f"{body}.{base64.urlsafe_b64encode(hs.sign(body.encode(), public_pem())).rstrip(b'=').decode()}"


def embedded_key(token: str) -> str:
    """Signed with a key of the attacker's, which the header brings along."""
    stranger = ec.generate_private_key(ec.SECP256R1())
    algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    jwk = json.loads(algorithm.to_jwk(stranger.public_key()))
    headers = {"typ": "at+jwt", "kid": signing.key().id, "jwk": jwk}
    return jwt.encode(claims_of(token), stranger, algorithm="ES256", headers=headers)


def changed(**claims: Any) -> Callable[[str], str]:
    """Signed with the real key: as if an older version of us, or another part, had minted it."""
    return lambda token: signed(claims_of(token) | claims)


def without(claim: str) -> Callable[[str], str]:
    return lambda token: signed({key: value for key, value in claims_of(token).items() if key != claim})


def flipped(token: str) -> str:
    header, body, signature = token.split(".")
    return f"{header}.{body}.{signature[:-4]}{'AAAA' if signature[-4:] != 'AAAA' else 'BBBB'}"


R = CredentialRefusal
ATTACKS: list[tuple[str, Callable[[str], str], R]] = [
    ("nothing", lambda _: "", R.MALFORMED),
    ("two parts", lambda token: token.rpartition(".")[0], R.MALFORMED),
    ("huge", lambda token: token + "A" * 10_000, R.MALFORMED),
    ("not base64", lambda _: "%.%.%", R.MALFORMED),
    ("none", lambda token: by_hand(token, {"alg": "none", "typ": "at+jwt"}), R.ALGORITHM),
    ("nOnE", lambda token: by_hand(token, {"alg": "nOnE", "typ": "at+jwt"}), R.ALGORITHM),
    ("no alg", lambda token: by_hand(token, {"typ": "at+jwt"}), R.ALGORITHM),
    ("HS256 by the public key", hmac_with_the_public_key, R.ALGORITHM),
    ("RS256", lambda token: by_hand(token, {"alg": "RS256", "typ": "at+jwt"}, b"x" * 256), R.ALGORITHM),
    ("ES384", lambda token: by_hand(token, {"alg": "ES384", "typ": "at+jwt"}, b"x" * 96), R.ALGORITHM),
    ("embedded key", embedded_key, R.MALFORMED),
    ("empty signature", lambda token: token.rpartition(".")[0] + ".", R.SIGNATURE),
    (
        "all-zero signature (CVE-2022-21449)",
        lambda token: (
            token.rpartition(".")[0] + "." + base64.urlsafe_b64encode(bytes(64)).rstrip(b"=").decode()
        ),
        R.SIGNATURE,
    ),
    ("flipped", flipped, R.SIGNATURE),
    ("typ JWT", lambda token: signed(claims_of(token), typ="JWT"), R.TYPE),
    ("typ of an id token", lambda token: signed(claims_of(token), typ="id+jwt"), R.TYPE),
    ("other kid", lambda token: signed(claims_of(token), kid="../../etc/passwd"), R.KEY),
    ("issuer", changed(iss="https://issuer.example.org"), R.ISSUER),
    ("audience", changed(aud="http://127.0.0.1:8000/services/tickets"), R.AUDIENCE),
    ("audiences", changed(aud=[AUDIENCE, "https://elsewhere.example.org"]), R.AUDIENCE),
    ("expired", changed(exp=1), R.EXPIRED),
    ("from the future", changed(iat=2**33, exp=2**34), R.EXPIRED),
    ("not minted", changed(jti="0195e3a0-0000-7000-8000-000000000000"), R.UNKNOWN),
    ("jti is no id", changed(jti="1 OR 1=1"), R.UNKNOWN),
    ("older epoch", changed(epoch=0), R.ENDED),
    ("newer epoch", changed(epoch=99), R.ENDED),
    ("somebody else", changed(sub="spiffe://countersign.local/agent/other/i/1"), R.CLAIMS),
    ("no task", changed(authorization_details=[]), R.TASK),
    ("task is no list", changed(authorization_details={"actions": ["assess_vulnerability"]}), R.TASK),
    ("other type", changed(authorization_details=[{"type": "payment"}]), R.TASK),
    *[(f"no {claim}", without(claim), R.CLAIMS) for claim in ("exp", "sub", "jti", "epoch", "scope", "prv")],
    ("no aud", without("aud"), R.CLAIMS),
]


@pytest.mark.parametrize(("attack", "refusal"), [pytest.param(a, r, id=name) for name, a, r in ATTACKS])
def test_forged_tokens_are_refused(
    instance: AgentInstance,
    attack: Callable[[str], str],
    refusal: CredentialRefusal,
) -> None:
    token, credential = mint(instance)
    with pytest.raises(CredentialError) as error:
        verify(attack(token))
    assert error.value.refusal == refusal
    credential.refresh_from_db()
    assert credential.used_at is None, "the real one is still good"
    assert Event.objects.filter(action=Action.CREDENTIAL_REFUSED).count() == 1
    verify(token)


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"audience": "http://127.0.0.1:8000/services/tickets"}, R.AUDIENCE),
        ({"action": "open_ticket"}, R.TASK),
        ({"resource": "finding/0195e3a0-0000-7000-8000-000000000000"}, R.TASK),
        ({"resource": "endpoint"}, R.TASK),
        ({"resource": "endpoint/assessments/.."}, R.TASK),
    ],
)
def test_a_token_is_refused_for_anything_else(
    instance: AgentInstance,
    asked: dict[str, str],
    refusal: CredentialRefusal,
) -> None:
    token, _ = mint(instance)
    with pytest.raises(CredentialError) as error:
        verify(token, **asked)
    assert error.value.refusal == refusal


def test_a_stored_row_that_was_widened_does_not_widen_the_token(instance: AgentInstance) -> None:
    token, credential = mint(instance)
    Credential.objects.filter(pk=credential.pk).update(action="open_ticket")
    for action in ("open_ticket", "assess_vulnerability"):
        with pytest.raises(CredentialError) as error:
            verify(token, action=action)
        assert error.value.refusal == R.TASK


def test_an_expired_token_is_refused(instance: AgentInstance) -> None:
    token, _ = mint(instance)
    with time_machine.travel(timezone.now() + timedelta(seconds=31)), pytest.raises(CredentialError) as error:
        verify(token)
    assert error.value.refusal == R.EXPIRED


def end_by_epoch(instance: AgentInstance) -> None:
    register.raise_epoch(actor=SYSTEM, agent=instance.agent)


def end_by_freezing(instance: AgentInstance) -> None:
    Agent.objects.update(state=AgentState.FROZEN)


def end_of_the_instance(instance: AgentInstance) -> None:
    instances.end(actor=SYSTEM, instance=instance)


@pytest.mark.parametrize("end", [end_by_epoch, end_by_freezing, end_of_the_instance])
def test_a_token_dies_with_the_access(
    instance: AgentInstance,
    end: Callable[[AgentInstance], None],
) -> None:
    token, _ = mint(instance)
    end(instance)
    with pytest.raises(CredentialError) as error:
        verify(token)
    assert error.value.refusal == R.ENDED


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_uses_the_token(instance: AgentInstance) -> None:
    token, _ = mint(instance)
    outcomes = race([lambda: verify(token)] * 10)
    used = [outcome for outcome in outcomes if isinstance(outcome, Credential)]
    refusals = [outcome.refusal for outcome in outcomes if isinstance(outcome, CredentialError)]
    assert len(used) == 1
    assert refusals == [R.USED] * 9
