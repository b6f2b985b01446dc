"""Credentials: minted for one call, verified by who executes, good once."""

import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from django.conf import settings
from django.utils import timezone

from agents import signing
from agents.choices import Access, AgentState, CredentialRefusal
from agents.decision_point import Answer, Question
from agents.errors import CredentialError, SigningKeyError
from agents.models import Agent, AgentInstance, Credential
from agents.services import credentials, register, revocations
from audits.choices import Action
from audits.models import Event
from audits.models.base import new_id
from tests.agents.conftest import SYSTEM

AUDIENCE = "http://127.0.0.1:8000/services/assessments"
RESOURCE = "endpoint/assessments"

pytestmark = pytest.mark.django_db


def question(instance: AgentInstance, access: Access = Access.READ) -> Question:
    return Question(
        agent=instance.agent,
        instance=instance,
        version=instance.version,
        action="assess_vulnerability",
        resource=RESOURCE,
        access=access,
        task_id=new_id(),
        intent="Assess finding/1.",
    )


def answer(**changes: object) -> Answer:
    values: dict[str, object] = {
        "id": new_id(),
        "allowed": True,
        "reason": "allowed_by_grant",
        "message": "",
        "requestable": False,
        "credential_seconds": 30,
        "elevation_id": None,
        "ends_at": None,
    }
    return Answer(**(values | changes))  # type: ignore[arg-type]


def mint(instance: AgentInstance, **changes: object) -> tuple[str, Credential]:
    return credentials.mint(
        answer=answer(**({"epoch": revocations.current()} | changes)),
        question=question(instance),
        instance=instance,
        audience=AUDIENCE,
    )


def verify(token: str, **changes: Any) -> Credential:
    holder = AgentInstance.objects.select_related("agent").latest("started_at").actor
    values: dict[str, Any] = {
        "holder": holder,
        "audience": AUDIENCE,
        "action": "assess_vulnerability",
        "resource": RESOURCE,
    }
    return credentials.verify(token=token, **(values | changes))


def test_a_token_carries_one_task_and_nothing_else(instance: AgentInstance) -> None:
    elevation = new_id()
    token, credential = mint(instance, elevation_id=elevation, elevation_digest="a" * 64)
    claims = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    assert (header["typ"], header["alg"], header["kid"]) == ("at+jwt", "ES256", signing.key().id)
    assert (claims["iss"], claims["sub"], claims["aud"]) == (settings.ISSUER, instance.spiffe_id, AUDIENCE)
    assert claims["jti"] == str(credential.pk)
    assert claims["exp"] - claims["iat"] == 30
    assert claims["scope"] == "agent:read"
    assert claims["authorization_details"] == [
        {
            "type": "agent_task",
            "actions": ["assess_vulnerability"],
            "locations": [AUDIENCE],
            "identifier": RESOURCE,
            "intent": "Assess finding/1.",
            "task": claims["authorization_details"][0]["task"],
        }
    ]
    assert claims["prv"] == instance.version.digest
    assert claims["epoch"] == revocations.current() > 0
    assert claims["elev"] == {"id": str(elevation), "hash": "a" * 64, "until": claims["exp"]}


def test_a_token_for_reading_names_no_elevation(instance: AgentInstance) -> None:
    token, _credential = mint(instance)
    assert "elev" not in jwt.decode(token, options={"verify_signature": False})


def test_minting_is_recorded_without_the_token(instance: AgentInstance) -> None:
    token, credential = mint(instance)
    event = Event.objects.get(action=Action.CREDENTIAL_MINTED)
    assert event.object == f"credential/{credential.pk}"
    assert event.stream == instance.agent.stream
    assert token not in f"{event.fields} {event.details}"


def test_a_token_is_good_once(instance: AgentInstance) -> None:
    token, credential = mint(instance)
    assert verify(token) == credential
    credential.refresh_from_db()
    assert credential.used_at is not None
    with pytest.raises(CredentialError) as refusal:
        verify(token)
    assert refusal.value.refusal == CredentialRefusal.USED
    assert Event.objects.filter(action=Action.CREDENTIAL_REFUSED, stream=instance.agent.stream).count() == 1


def test_a_token_never_outlives_what_allows_it(instance: AgentInstance) -> None:
    end = timezone.now() + timedelta(seconds=10)
    token, credential = mint(instance, ends_at=end)
    assert credential.expires_at == end
    assert jwt.decode(token, options={"verify_signature": False})["exp"] <= end.timestamp()


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"allowed": False}, CredentialRefusal.TASK),
        ({"credential_seconds": 0}, CredentialRefusal.EXPIRED),
        ({"ends_at": timezone.now() - timedelta(seconds=1)}, CredentialRefusal.EXPIRED),
        ({"epoch": 0}, CredentialRefusal.ENDED),
    ],
)
def test_nothing_is_minted_without_a_live_permission(
    instance: AgentInstance, changes: dict[str, object], refusal: CredentialRefusal
) -> None:
    with pytest.raises(CredentialError) as error:
        mint(instance, **changes)
    assert error.value.refusal == refusal
    assert not Credential.objects.exists()
    assert Event.objects.filter(action=Action.CREDENTIAL_REFUSED).count() == 1


def test_nothing_is_minted_for_a_frozen_agent(instance: AgentInstance) -> None:
    Agent.objects.update(state=AgentState.FROZEN)
    with pytest.raises(CredentialError):
        mint(instance)


def test_an_epoch_raised_after_the_decision_stops_minting(instance: AgentInstance) -> None:
    decided = revocations.current()
    register.raise_epoch(actor=SYSTEM, agent=instance.agent)
    with pytest.raises(CredentialError) as error:
        mint(instance, epoch=decided)
    assert error.value.refusal == CredentialRefusal.ENDED


def test_the_key_is_created_once_and_only_its_user_reads_it(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert signing.create(folder)
    content = (folder / signing.FILE_NAME).read_bytes()
    assert not signing.create(folder)
    assert (folder / signing.FILE_NAME).read_bytes() == content
    assert stat.S_IMODE((folder / signing.FILE_NAME).stat().st_mode) == 0o600


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signing.create(tmp_path)
    (tmp_path / signing.FILE_NAME).chmod(0o644)
    monkeypatch.setattr(settings, "KEYS_DIR", tmp_path)
    with pytest.raises(SigningKeyError, match="chmod 600"):
        signing.key()


@pytest.mark.parametrize("content", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\nAA==\n"])
def test_what_is_no_key_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    path = tmp_path / signing.FILE_NAME
    path.touch(mode=0o600)
    path.write_bytes(content)
    monkeypatch.setattr(settings, "KEYS_DIR", tmp_path)
    with pytest.raises(SigningKeyError, match=signing.FILE_NAME):
        signing.key()


def test_a_missing_key_says_how_to_mend_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "KEYS_DIR", tmp_path)
    with pytest.raises(SigningKeyError, match=r"manage\.py prepare"):
        signing.key()
