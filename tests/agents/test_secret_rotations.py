"""Rotation by time, uses, events and on demand, with an overlap; against a real OpenBao (S2-13)."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from django.conf import LazySettings
from django.utils import timezone
from moto import mock_aws

from agents import secrets as stores
from agents.choices import NotificationKind, RotationReason, RotationState, Rotator
from agents.errors import SecretRefusedError
from agents.models import Agent, Notification, Person, SecretReference, SecretRotation
from agents.secrets import StoreError
from agents.services import people, secret_references, secret_rotations, secrets
from audits.choices import Action
from audits.errors import Conflict, Denied
from audits.models import Event
from portal import waiting
from tests.agents.secret_story import CALL, OPERATOR, allowed, facts, file_secret, vault_secret
from tests.agents.stores import put, use_vault
from tests.audits.openbao import Bao, bao
from tests.governance.story import start_instance

__all__ = ["bao"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def vault(bao: Bao, settings: LazySettings, tmp_path: Path) -> Bao:
    use_vault(bao, settings, tmp_path)
    return bao


def value_of(secret: SecretReference, version: str = "") -> str:
    query = f"?version={version}" if version else ""
    return stores.read(stores.parse(f"{secret.uri}{query}")).value.reveal()


def later(secret: SecretReference, **ago: float) -> None:
    """As if it had been rotated so long ago."""
    SecretReference.objects.filter(pk=secret.pk).update(rotated_at=timezone.now() - timedelta(**ago))


def test_the_portal_rotates_with_an_overlap_after_which_the_old_version_is_gone(
    vault: Bao, ada: Person, olivia: Person
) -> None:
    put(vault, "on-demand", key="old", other="stays")
    secret = vault_secret(olivia, "on-demand", overlap_hours=2)
    rotation = secret_rotations.rotate(actor=ada.actor, secret=secret)
    assert (rotation.state, rotation.from_version, rotation.to_version) == ("overlapping", "1", "2")
    fresh = value_of(secret)
    assert (len(fresh), value_of(secret, "1")) == (43, "old")
    assert secret_rotations.sweep() == 0
    SecretRotation.objects.update(overlap_until=timezone.now())
    assert secret_rotations.sweep() == 1
    with pytest.raises(StoreError, match="no such version"):
        value_of(secret, "1")
    assert value_of(secret) == fresh
    rotation.refresh_from_db()
    assert rotation.state == RotationState.DONE
    told = [event.action for event in Event.objects.filter(action__startswith="secret.").order_by("pk")]
    assert told == ["secret.added", "secret.rotation_asked", "secret.rotated", "secret.version_ended"]


def test_it_is_rotated_when_its_time_is_over_or_it_was_used_often(
    vault: Bao, olivia: Person, active_analyst: Agent
) -> None:
    put(vault, "by-time", key="old")
    put(vault, "by-use", key="old")
    by_time = vault_secret(olivia, "by-time", rotate_days=90)
    by_use = allowed(
        vault_secret(olivia, "by-use", rotate_days=None, rotate_uses=2, overlap_hours=0), active_analyst
    )
    assert secret_rotations.sweep() == 0
    later(by_time, days=91)
    copy = start_instance(active_analyst)
    for _ in range(2):
        with secrets.get_secret(reference="by-use", instance=copy, task=CALL):
            pass
    secret_rotations.sweep()
    reasons = dict(SecretRotation.objects.values_list("secret__slug", "reason"))
    assert reasons == {"by-time": RotationReason.TIME, "by-use": RotationReason.USES}
    assert "old" not in {value_of(by_time), value_of(by_use)}
    by_use.refresh_from_db()
    assert by_use.uses == 0
    assert secret_rotations.sweep() == 0


def test_a_breach_ends_what_was_given_and_has_no_overlap(
    vault: Bao, olivia: Person, active_analyst: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(vault, "breached", key="old")
    secret = allowed(vault_secret(olivia, "breached"), active_analyst)
    copy = start_instance(active_analyst)
    with secrets.get_secret(reference="breached", instance=copy, task=CALL):
        pass
    with monkeypatch.context() as broken:
        broken.setattr(stores, "write", _unreachable)
        rotation = secret_rotations.declare_breached(actor=olivia.actor, secret=secret, what="In a log.")
    assert (rotation.state, rotation.error) == ("queued", "It cannot be reached.")
    with (
        pytest.raises(SecretRefusedError, match="breached"),
        secrets.get_secret(reference="breached", instance=copy, task=CALL),
    ):
        pass
    SecretRotation.objects.update(tried_at=None)
    assert secret_rotations.sweep() == 1
    rotation.refresh_from_db()
    assert rotation.state == RotationState.DONE
    with pytest.raises(StoreError):
        value_of(secret, "1")
    with secrets.get_secret(reference="breached", instance=copy, task=CALL) as value:
        assert value.reveal() != "old"
    kinds = Notification.objects.filter(person=olivia).values_list("kind", flat=True)
    assert NotificationKind.SECRET_BREACHED in kinds


def test_what_was_written_before_a_crash_is_not_written_twice(
    vault: Bao, olivia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(vault, "crash", key="old")
    secret = vault_secret(olivia, "crash")
    write = stores.write

    def write_and_die(*arguments: object, **words: object) -> str:
        write(*arguments, **words)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(stores, "write", write_and_die)
        with pytest.raises(KeyboardInterrupt):
            secret_rotations.rotate(actor=OPERATOR, secret=secret)
    fresh = value_of(secret)
    assert secret_rotations.sweep() == 0  # somebody may still be at it
    SecretRotation.objects.update(tried_at=timezone.now() - timedelta(minutes=6))
    assert secret_rotations.sweep() == 1
    assert value_of(secret) == fresh
    assert SecretRotation.objects.get().to_version == "2"


def test_where_the_portal_cannot_write_a_person_is_asked_and_confirms(
    vault: Bao, olivia: Person, oscar: Person
) -> None:
    put(vault, "by-hand", key="old")
    secret = vault_secret(olivia, "by-hand", rotator=Rotator.PERSON)
    rotation = secret_rotations.rotate(actor=olivia.actor, secret=secret)
    assert rotation.state == RotationState.WAITING
    assert _waits(olivia) == ["by-hand"]
    assert _waits(oscar) == []
    SecretRotation.objects.update(from_version="1")
    with pytest.raises(Denied):
        secret_rotations.confirm(actor=oscar.actor, rotation=rotation, note="Done.")
    rotation.refresh_from_db()
    with pytest.raises(Conflict, match="still has version 1"):
        secret_rotations.confirm(actor=olivia.actor, rotation=rotation, note="Done.")
    put(vault, "by-hand", key="new")
    done = secret_rotations.confirm(actor=olivia.actor, rotation=rotation, note="Made in the CRM.")
    assert (done.state, done.to_version) == ("overlapping", "2")
    assert _waits(olivia) == []
    assert not Notification.objects.filter(person=olivia, read_at__isnull=True).exists()
    with pytest.raises(Conflict, match="Nobody waits"):
        secret_rotations.confirm(actor=olivia.actor, rotation=rotation, note="Again.")


def test_what_the_store_refuses_for_good_becomes_a_persons_task(vault: Bao, olivia: Person) -> None:
    secret = vault_secret(olivia, "never-stored")
    rotation = secret_rotations.rotate(actor=olivia.actor, secret=secret)
    assert (rotation.state, rotation.error) == (
        "waiting",
        "Vault: it has nothing there, or no such version.",
    )
    SecretRotation.objects.update(due_at=timezone.now())
    secret_rotations.sweep()
    secret_rotations.sweep()
    titles = list(Notification.objects.filter(person=olivia).values_list("title", flat=True))
    assert titles.count("never-stored is to be rotated, and overdue") == 1


def test_when_somebody_leaves_what_they_could_know_is_rotated(
    ada: Person, olivia: Person, active_analyst: Agent, settings: LazySettings, tmp_path: Path
) -> None:
    """The deputy of an agent that uses it, then its owner, whose task is the administrators' from then."""
    leaves = [RotationReason.PERSON_LEFT]
    allowed(file_secret(olivia, settings, tmp_path, slug="used", rotate_on=leaves), active_analyst)
    file_secret(olivia, settings, tmp_path, slug="owned", rotate_on=leaves)
    file_secret(olivia, settings, tmp_path, slug="careless")
    people.deactivate(actor=ada.actor, person=active_analyst.deputies.get())
    assert _asked() == ["used"]
    people.deactivate(actor=ada.actor, person=olivia)
    assert _asked() == ["owned", "used"]
    assert set(_waits(ada)) == {"owned", "used"}


def test_a_reference_that_moved_destroys_nothing_where_it_went(vault: Bao, olivia: Person) -> None:
    """During the overlap it names another place; there the version of the same number stays."""
    put(vault, "moved", key="old")
    put(vault, "target", key="theirs")
    secret = vault_secret(olivia, "moved")
    assert secret_rotations.rotate(actor=OPERATOR, secret=secret).to_version == "2"
    moved = replace(secret_references.Facts.of(secret), uri="vault://secret/target#key")
    secret = secret_references.change(actor=OPERATOR, secret=secret, facts=moved)
    SecretRotation.objects.update(overlap_until=timezone.now())
    assert secret_rotations.sweep() == 1
    assert value_of(secret, "1") == "theirs"
    with pytest.raises(StoreError):
        stores.read(stores.parse("vault://secret/moved#key?version=1"))


def test_what_waited_is_dropped_when_the_reference_moves_or_ends(
    olivia: Person, settings: LazySettings, tmp_path: Path
) -> None:
    secret = file_secret(olivia, settings, tmp_path)
    secret_rotations.rotate(actor=OPERATOR, secret=secret)
    (tmp_path / "other").write_text("x")
    moved = replace(secret_references.Facts.of(secret), uri=f"file://{tmp_path}/other")
    secret_references.change(actor=OPERATOR, secret=secret, facts=moved)
    assert SecretRotation.objects.get().state == RotationState.DROPPED


def test_an_old_version_that_cannot_be_ended_is_told_once_and_tried_again(
    vault: Bao, olivia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(vault, "stubborn", key="old")
    secret = vault_secret(olivia, "stubborn", overlap_hours=0)
    with monkeypatch.context() as broken:
        broken.setattr(stores, "destroy", _unreachable)
        assert secret_rotations.rotate(actor=OPERATOR, secret=secret).state == RotationState.OVERLAPPING
        assert secret_rotations.sweep() == 0
        SecretRotation.objects.update(tried_at=None)
        assert secret_rotations.sweep() == 0
    titles = list(Notification.objects.filter(person=olivia).values_list("title", flat=True))
    assert titles == ["The old version of stubborn could not be ended"]
    SecretRotation.objects.update(tried_at=None)
    assert secret_rotations.sweep() == 1


@pytest.mark.parametrize("rotator", [Rotator.PORTAL, Rotator.STORE])
def test_aws_keeps_the_old_value_for_the_overlap(
    olivia: Person, monkeypatch: pytest.MonkeyPatch, rotator: Rotator
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with mock_aws():
        client = boto3.client("secretsmanager")
        first = client.create_secret(Name="crm", SecretString="old")["VersionId"]
        given = facts(olivia, "aws-sm://crm", rotator=rotator)
        secret = secret_references.add(actor=OPERATOR, slug="crm", facts=given)
        rotation = secret_rotations.rotate(actor=OPERATOR, secret=secret)
        assert (rotation.state, rotation.error) == (RotationState.OVERLAPPING, "")
        assert rotation.to_version not in {"", first}
        assert value_of(secret, first) == "old"
        SecretRotation.objects.update(overlap_until=timezone.now())
        assert secret_rotations.sweep() == 1
        if rotator == Rotator.PORTAL:
            assert value_of(secret) != "old"
            assert "AWSPREVIOUS" not in str(client.describe_secret(SecretId="crm")["VersionIdsToStages"])


def test_only_who_keeps_it_rotates_it(
    olivia: Person, oscar: Person, settings: LazySettings, tmp_path: Path
) -> None:
    secret = file_secret(olivia, settings, tmp_path)
    with pytest.raises(Denied):
        secret_rotations.rotate(actor=oscar.actor, secret=secret)
    with pytest.raises(Denied):
        secret_rotations.declare_breached(actor=oscar.actor, secret=secret, what="I say so.")
    assert not SecretRotation.objects.exists()
    assert Event.objects.filter(action=Action.SECRET_BREACHED, outcome="denied").count() == 1


def _unreachable(*_: object, **__: object) -> str:
    raise StoreError("It cannot be reached.", temporary=True)


def _asked() -> list[str]:
    return sorted(SecretRotation.objects.values_list("secret__slug", flat=True))


def _waits(person: Person) -> list[str]:
    groups = {group.name: group for group in waiting.groups(person)}
    if "secrets" not in groups:
        return []
    return [str(task.what).split(">")[1].split("<")[0] for task in groups["secrets"].tasks]
