"""`manage.py doctor` says what is wrong and how to mend it."""

import json
import sqlite3
from pathlib import Path

from tests.processes.installation import Installation


def examined(installation: Installation) -> tuple[int, dict[str, dict[str, str]]]:
    result = installation.manage("doctor", "--json")
    assert "Traceback" not in result.stderr
    findings = [json.loads(line) for line in result.stdout.splitlines()]
    worst = {"ok": 0, "warning": 1, "failure": 2}
    return result.returncode, {
        finding["check"]: finding for finding in sorted(findings, key=lambda f: worst[f["status"]])
    }


def test_a_fresh_installation_is_well(installation: Installation) -> None:
    code, findings = examined(installation)
    assert code == 0
    assert {finding["status"] for finding in findings.values()} <= {"ok", "warning"}
    assert findings["nvd"]["status"] == "warning", "the mirror of a fresh offline installation is empty"


def test_before_prepare_it_says_to_prepare(tmp_path: Path) -> None:
    code, findings = examined(Installation(tmp_path))
    assert code == 1
    assert "keys create" in findings["keys"]["mend"]
    assert "prepare" in findings["database"]["mend"]


def test_keys_that_others_can_read_are_a_failure(installation: Installation) -> None:
    key = next(path for path in (installation.data / "keys").iterdir() if path.suffix != ".vkey")
    key.chmod(0o644)
    code, findings = examined(installation)
    assert code == 1
    assert key.name in findings["keys"]["message"]
    assert "chmod 600" in findings["keys"]["mend"]


def test_a_broker_that_is_away_is_a_failure(installation: Installation) -> None:
    installation.variables["REDIS_URL"] = "redis://127.0.0.1:1/0"
    code, findings = examined(installation)
    assert code == 1
    assert "127.0.0.1:1" in findings["broker"]["message"]


def test_a_database_that_is_away_is_a_failure(installation: Installation) -> None:
    installation.variables["DATABASE_URL"] = "postgres://nobody:hunter2@127.0.0.1:1/none"
    code, findings = examined(installation)
    assert code == 1
    assert findings["database"]["status"] == "failure"
    assert "hunter2" not in json.dumps(findings)


def test_a_trigger_that_was_taken_off_is_a_failure(installation: Installation) -> None:
    with sqlite3.connect(installation.data / "countersign.sqlite3") as connection:
        connection.execute("DROP TRIGGER audits_event_no_update")
    connection.close()
    code, findings = examined(installation)
    assert code == 1
    assert "audits_event_no_update" in findings["triggers"]["message"]
    assert installation.manage("prepare").returncode == 0
    assert examined(installation)[1]["triggers"]["status"] == "ok"


def test_sign_ins_in_the_clear_are_a_failure(installation: Installation) -> None:
    installation.variables["COUNTERSIGN_ALLOWED_HOSTS"] = "portal.example.org"
    code, findings = examined(installation)
    assert code == 1
    assert "COUNTERSIGN_HTTPS" in findings["settings"]["mend"]
