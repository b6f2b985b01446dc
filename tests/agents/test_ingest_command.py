"""`manage.py ingest`: what it prints, what it queues, and how it refuses."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from pytest_django import Settings

from agents.choices import RunReason, RunState
from agents.models import Agent, Report, Run
from audits.models import Event
from tests.agents.test_ingest import trivy

pytestmark = pytest.mark.django_db


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "scan.json"
    path.write_bytes(trivy(3))
    return path


def ingest(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    call_command("ingest", *arguments, "--json")
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    return answer


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as caught:
        call_command("ingest", *arguments)
    assert caught.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert not Report.objects.exists()
    return said.err


def test_with_an_active_analyst_a_run_is_queued(
    capsys: pytest.CaptureFixture[str], file: Path, active_analyst: Agent
) -> None:
    answer = ingest(capsys, str(file))
    run = Run.objects.get()
    assert answer == {
        "report": str(run.report_id),
        "new": True,
        "file_name": "scan.json",
        "format": "trivy",
        "target": "shop:1",
        "sha256": run.report.sha256,
        "findings": 3,
        "counts": {"high": 3},
        "run": str(run.pk),
        "note": "",
    }
    assert run.agent == active_analyst
    assert Event.objects.get(action="report.ingested").stream == active_analyst.stream


def test_the_same_report_again_queues_nothing(
    capsys: pytest.CaptureFixture[str], file: Path, active_analyst: Agent
) -> None:
    first = ingest(capsys, str(file))
    again = ingest(capsys, str(file), "--agent", active_analyst.slug)
    assert again == {**first, "new": False}
    assert Run.objects.count() == 1


def test_the_same_report_is_worked_through_again_where_the_run_failed(
    capsys: pytest.CaptureFixture[str], file: Path, active_analyst: Agent
) -> None:
    first = ingest(capsys, str(file))
    Run.objects.update(state=RunState.FAILED, reason=RunReason.MODEL_TIMEOUT, ended_at=timezone.now())
    again = ingest(capsys, str(file))
    assert (again["new"], again["report"]) == (False, first["report"])
    assert again["run"] not in {None, first["run"]}


def test_another_format_than_the_one_it_was_read_in_is_refused(
    capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    ingest(capsys, str(file))
    for name in ("sarif", "nonsense"):
        with pytest.raises(SystemExit) as caught:
            call_command("ingest", str(file), "--format", name)
        assert caught.value.code == 2
        assert "known already, as Trivy JSON" in capsys.readouterr().err
    assert not ingest(capsys, str(file), "--format", "trivy")["new"]


def test_an_empty_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert "name of the report is empty" in refused(capsys, "")


def test_in_words(capsys: pytest.CaptureFixture[str], file: Path, active_analyst: Agent) -> None:
    call_command("ingest", str(file))
    run = Run.objects.get()
    assert capsys.readouterr().out.splitlines() == [
        "Format:   trivy",
        "Target:   shop:1",
        "Findings: 3 (3 high)",
        f"Report:   {run.report_id}",
        f"Run:      {run.pk}",
    ]
    call_command("ingest", str(file))
    assert "was here already; nothing changed" in capsys.readouterr().out


def test_without_an_analyst_it_says_how_to_mend_it(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    answer = ingest(capsys, str(file))
    assert (answer["findings"], answer["run"]) == (3, None)
    assert "register vulnerability-analyst and have it approved" in answer["note"]


def test_an_analyst_in_draft_does_not_run_until_it_is_active(
    capsys: pytest.CaptureFixture[str], file: Path, analyst: Agent
) -> None:
    answer = ingest(capsys, str(file))
    assert (answer["run"], Run.objects.count()) == (None, 0)
    assert "Vulnerability analyst is draft" in answer["note"]


def test_what_waited_for_an_active_analyst_is_queued_then(
    capsys: pytest.CaptureFixture[str], file: Path, request: pytest.FixtureRequest
) -> None:
    before = ingest(capsys, str(file))
    request.getfixturevalue("active_analyst")
    after = ingest(capsys, str(file))
    assert (before["run"], after["new"], after["note"]) == (None, False, "")
    assert after["run"] == str(Run.objects.get().pk)


def test_a_report_without_findings_is_not_analysed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, active_analyst: Agent
) -> None:
    counts = tmp_path / "summary.json"
    counts.write_text('{"scan_type": "container", "findings": {"critical": 2}}')
    answer = ingest(capsys, str(counts))
    assert (answer["counts"], answer["run"]) == ({"critical": 2}, None)
    assert answer["note"] == "There is no finding to analyse."


def test_standard_input(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(trivy())))
    assert ingest(capsys, "-", "--format", "trivy")["file_name"] == "standard input"


def test_an_unknown_agent_is_refused(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    assert refused(capsys, str(file), "--agent", "nobody") == (
        "No agent nobody is registered. Registered ones are in the portal under Agents.\n"
    )


def test_an_unknown_format_is_refused(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    assert "'nexus' is not a known format" in refused(capsys, str(file), "--format", "nexus")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "scan.json: the file is empty."),
        (b'{"a":\n', "scan.json at line 2 column 1: not readable as JSON"),
        (b"{}", "scan.json at $: of no known format (trivy, grype, sarif, cyclonedx, snyk, npm_audit, "),
        (b"<xml/>", "scan.json at $: of no known format"),
        (b"<xml>", "scan.json at line 1 column 6: not readable as XML"),
    ],
)
def test_a_bad_report_is_refused_in_one_sentence(
    capsys: pytest.CaptureFixture[str], file: Path, content: bytes, said: str
) -> None:
    file.write_bytes(content)
    message = refused(capsys, str(file))
    assert said in message
    assert message.count("\n") == 1


def test_a_bad_report_is_refused_as_an_object(capsys: pytest.CaptureFixture[str], file: Path) -> None:
    file.write_bytes(b"{}")
    problem = json.loads(refused(capsys, str(file), "--json"))
    assert (problem["title"], problem["status"]) == ("unreadable_report", 422)
    assert problem["detail"].startswith("scan.json at $")


def test_a_huge_report_is_refused_without_reading_it_all(
    capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    settings.REPORT_MAX_BYTES = 1024
    assert "longer than 1024 bytes" in refused(capsys, "/dev/zero")


@pytest.mark.parametrize("path", ["/nowhere/scan.json", "/"])
def test_a_file_that_cannot_be_read_is_refused(capsys: pytest.CaptureFixture[str], path: str) -> None:
    assert f"{path}: cannot be read" in refused(capsys, path)
