"""`manage.py ledger verify` as a user runs it: with several processes."""

import json
import sqlite3
from contextlib import closing
from typing import Any

from tests.processes.installation import Installation

RECORD = """
from django.db import transaction
from audits.actor import Actor
from audits.choices import Action
from audits.services import sealing
from audits.services.ledger import record
with transaction.atomic():
    for number in range(2500):
        record(stream=f"agent/{number % 7}", action=Action.RUN_QUEUED, actor=Actor.system("test"),
               object=f"run/{number}", body={"number": number})
sealing.seal()
sealing.seal_heads()
"""


def test_two_processes_say_what_one_says(installation: Installation) -> None:
    made = installation.manage("shell", "-c", RECORD)
    assert made.returncode == 0, made.stderr
    one, two = (verify(installation, jobs) for jobs in ("1", "2"))
    assert (one["jobs"], two["jobs"]) == (1, 2)
    assert two["sound"], two
    assert two["entries"] > 2500
    # The first run is an event of its own, and waits to be sealed or is sealed by the second.
    assert two["events"] >= one["events"]
    spoil(installation)
    wrong = installation.manage("ledger", "verify", "--jobs", "2")
    assert wrong.returncode == 1, wrong.stderr
    assert wrong.stdout.startswith("WRONG, at entry 2222")
    assert "Traceback" not in wrong.stderr


def verify(installation: Installation, jobs: str) -> dict[str, Any]:
    done = installation.manage("ledger", "verify", "--jobs", jobs, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def spoil(installation: Installation) -> None:
    """What a superuser does who took the triggers off."""
    [database] = installation.data.glob("*.sqlite3")
    with closing(sqlite3.connect(database)) as connection, connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute(
            "UPDATE audits_body SET body_box = x'00' WHERE event_id = "
            "(SELECT event_id FROM audits_entry WHERE seq = 2222)"
        )
