"""A whole installation tells a SIEM by itself: settings, beat, worker and transport together."""

from tests.audits.siem_receivers import Syslog
from tests.processes.installation import Installation


def test_the_worker_tells_a_siem_what_happened_before_it_was_configured(installation: Installation) -> None:
    with Syslog() as receiver:
        installation.variables["COUNTERSIGN_SIEM"] = f"ocsf+syslog+tcp://127.0.0.1:{receiver.port}"
        installation.serve()
        assert receiver.told.wait(60), installation.logs()
    first = receiver.records[0]
    assert (first["metadata"]["version"], first["metadata"]["sequence"]) == ("1.7.0", 0)


def test_the_command_says_whether_a_siem_takes_what_it_is_told(installation: Installation) -> None:
    path = installation.data / "ledger.cef"
    installation.variables["COUNTERSIGN_SIEM"] = f"cef+file://{path}"
    sent = installation.manage("siem", "send")
    assert (sent.returncode, sent.stderr) == (0, "")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert sent.stdout == f"cef+file://{path}: {len(lines)} entries confirmed.\n"
    assert lines[0].startswith("CEF:0|Countersign|Countersign|")
    path.unlink()
    path.mkdir()
    assert (
        installation.manage("siem", "replay", "--sink", f"cef+file://{path}", "--from", "0").returncode == 0
    )
    failed = installation.manage("siem", "send")
    assert (failed.returncode, "cannot be written" in failed.stderr) == (1, True)
