"""kill -9 at any point of recording and sealing: nothing is lost, nothing is there twice."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from audits import keys

ROOT = Path(__file__).resolve().parents[2]
FEWEST_POINTS = 60


@pytest.mark.django_db(transaction=True)
def test_a_process_killed_at_every_statement_commit_and_file(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "COUNTERSIGN_SECRET_KEY": "x" * 50,
        "COUNTERSIGN_DATA_DIR": str(tmp_path),
        "COUNTERSIGN_LEDGER_SEAL_INLINE": "false",
        "DATABASE_URL": database(tmp_path, environment),
        "PYTHONPATH": str(ROOT),
    }
    keys.create(tmp_path / "keys")
    if connection.vendor == "sqlite":
        migrate = [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity=0"]
        subprocess.run(migrate, env=environment, cwd=tmp_path, check=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.promises.killed"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert found.pop("points") >= FEWEST_POINTS
    assert found == {"problem": "", "waiting": 0, "lost": [], "doubled": 0, "gaps": 0, "unsealed": 0}


def database(directory: Path, environment: dict[str, str]) -> str:
    """On PostgreSQL the test's own, which is empty; on SQLite a file."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{directory / 'ledger.sqlite3'}"
    server, _, _ = environment["DATABASE_URL"].rpartition("/")
    return f"{server}/{connection.settings_dict['NAME']}"
