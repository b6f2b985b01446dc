"""The agent's side of the Python client, against the product."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from agents.models import Agent, Credential, Person
from countersign_client import Denied, EnforcementPoint, Portal, Refused, Unreachable
from countersign_client.agent import Agent as Caller
from countersign_client.agent import Task, Token
from countersign_client.keys import Key, UnusableKeyError
from tests.client.carrying import Script, answered
from tests.governance.story import LOOKUP, TICKET, elevate, resource
from tests.oauth.client import CRM

TASK = Task(action=LOOKUP[0], on=LOOKUP[1], at=CRM, intent="Find out what the vulnerability means.")


def a_write(on: str) -> Task:
    return Task(action=TICKET, on=on, at=CRM, intent="Track the fix.")


@pytest.mark.django_db
def test_a_token_for_a_task_counts_until_it_is_given_back(caller: Caller, point: EnforcementPoint) -> None:
    token = caller.token(TASK)
    assert (token.type, token.is_live, token.task) == ("DPoP", True, TASK)
    claims = point.introspect(token.value)
    assert (claims["active"], claims["sub"], claims["aud"]) == (True, caller.client_id, CRM)
    caller.give_back(token)
    assert point.introspect(token.value) == {"active": False}


@pytest.mark.django_db
def test_a_write_is_denied_and_then_allowed_under_an_elevation(
    caller: Caller, point: EnforcementPoint, active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    with pytest.raises(Denied) as denied:
        caller.token(a_write(on))
    assert (denied.value.reason, denied.value.requestable) == ("no_elevation", True)
    assert denied.value.evaluation_id
    elevate(olivia, active_analyst, on, members[:2])
    claims = point.introspect(caller.token(a_write(on)).value)
    assert (claims["scope"], claims["authorization_details"][0]["identifier"]) == ("agent:write", on)


@pytest.mark.django_db
def test_another_key_is_refused(caller: Caller) -> None:
    thief = Caller(
        caller.portal, client_id=caller.client_id, key=Key(ec.generate_private_key(ec.SECP256R1()))
    )
    with pytest.raises(Refused) as refused:
        thief.token(TASK)
    assert (refused.value.status, refused.value.code) == (401, "invalid_client")
    assert not Credential.objects.exists()


@pytest.mark.django_db
def test_a_malformed_task_is_refused_with_what_is_wrong(caller: Caller) -> None:
    with pytest.raises(Refused, match="intent"):
        caller.token(replace(TASK, intent=""))


def caller_of(script: Script) -> Caller:
    key = Key(ec.generate_private_key(ec.SECP256R1()))
    portal = Portal("https://portal.example.org", transport=httpx2.MockTransport(script))
    return Caller(portal, client_id="spiffe://x", key=key)


def a_token(value: str = "t", seconds: int = 60) -> Token:
    body = {"access_token": value, "token_type": "DPoP", "expires_in": seconds}
    return caller_of(lambda _request: answered(200, body)).token(TASK)


def test_a_token_does_not_show_itself() -> None:
    token = a_token("secret-token")
    assert "secret" not in f"{token!r} {token}"


def test_a_token_is_over_when_its_time_is() -> None:
    assert not a_token(seconds=0).is_live


@pytest.mark.parametrize("status_and_body", [(502, {}), (500, "no"), (200, [])])
def test_no_answer_is_no_token(status_and_body: Any) -> None:
    with pytest.raises(Unreachable):
        caller_of(lambda _request: answered(*status_and_body)).token(TASK)


def test_keys_of_other_kinds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableKeyError, match="P-256"):
        Key(ec.generate_private_key(ec.SECP384R1()))
    path = tmp_path / "rsa.pem"
    made = rsa.generate_private_key(65537, 2048)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(made.private_bytes(*form))
    with pytest.raises(UnusableKeyError, match="EC or Ed25519"):
        Key.load(path)
