"""A SIEM is told everything, whatever fails: nothing lost, nothing out of order, nobody held up (S4-3)."""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection, connections, transaction

from audits import keys
from audits.models import Entry, SinkCursor
from audits.services import sealing, siem, siem_records
from audits.siem import sending
from audits.siem.address import parse_all
from audits.siem.transport import NotDelivered
from tests.audits.happenings import happen
from tests.audits.siem_receivers import SECRET, Hook, Syslog, certificate

ROOT = Path(__file__).resolve().parents[2]
MANY = 1_000
HOSTILE = 'run/x\n{"seq":0,"action":"forged"}\u2028<110>1 - - - - - forged\r\nCEF:0|a|b|c|d|e|9|act=forged'

pytestmark = pytest.mark.django_db(transaction=True)


def configure(settings: LazySettings, *addresses: str) -> list[str]:
    settings.LEDGER_SEAL_INLINE = False
    settings.SIEM_SINKS = parse_all(addresses)
    settings.SIEM_WEBHOOK_SECRET = SECRET
    return [sink.name for sink in settings.SIEM_SINKS]


def sealed(count: int, **words: Any) -> None:
    with transaction.atomic():
        happen(count, **words)
    sealing.seal()


def deliver_all(name: str, attempts: int) -> None:
    """As workers do, one after another, without the pauses."""
    for _ in range(attempts):
        siem.deliver(name=name, patient=False)
        if SinkCursor.objects.get(name=name).next_seq == siem_records.end():
            return
    pytest.fail(f"{name} did not come to its end: {SinkCursor.objects.get(name=name).error}")


def assert_told(told: list[int], count: int) -> None:
    """Everything, and in order: what comes again goes back to where a batch began, and on from there."""
    assert set(told) == set(range(count))
    assert told[0] == 0
    assert all(after <= before + 1 for before, after in pairwise(told))


def failing_now_and_then(seed: int) -> Callable[[], bool]:
    chance = random.Random(seed)  # noqa: S311 - a test's, the same each time
    return lambda: chance.random() < 0.4


def test_nothing_is_lost_over_syslog_that_fails_now_and_then(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(siem_records, "BATCH", 40)
    trusted, context = certificate(tmp_path)
    sealed(MANY)
    with Syslog() as plain, Syslog(tls=context) as secured:
        plain.refusing, secured.refusing = failing_now_and_then(1), failing_now_and_then(2)
        names = configure(
            settings,
            f"json+syslog+tcp://127.0.0.1:{plain.port}",
            f"json+syslog+tls://localhost:{secured.port}",
        )
        settings.SIEM_CA_FILE = trusted
        for name in names:
            deliver_all(name, 200)
    for receiver in (plain, secured):
        assert receiver.connections > MANY // 40, "some were refused"
        assert_told(receiver.sequence, MANY)


def test_nothing_is_lost_over_a_webhook_that_fails_before_and_after_it_has_taken(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(siem_records, "BATCH", 40)
    sealed(MANY)
    send, loses_the_answer = sending.send, failing_now_and_then(3)

    def lossy(*words: Any) -> None:
        send(*words)
        if loses_the_answer():
            raise NotDelivered("The answer was lost on the way.")

    monkeypatch.setattr(sending, "send", lossy)
    with Hook() as hook:
        fails = failing_now_and_then(4)
        hook.answer = lambda: 500 if fails() else 204
        (name,) = configure(settings, f"json+http://127.0.0.1:{hook.port}/hook")
        deliver_all(name, 400)
    assert len(hook.sequence) > MANY, "some were told twice"
    assert_told(hook.sequence, MANY)


def test_many_workers_tell_each_entry_once_and_in_order(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(siem_records, "BATCH", 10)
    path = tmp_path / "ledger.ndjson"
    (name,) = configure(settings, f"json+file://{path}")
    sealed(200)
    confirmed: list[int] = []

    def work() -> None:
        try:
            confirmed.extend(siem.deliver(name=name) for _ in range(20))
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(confirmed) == 200
    assert seqs(path) == list(range(200))


def test_a_dead_sink_delays_neither_a_live_one_nor_what_happens(
    settings: LazySettings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """While one worker waits for a receiver that is silent, no lock of the database is held."""
    path = tmp_path / "ledger.ndjson"
    dead, live = configure(settings, "json+syslog+tcp://127.0.0.1:9", f"json+file://{path}")
    sealed(3)
    waiting, over = threading.Event(), threading.Event()
    send, transactions = sending.send, list[bool]()

    def silent(sink: Any, *words: Any) -> None:
        if sink.name != dead:
            send(sink, *words)
            return
        transactions.append(connection.in_atomic_block)
        waiting.set()
        assert over.wait(60)
        raise NotDelivered("Nobody answers.")

    def work() -> None:
        try:
            siem.deliver(name=dead)
        finally:
            connections.close_all()

    monkeypatch.setattr(sending, "send", silent)
    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert waiting.wait(60)
        sealed(2)
        assert siem.due() == [live]
        assert siem.deliver(name=live) == 5
        siem.replay(actor=sealing.SEALER, name=dead, seq=0)
    finally:
        over.set()
        worker.join()
    assert transactions == [False]
    assert seqs(path) == list(range(5))
    assert SinkCursor.objects.get(name=dead).next_seq == 0


def test_hostile_text_stays_inside_its_record(settings: LazySettings, tmp_path: Path) -> None:
    names = configure(
        settings, *(f"{kind}+file://{tmp_path}/{kind}?payload=1" for kind in ("ocsf", "cef", "json"))
    )
    sealed(2, object=HOSTILE, body={"text": HOSTILE})
    for name in names:
        assert siem.deliver(name=name) == 2
    for kind in ("ocsf", "cef", "json"):
        text = (tmp_path / kind).read_text(encoding="utf-8")
        assert len(text.splitlines()) == 2, kind
    for line in (tmp_path / "json").read_bytes().splitlines():
        record = json.loads(line)
        assert (record["action"], record["payload"]["text"]) == ("run.queued", HOSTILE)


# --- kill -9 ------------------------------------------------------------------------------------------
WORK = """
import os, signal, sys
import django
django.setup()
from django.core.management import call_command
from django.utils import timezone
from audits.models import SinkCursor
from audits.services import sealing, siem, siem_records
from audits.siem import sending
from tests.audits.happenings import happen

what = sys.argv[1]
if what == "prepare":
    call_command("migrate", verbosity=0)
    happen(7)
    sealing.seal()
siem_records.BATCH = 3
send = sending.send

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def die_after(*words):
    send(*words)
    die()

if what in ("before", "after"):
    sending.send = {"before": die, "after": die_after}[what]
SinkCursor.objects.update(leased_until=timezone.now())  # the time of the lease, which died with its holder
if what != "prepare":
    (name,) = siem.configured()
    print(siem.deliver(name=name))
"""


@pytest.mark.django_db(transaction=False)
def test_killed_between_sending_and_moving_the_cursor_it_tells_twice_and_loses_nothing(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ledger.ndjson"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "COUNTERSIGN_SECRET_KEY": "x" * 50,
        "COUNTERSIGN_DATA_DIR": str(tmp_path),
        "COUNTERSIGN_SIEM": f"json+file://{path}",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'ledger.sqlite3'}",
    }
    keys.create(tmp_path / "keys")

    def work(what: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-c", WORK, what],
            cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, done.stdout

    assert work("prepare") == (0, "")
    assert work("before") == (-9, "")
    assert not path.exists()
    assert work("after") == (-9, "")
    assert seqs(path) == [0, 1, 2]
    assert work("whole") == (0, "7\n")
    assert seqs(path) == [0, 1, 2, 0, 1, 2, 3, 4, 5, 6]


def seqs(path: Path) -> list[int]:
    return [json.loads(line)["seq"] for line in path.read_bytes().splitlines()]


def test_what_was_told_can_be_proved_from_the_ledger(settings: LazySettings, tmp_path: Path) -> None:
    path = tmp_path / "ledger.ndjson"
    (name,) = configure(settings, f"json+file://{path}")
    sealed(3)
    siem.deliver(name=name)
    told = [json.loads(line)["leaf"] for line in path.read_bytes().splitlines()]
    assert told == [bytes(leaf).hex() for leaf in Entry.objects.values_list("leaf", flat=True)]
