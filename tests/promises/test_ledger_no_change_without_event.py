"""Promise 1: state and ledger commit together; where the ledger cannot be written, nothing happens."""

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, transaction

from agents.models import Agent, Person
from agents.services import register
from audits import keys
from audits.choices import BundleKind
from audits.models import Bundle, Event
from audits.services import bundles, ledger
from tests.audits.happenings import TESTER, execute, happen

pytestmark = pytest.mark.django_db(transaction=True)


def request() -> Bundle:
    return bundles.request(actor=TESTER, kind=BundleKind.AGENT, streams=["agent/one"], subject="One")


def registered(olivia: Person) -> Agent:
    return register.register_agent(
        actor=olivia, slug="helper", name="Helper", purpose="Helps.", business_unit="Security", owner=olivia
    )


def test_without_keys_nothing_happens(olivia: Person, settings: LazySettings, tmp_path: Path) -> None:
    settings.KEYS_DIR = tmp_path / "absent"
    with pytest.raises(keys.KeysUnusable, match="keys create"):
        request()
    with pytest.raises(keys.KeysUnusable, match="keys create"):
        registered(olivia)
    assert not Bundle.objects.exists()
    assert not Agent.objects.exists()


def test_with_a_key_open_to_others_nothing_happens(settings: LazySettings, tmp_path: Path) -> None:
    settings.KEYS_DIR = tmp_path
    keys.create(tmp_path)
    (tmp_path / keys.MAC).chmod(0o644)
    with pytest.raises(keys.KeysUnusable, match="open to others"):
        request()
    assert not Bundle.objects.exists()


def test_where_the_ledger_cannot_be_written_nothing_happens(
    olivia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        execute("INSERT INTO audits_absent VALUES (1)")

    before = Event.objects.count()
    monkeypatch.setattr(ledger, "_insert", full)
    with pytest.raises(DatabaseError):
        registered(olivia)
    with pytest.raises(DatabaseError):
        request()
    assert not Agent.objects.exists()
    assert not Bundle.objects.exists()
    assert Event.objects.count() == before


def test_what_does_not_happen_leaves_no_event() -> None:
    with transaction.atomic():
        request()
        transaction.set_rollback(True)
    assert not Bundle.objects.exists()
    assert not Event.objects.exists()


def test_each_change_has_its_event_in_the_same_transaction() -> None:
    with transaction.atomic():
        bundle = request()
        assert Event.objects.filter(object=f"bundle/{bundle.pk}").exists()
    assert Event.objects.filter(object=f"bundle/{bundle.pk}").count() == 1


def test_sealing_that_fails_does_not_undo_what_happened(settings: LazySettings) -> None:
    seal_key = Path(settings.KEYS_DIR) / keys.SEAL
    content = seal_key.read_bytes()
    seal_key.unlink()
    keys.forget()
    try:
        [event] = happen(1)
    finally:
        seal_key.touch(mode=0o600)
        seal_key.write_bytes(content)
    assert Event.objects.filter(pk=event.pk, pending__isnull=False).exists()
