"""Many record and seal at once, as threads and as processes: no gap, no double, no fork."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import connection, connections

from audits import keys
from audits.models import Checkpoint, Entry, Pending
from audits.services import sealing, verification
from tests.audits.happenings import happen

ROOT = Path(__file__).resolve().parents[2]
WRITERS, EVENTS = 4, 25

PROCESSES = """
import dataclasses, json, multiprocessing, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection
from audits.services import sealing, verification
from tests.audits.happenings import happen

def work(number):
    for turn in range(int(sys.argv[2])):
        happen(1, stream=f"agent/{'shared' if turn % 2 else number}")
        sealing.seal()

call_command("migrate", verbosity=0)
connection.close()
writers = [
    multiprocessing.get_context("fork").Process(target=work, args=(number,))
    for number in range(int(sys.argv[1]))
]
for writer in writers:
    writer.start()
for writer in writers:
    writer.join()
codes = [writer.exitcode for writer in writers]
print(json.dumps({"codes": codes, **dataclasses.asdict(verification.verify())}))
"""


@pytest.mark.django_db(transaction=True)
def test_many_writers_and_sealers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Threads on PostgreSQL; on SQLite processes, for the test's own database is in memory."""
    if connection.vendor == "postgresql":
        threads_in_this_process(monkeypatch)
    else:
        processes_on_a_file(tmp_path)


def threads_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "INLINE_SECONDS", 0.0)
    monkeypatch.setattr(sealing, "INLINE_REST", 0)
    failures: list[BaseException] = []
    sealed: list[int] = []

    def work(number: int) -> None:
        try:
            for turn in range(EVENTS):
                happen(1, stream=f"agent/{'shared' if turn % 2 else number}")
                sealed.append(sealing.seal())
        except Exception as failure:  # noqa: BLE001 - a thread must hand over whatever happened
            failures.append(failure)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    sealing.seal()
    check_in_this_process(WRITERS * EVENTS)


def check_in_this_process(count: int) -> None:
    report = verification.verify()
    assert report.is_sound, report
    assert (report.entries, report.pending) == (count, 0)
    assert list(Entry.objects.order_by("seq").values_list("seq", flat=True)) == list(range(count))
    shared = Entry.objects.filter(stream="agent/shared").order_by("stream_seq")
    assert list(shared.values_list("stream_seq", flat=True)) == list(range(1, len(shared) + 1))
    assert not Pending.objects.exists()
    assert Checkpoint.objects.order_by("-size").values_list("size", flat=True)[0] == count


@pytest.mark.django_db(transaction=True)
def test_only_one_seals_at_a_time(settings: LazySettings) -> None:
    """On SQLite the transaction is the lock, for it begins IMMEDIATE."""
    if connection.vendor != "postgresql":
        assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
        return
    settings.LEDGER_SEAL_INLINE = False
    happen(3)
    other = connections.create_connection("default")
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.ADVISORY_LOCK])
            assert sealing.seal() == 0
            cursor.execute("ROLLBACK")
        assert sealing.seal() == 3
    finally:
        other.close()


@pytest.mark.django_db(transaction=True)
def test_an_old_snapshot_may_not_seal() -> None:
    """SQLite has none: a transaction that begins IMMEDIATE sees the newest state."""
    if connection.vendor != "postgresql":
        assert sealing.seal() == 0
        return
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        try:
            with pytest.raises(sealing.SealingRefused, match="needs READ COMMITTED"):
                sealing.seal()
        finally:
            cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED")


def processes_on_a_file(directory: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "COUNTERSIGN_SECRET_KEY": "x" * 50,
        "COUNTERSIGN_DATA_DIR": str(directory),
        "DATABASE_URL": f"sqlite:///{directory / 'ledger.sqlite3'}",
    }
    keys.create(directory / "keys")
    done = subprocess.run(
        [sys.executable, "-c", PROCESSES, str(WRITERS), str(EVENTS)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["codes"] == [0] * WRITERS, done.stderr
    assert report["problem"] == "", report
    assert (report["entries"], report["pending"]) == (WRITERS * EVENTS, 0)
