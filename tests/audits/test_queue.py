import logging
from typing import Any

import pytest
from django.db import transaction
from kombu.exceptions import OperationalError

from audits import queue
from audits.models import Entry
from audits.services import sealing
from audits.tasks import build_bundle, seal
from tests.audits.happenings import execute, happen, take_triggers_off

pytestmark = pytest.mark.django_db(transaction=True)


class App:
    """The Celery application, seen from here."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.sent: list[tuple[str, Any]] = []

    def send_task(self, name: str, args: tuple[str, ...]) -> None:
        if self.failure:
            raise self.failure
        self.sent.append((name, args))


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> App:
    app = App()
    monkeypatch.setattr(queue, "current_app", app)
    return app


def test_a_task_is_sent_after_the_commit(app: App) -> None:
    with transaction.atomic():
        queue.enqueue(build_bundle, "1")
        assert app.sent == []
    assert app.sent == [("audits.tasks.build_bundle", ("1",))]


def test_a_task_may_be_named(app: App) -> None:
    queue.enqueue("audits.tasks.build_bundle", "1")
    assert app.sent == [("audits.tasks.build_bundle", ("1",))]


def test_nothing_is_sent_for_what_was_rolled_back(app: App) -> None:
    with transaction.atomic():
        queue.enqueue(build_bundle, "1")
        transaction.set_rollback(True)
    assert app.sent == []


def test_a_broker_that_is_away_is_logged(app: App, caplog: pytest.LogCaptureFixture) -> None:
    app.failure = OperationalError("Connection refused")
    with caplog.at_level(logging.WARNING):
        queue.enqueue(build_bundle, "1")
    assert "audits.tasks.build_bundle('1',) waits: the broker does not answer" in caplog.text


def test_the_sealing_task_seals_events_and_heads() -> None:
    happen(2)
    seal()
    assert Entry.objects.filter(stream="heads").count() == 1
    assert Entry.objects.count() == 3
    seal()
    assert Entry.objects.count() == 3


@pytest.mark.django_db
def test_the_sealing_task_logs_why_it_does_not_seal(caplog: pytest.LogCaptureFixture) -> None:
    happen(1)
    sealing.seal()
    take_triggers_off()
    execute("UPDATE audits_checkpoint SET note = 'nothing'")
    happen(1)
    seal()
    assert "The ledger is not sealed: The last checkpoint, of size 1, was not signed" in caplog.text
