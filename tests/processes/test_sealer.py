"""`manage.py ledger seal --interval`: a sealer as a process, and one that takes over from it."""

import os
import signal
import sys

import pytest

from tests.processes.installation import Installation

RECORD_AND_WAIT = """
import time
from audits.models import Entry, Pending
from tests.audits.happenings import happen
happen(5)
end = time.monotonic() + 40
while Pending.objects.exists() and time.monotonic() < end:
    time.sleep(0.05)
print(Entry.objects.filter(stream="agent/one").count(), Pending.objects.count())
"""


def sealed(installation: Installation) -> list[str]:
    """(sealed, waiting) after five more events."""
    done = installation.manage("shell", "-c", RECORD_AND_WAIT)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-2:]


def test_another_sealer_takes_over_when_one_is_killed(installation: Installation) -> None:
    installation.variables["COUNTERSIGN_LEDGER_SEAL_INLINE"] = "false"
    sealer = (sys.executable, "manage.py", "ledger", "seal", "--interval", "20ms")
    first, second = installation.start(*sealer), installation.start(*sealer)
    assert sealed(installation) == ["5", "0"], installation.logs()
    os.killpg(first.pid, signal.SIGKILL)
    assert sealed(installation) == ["10", "0"], installation.logs()
    os.killpg(second.pid, signal.SIGTERM)
    assert second.wait(20) == 0
    assert "Stopped." in installation.logs()
    assert installation.manage("ledger", "verify").returncode == 0


def test_without_its_key_it_says_so_and_goes_on_once_the_key_is_back(installation: Installation) -> None:
    installation.variables["COUNTERSIGN_LEDGER_SEAL_INLINE"] = "false"
    key = installation.data / "keys" / "seal.key"
    away = key.rename(key.with_name("away"))
    sealer = installation.start(sys.executable, "manage.py", "ledger", "seal", "--interval", "20ms")
    record = RECORD_AND_WAIT.replace("+ 40", "+ 3")
    assert installation.manage("shell", "-c", record).stdout.split()[-2:] == ["0", "5"]
    assert "cannot be read" in installation.logs()
    away.rename(key)
    assert sealed(installation) == ["10", "0"], installation.logs()
    os.killpg(sealer.pid, signal.SIGTERM)
    assert sealer.wait(20) == 0


@pytest.mark.parametrize("text", ["5", "fast", "1ms", "2h", "0s"])
def test_what_is_no_interval_is_refused(installation: Installation, text: str) -> None:
    refused = installation.manage("ledger", "seal", "--interval", text)
    assert refused.returncode == 2
    assert text in refused.stderr
