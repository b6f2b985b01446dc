"""`manage.py ledger erase|redact|prune|export-subject`: shown first, done when told so."""

import json
from datetime import datetime, timedelta, tzinfo
from io import StringIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from agents.models import Person
from audits import subject_keys
from audits.choices import Action, HoldScope
from audits.models import Body, Event, Tombstone
from audits.services import holds, pruning, sealing
from audits.tasks import finish_erasures, prune_the_ledger
from tests.audits.happenings import TESTER, happen

pytestmark = pytest.mark.django_db(transaction=True)


class InTenYears(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "InTenYears":
        return cls.fromisoformat((datetime.now(tz) + timedelta(days=3650)).isoformat())


@pytest.fixture(autouse=True)
def _own_keys(settings: LazySettings, tmp_path: Path) -> None:
    settings.LEDGER_SEAL_INLINE = False
    settings.SUBJECT_KEYS_DIR = tmp_path / "subjects"


@pytest.fixture
def due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small segments, ten years old."""
    happen(9)
    sealing.seal_heads()
    monkeypatch.setattr(pruning, "LEVEL", 2)
    monkeypatch.setattr(pruning, "datetime", InTenYears)


def ledger(*words: str) -> str:
    out = StringIO()
    call_command("ledger", *words, stdout=out, stderr=out)
    return out.getvalue()


def unable(*words: str) -> str:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("ledger", *words, stdout=out, stderr=out)
    assert ended.value.code == 2
    return out.getvalue()


def test_erase_shows_first(oscar: Person) -> None:
    subject = f"person/{oscar.pk}"
    happen(1, stream="agent/one", body={"note": "Oscar Outsider called"})
    said = ledger("erase", subject)
    assert "1 keys, 1 payloads and 0 names" in said
    assert "Nothing stands against it" in said
    assert "1 events of other streams quote the person" in ledger("erase", subject, "--mentions")
    assert subject_keys.of(subject)
    assert "Say why" in unable("erase", subject, "--execute")
    assert "Erased" in ledger("erase", subject, "--execute", "--reason", "Article 17", "--request", "R-1")
    assert Event.objects.get(action=Action.SUBJECT_ERASED).details["request"] == "R-1"


def test_erase_says_what_stands_against_it(oscar: Person) -> None:
    subject = f"person/{oscar.pk}"
    holds.place(actor=TESTER, title="Dispute", scope=HoldScope.PERSON, subject=subject, reason="inquiry")
    assert "The legal hold 'Dispute' covers" in ledger("erase", subject)
    assert "The legal hold 'Dispute' covers" in unable(
        "erase", subject, "--execute", "--reason", "Article 17"
    )


def test_redact_shows_first() -> None:
    [event] = happen(1)
    words = ["redact", f"event/{event.pk}", "--reason", "named somebody"]
    assert "of 1 events would go" in ledger(*words)
    assert Body.objects.filter(pk=event.pk).exists()
    assert "Redacted" in ledger(*words, "--execute")
    assert not Body.objects.filter(pk=event.pk).exists()


def test_prune_shows_first(due: None) -> None:
    said = ledger("prune")
    assert "Entries 0 to 3: nothing keeps them." in said
    assert "2 segments could go" in said
    assert not Tombstone.objects.exists()
    assert "1 segments pruned" in ledger("prune", "--limit", "1", "--execute")
    assert "Entries 4 to 7" in ledger("prune", "--execute")


def test_export_subject_is_json(oscar: Person) -> None:
    found = json.loads(ledger("export-subject", f"person/{oscar.pk}"))
    assert found["records"]["account"]["username"] == "oscar"


def test_the_tasks_do_the_same(due: None) -> None:
    finish_erasures()
    prune_the_ledger()
    assert Tombstone.objects.count() == 2
