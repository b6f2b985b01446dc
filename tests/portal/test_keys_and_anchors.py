"""What people see of keys and anchors: alarms on the overview, pages, a check by a button, the doctor."""

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Person
from audits import keys
from audits.actor import Actor
from audits.choices import Action, KeyPurpose
from audits.models import Anchor, Event, Key
from audits.services import anchoring, key_rotation
from portal import doctor
from tests.portal.pages import address, happen, listing, page

pytestmark = pytest.mark.django_db
OPERATOR = Actor.system("command-line")


@pytest.fixture
def log(tmp_path: Path, settings: LazySettings) -> Path:
    settings.ANCHORS = [f"file://{tmp_path}/outside/checkpoints.log"]
    return tmp_path / "outside" / "checkpoints.log"


def anchored(log: Path) -> Anchor:
    log.parent.mkdir()
    happen(2)
    [anchor] = anchoring.publish()
    return anchor


def overview(client: Client, person: Person) -> str:
    client.force_login(person)
    return page(client, reverse("admin:index"))


def test_an_anchor_that_is_well_raises_no_alarm(client: Client, aude: Person, log: Path) -> None:
    anchor = anchored(log)
    text = overview(client, aude)
    assert anchor.sink in text
    assert "A1: copied out" in text
    assert 'role="alert"' not in text


def test_an_anchor_that_is_missing_and_then_late_raises_one(client: Client, aude: Person, log: Path) -> None:
    happen(1)
    anchoring.publish()
    with time_machine.travel(timezone.now() + timedelta(minutes=10)):
        text = overview(client, aude)
        assert 'role="alert"' in text
        assert f"Nothing was ever anchored at file:{log}" in text
        log.parent.mkdir()
        anchoring.publish()
        assert 'role="alert"' not in overview(client, aude)
        happen(1)
    with time_machine.travel(timezone.now() + timedelta(minutes=20)):
        assert "is late with the newest checkpoint" in overview(client, aude)


def test_an_anchor_that_contradicts_the_ledger_raises_one(client: Client, aude: Person, log: Path) -> None:
    anchored(log)
    log.write_bytes(b"")
    anchoring.examine()
    assert f"The anchor file:{log} contradicts the ledger" in overview(client, aude)
    [finding] = doctor.check_anchors()
    assert (finding.status, "ledger anchors --check" in finding.mend) == ("failure", True)


def test_people_without_a_view_of_anchors_see_none(client: Client, olivia: Person, log: Path) -> None:
    anchor = anchored(log)
    assert anchor.sink not in overview(client, olivia)
    assert client.get(listing(Anchor)).status_code == 403
    assert client.get(listing(Key)).status_code == 403


def test_an_auditor_checks_an_anchor_by_a_button(client: Client, aude: Person, log: Path) -> None:
    anchor = anchored(log)
    client.force_login(aude)
    assert "Check again" in page(client, address(anchor))
    url = reverse("admin:audits_anchor_check_again", args=[anchor.pk])
    assert client.post(url, {"_form_submitted": "on"}, follow=True).status_code == 200
    anchor.refresh_from_db()
    assert anchor.checked_at is not None
    assert Event.objects.filter(action=Action.ANCHOR_CHECKED, actor=aude.actor.ref).exists()
    log.unlink()
    client.post(url, {"_form_submitted": "on"})
    assert "is gone" in page(client, address(anchor))


def test_a_receipt_that_is_no_text_is_shown_in_hexadecimal(client: Client, aude: Person, log: Path) -> None:
    anchor = anchored(log)
    Anchor.objects.update(receipt=b"\x30\x82\xff")
    client.force_login(aude)
    assert "3082ff" in page(client, address(anchor))


def test_the_keys_are_listed_with_their_statement(
    client: Client, aude: Person, tmp_path: Path, settings: LazySettings
) -> None:
    settings.KEYS_DIR = tmp_path / "keys"
    keys.create(settings.KEYS_DIR)
    key = key_rotation.rotate(actor=OPERATOR, purpose=KeyPurpose.SEAL)
    client.force_login(aude)
    text = page(client, listing(Key))
    assert key.pk in text
    assert "Rotated" in text
    shown = page(client, address(key))
    assert "countersign/rotation/v1" in shown
    assert "in use" in shown
    event = Event.objects.get(action=Action.KEY_ROTATED)
    assert address(key) in page(client, address(event))


def test_the_doctor_says_how_anchors_stand(log: Path, settings: LazySettings) -> None:
    anchored(log)
    assert [finding.status for finding in doctor.check_anchors()] == ["ok"]
    with time_machine.travel(timezone.now() + timedelta(minutes=20)):
        happen(1)
    with time_machine.travel(timezone.now() + timedelta(minutes=40)):
        [late] = doctor.check_anchors()
    assert (late.status, "is late" in late.message) == ("warning", True)
    settings.ANCHORS = []
    [none] = doctor.check_anchors()
    assert "COUNTERSIGN_ANCHORS" in none.mend
    settings.ANCHORS = ["ftp://example.org"]
    [wrong] = doctor.check_anchors()
    assert wrong.status == "failure"
    assert list(doctor.check_key_changes()) == []
