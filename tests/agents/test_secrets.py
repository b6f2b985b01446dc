"""Getting a secret: decided, read, recorded; who may say what about one; leases and their ends (S2-12)."""

import json
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, base, call_command
from django.utils import timezone

from agents import secrets as stores
from agents.choices import LeaseEnd, RotationReason, Rotator
from agents.errors import SecretRefusedError, SecretUnavailableError
from agents.management.commands.secret import Command
from agents.models import (
    Agent,
    AgentInstance,
    Person,
    SecretLease,
    SecretReference,
    SecretRotation,
    SecretUse,
)
from agents.secrets import SecretValue
from agents.services import copies, lifecycle, secret_references, secrets
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.models import Event
from governance.models import Decision
from tests.agents.secret_story import CALL, CANARY, OPERATOR, allowed, facts, file_secret
from tests.governance.story import start_instance
from tests.oauth.client import provisioned

pytestmark = pytest.mark.django_db


@pytest.fixture
def secret(olivia: Person, active_analyst: Agent, settings: LazySettings, tmp_path: Path) -> SecretReference:
    return allowed(file_secret(olivia, settings, tmp_path), active_analyst)


@pytest.fixture
def copy(active_analyst: Agent) -> AgentInstance:
    return start_instance(active_analyst)


def events(action: Action) -> list[Event]:
    return list(Event.objects.filter(action=action).order_by("pk"))


def test_a_call_gets_its_secret_and_that_is_on_record(secret: SecretReference, copy: AgentInstance) -> None:
    task = replace(CALL, id=uuid4())
    with secrets.get_secret(reference="nvd-key", instance=copy, task=task) as value:
        assert value.reveal() == CANARY
    with pytest.raises(RuntimeError):
        value.reveal()
    lease = SecretLease.objects.get()
    decision = Decision.objects.get()
    assert (lease.decision_id, lease.instance, lease.task_id) == (decision.pk, copy, task.id)
    assert lease.expires_at - lease.leased_at == timedelta(seconds=60)
    assert not lease.handed_out
    secret.refresh_from_db()
    assert secret.uses == 1
    (event,) = events(Action.SECRET_READ)
    header = json.loads(bytes(event.header))
    assert (header["evaluation"], header["trace"]) == (str(decision.pk), str(task.id))
    assert event.details["lease"] == str(lease.pk)
    assert CANARY not in json.dumps(event.details)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"resource": "endpoint/other"}, "decision"),
        ({"action": "delete_everything"}, "decision"),
    ],
)
def test_without_a_decision_there_is_no_secret(
    secret: SecretReference, copy: AgentInstance, changes: dict[str, Any], code: str
) -> None:
    _refused(copy, code, task=replace(CALL, **changes))


def test_what_is_allowed_is_not_enough_without_a_use(
    olivia: Person, secret: SecretReference, copy: AgentInstance
) -> None:
    secret_references.disallow(actor=olivia.actor, use=SecretUse.objects.get())
    _refused(copy, "use")
    secret_references.allow(
        actor=olivia.actor, secret=secret, agent=copy.agent, action=CALL.action, resource="endpoint/{name}"
    )
    with secrets.get_secret(reference="nvd-key", instance=copy, task=CALL) as value:
        assert value.reveal() == CANARY


def test_what_is_unknown_or_has_ended_is_refused(
    olivia: Person, secret: SecretReference, copy: AgentInstance
) -> None:
    _refused(copy, "unknown", reference="other")
    secret_references.end(actor=olivia.actor, secret=secret, reason="It moved.")
    _refused(copy, "ended")


def test_a_store_that_fails_is_said_and_recorded(
    secret: SecretReference, copy: AgentInstance, tmp_path: Path
) -> None:
    (tmp_path / "nvd-key").unlink()
    with pytest.raises(SecretUnavailableError, match="cannot be read"), _got(copy):
        pass
    (event,) = events(Action.SECRET_READ)
    assert event.outcome == "failed"
    assert not SecretLease.objects.exists()


def test_who_stops_meanwhile_gets_nothing(
    olivia: Person, secret: SecretReference, copy: AgentInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the decision and the answer of the store the agent is retired."""
    read = stores.read

    def retire_and_read(uri: stores.SecretURI) -> stores.Stored:
        lifecycle.retire(actor=olivia, agent=copy.agent, reason="Enough.")
        return read(uri)

    monkeypatch.setattr(stores, "read", retire_and_read)
    _refused(copy, "stopped")
    assert not SecretLease.objects.exists()


def test_leases_end_with_what_they_rest_on(
    olivia: Person, secret: SecretReference, copy: AgentInstance
) -> None:
    with _got(copy):
        pass
    assert secrets.end_leases_of_secret(actor=olivia.actor, secret=secret) == 1
    assert SecretLease.objects.get().end_reason == LeaseEnd.PERSON
    elsewhere = provisioned(olivia, copy.agent).instance
    with _got(elsewhere):
        pass
    assert copies.deprovision(actor=olivia, instance=elsewhere)["secret_leases"] == 0
    with _got(copy):
        pass
    lifecycle.retire(actor=olivia, agent=copy.agent, reason="Enough.")
    assert not SecretLease.objects.filter(ended_at__isnull=True).exists()
    assert len(events(Action.SECRET_LEASES_ENDED)) == 3


def test_what_left_the_portal_with_an_agent_is_rotated(
    olivia: Person, active_analyst: Agent, copy: AgentInstance, settings: LazySettings, tmp_path: Path
) -> None:
    on = [RotationReason.AGENT_ENDED]
    secret = allowed(file_secret(olivia, settings, tmp_path, rotate_on=on), active_analyst)
    with _got(copy):
        pass
    assert not SecretRotation.objects.exists()
    with secrets.get_secret(reference="nvd-key", instance=copy, task=CALL, hand_out=True):
        pass
    lifecycle.retire(actor=olivia, agent=active_analyst, reason="Enough.")
    rotation = SecretRotation.objects.get(secret=secret)
    assert (rotation.reason, rotation.state) == (RotationReason.AGENT_ENDED, "waiting")


def test_only_administrators_say_where_a_secret_is(
    ada: Person, olivia: Person, oscar: Person, secret: SecretReference
) -> None:
    said = facts(olivia, secret.uri, purpose="Something else.")
    for person in (olivia, oscar):
        with pytest.raises(Denied):
            secret_references.add(actor=person.actor, slug="mine", facts=said)
        with pytest.raises(Denied):
            secret_references.change(actor=person.actor, secret=secret, facts=said)
    for verb in (secret_references.check, secrets.end_leases_of_secret):
        with pytest.raises(Denied):
            verb(actor=oscar.actor, secret=secret)
    assert secret_references.change(actor=ada.actor, secret=secret, facts=said).purpose == "Something else."
    with pytest.raises(Conflict, match="place"):
        secret_references.add(actor=ada.actor, slug="twice", facts=said)
    assert {event.outcome for event in events(Action.SECRET_ADDED)} == {"success", "denied"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"uri": "keepass://crm"}, "uri"),
        ({"uri": "env://HOME"}, "uri"),
        ({"uri": "vault://secret/crm#key"}, "uri"),  # nobody said where Vault is
        ({"rotator": Rotator.PORTAL}, "rotator"),
        ({"rotator": Rotator.STORE}, "rotator"),
        ({"rotate_on": ["full_moon"]}, "rotate_on"),
        ({"rotate_days": 0}, "rotate_days"),
        ({"overlap_hours": 10_000}, "overlap_hours"),
        ({"purpose": " "}, "purpose"),
    ],
)
def test_what_cannot_be_is_said_by_field(
    secret: SecretReference, olivia: Person, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        secret_references.add(
            actor=OPERATOR, slug="other", facts=replace(facts(olivia, secret.uri), **changes)
        )
    assert field in refused.value.fields


def test_the_command_adds_allows_lists_and_checks(
    olivia: Person,
    active_analyst: Agent,
    settings: LazySettings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.SECRETS_DIR = str(tmp_path)
    (tmp_path / "crm").write_text(CANARY)
    said = ("add", "crm", f"file://{tmp_path}/crm", "--owner", "olivia", "--purpose", "Reads customers.")
    call_command("secret", *said, "--days", "30")
    call_command("secret", "allow", "crm", active_analyst.slug, *CALL_WORDS)
    call_command("secret", "list")
    call_command("secret", "check", "crm")
    call_command("secret", "rotate", "crm")
    out = capsys.readouterr().out
    day = timezone.now() + timedelta(days=30)
    assert f"crm\tfile://{tmp_path}/crm\tolivia\trotated by {day:%Y-%m-%d}" in out
    assert "yes\tits store counts no versions" in out
    assert "Waiting for a person" in out
    assert CANARY not in out
    with pytest.raises(CommandError, match="not supported"):
        call_command("secret", "add", "x", "keepass://x", "--owner", "olivia", "--purpose", "X.")
    (tmp_path / "crm").unlink()
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("secret", "check", "crm")


CALL_WORDS = (CALL.action, CALL.resource)


def test_the_command_gives_a_child_its_secret_and_nothing_of_the_portal(
    secret: SecretReference, copy: AgentInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://portal:password@db")
    monkeypatch.setattr(base, "connections", SimpleNamespace(close_all=lambda: None))
    said = ["manage.py", "secret", "exec", "--copy", copy.spiffe_id, "--intent", "Look it up."]
    asked = ["--action", CALL.action, "--resource", CALL.resource, "nvd-key=NVD_API_KEY"]
    child = ["sh", "-c", f"env > {tmp_path}/env; exit 7"]
    with pytest.raises(SystemExit) as ended:
        Command().run_from_argv([*said, *asked, "--", *child])
    assert ended.value.code == 7
    given = (tmp_path / "env").read_text()
    assert f"NVD_API_KEY={CANARY}" in given
    assert "postgres" not in given
    assert "COUNTERSIGN" not in given
    assert SecretLease.objects.get().handed_out
    with pytest.raises(SystemExit) as refused:
        Command().run_from_argv([*said, "nvd-key=NVD_API_KEY", "--", *child])
    assert refused.value.code == 2


def _got(copy: AgentInstance) -> AbstractContextManager[SecretValue]:
    return secrets.get_secret(reference="nvd-key", instance=copy, task=CALL)


def _refused(
    copy: AgentInstance, code: str, *, task: secrets.Task = CALL, reference: str = "nvd-key"
) -> None:
    with (
        pytest.raises(SecretRefusedError) as refused,
        secrets.get_secret(reference=reference, instance=copy, task=task),
    ):
        pass
    assert refused.value.refusal == code
    event = events(Action.SECRET_READ)[-1]
    assert (event.outcome, event.details["reason"]) == ("denied", code)
