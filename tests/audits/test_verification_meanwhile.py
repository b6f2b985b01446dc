"""A ledger goes on while it is verified: what others commit between two reads is no alarm."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection, connections, transaction

from audits.models import Entry, Tombstone
from audits.services import pruning, sealing, verification
from audits.services.verification import Report
from tests.audits.happenings import TESTER, execute, happen, take_triggers_off

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _some_events(settings: LazySettings) -> None:
    settings.LEDGER_SEAL_INLINE = False
    happen(3, stream="agent/one")
    sealing.seal_heads()
    happen(2, stream="agent/two")
    sealing.seal()


class Meanwhile:
    """Before the read with this number, somebody else records and seals."""

    def __init__(self, number: int, act: Callable[[], object]) -> None:
        self.number, self.act, self.reads, self.busy = number, act, 0, False

    def __call__(self, execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if not self.busy and sql.lstrip().upper().startswith("SELECT"):
            if self.reads == self.number:
                self.busy = True
                self.act()
                self.busy = False
            self.reads += 1
        return execute(sql, *arguments)


def others() -> None:
    happen(1, stream="agent/one")
    happen(1, stream="agent/new")
    sealing.seal()
    happen(1, stream="agent/two")


def with_heads() -> None:
    others()
    sealing.seal_heads()


VERIFIED: dict[str, Callable[[], Report]] = {
    "whole": verification.verify,
    "since": lambda: verification.verify(since=4),
    "stream": lambda: verification.verify_stream(stream="agent/one"),
}


@pytest.mark.parametrize("act", [others, with_heads])
@pytest.mark.parametrize("kind", VERIFIED)
def test_a_seal_between_any_two_reads_is_no_alarm(kind: str, act: Callable[[], object]) -> None:
    number = 0
    while True:
        meanwhile = Meanwhile(number, act)
        with transaction.atomic():
            with connection.execute_wrapper(meanwhile):
                report = VERIFIED[kind]()
            transaction.set_rollback(True)
        assert report.is_sound, (number, report)
        if meanwhile.reads <= number:
            break
        number += 1
    assert number > 5


def test_what_is_beyond_the_last_checkpoint_is_still_found() -> None:
    take_triggers_off()
    last = Entry.objects.latest("seq")
    execute("DELETE FROM audits_checkpoint WHERE size = %s", last.seq + 1)
    report = verification.verify()
    assert "is beyond the last signed checkpoint" in report.problem


# --- Pruning ----------------------------------------------------------------------------------------------
@pytest.fixture
def due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small segments, of which every event is due."""

    class InTenYears(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "InTenYears":
            return cls.fromisoformat((datetime.now(tz) + timedelta(days=3650)).isoformat())

    monkeypatch.setattr(pruning, "LEVEL", 2)
    monkeypatch.setattr(pruning, "datetime", InTenYears)


def prune() -> None:
    """By another connection where the database lets another in, as the worker does it."""
    if connection.vendor == "sqlite":
        assert pruning.prune(actor=TESTER)
        return
    pruned: list[Tombstone] = []

    def work() -> None:
        try:
            pruned.extend(pruning.prune(actor=TESTER))
        finally:
            connections.close_all()

    pruner = threading.Thread(target=work)
    pruner.start()
    pruner.join()
    assert pruned


READS = (0, 2, 4, 6, 9, 14, 20)
"""Some of the first: each look reads more than the one before, for the ledger has grown."""


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", VERIFIED)
def test_pruning_between_two_reads_is_no_alarm(kind: str, due: None) -> None:
    for number in READS:
        happen(5, stream="agent/one")
        sealing.seal_heads()
        meanwhile = Meanwhile(number, prune)
        with connection.execute_wrapper(meanwhile):
            report = VERIFIED[kind]()
        assert report.is_sound, (number, report)
        assert meanwhile.reads > number


@pytest.mark.django_db(transaction=True)
def test_what_is_missing_is_still_missing_beside_a_pruner(due: None) -> None:
    """A second look excuses nothing: entries that no event explains are found."""
    happen(9, stream="agent/one")
    sealing.seal_heads()
    take_triggers_off()
    last = Entry.objects.latest("seq").seq
    execute("UPDATE audits_entry SET leaf = %s WHERE seq = %s", b"\1" * 32, last - 1)
    with connection.execute_wrapper(Meanwhile(5, prune)):
        report = verification.verify()
    assert not report.is_sound
    assert report.place.startswith(f"entry {last - 1}"), report
