"""Reports of test runners, read and recorded."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from agents import junit
from agents.models import AgentVersion, VersionTest

REPORT = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites tests="99" failures="0"><testsuite name="pytest" timestamp="2026-03-01T10:00:00+00:00" time="2.5">
<testcase name="a" time="1.5"/><testcase name="b" time="1.0"/>
<testcase name="c" time="0"><skipped/></testcase>%s</testsuite></testsuites>
"""
PASSED = REPORT % b""
FAILED = (
    REPORT % b"<testcase name='d'><failure message='no'/></testcase><testcase name='e'><error/></testcase>"
)
BOMB = b"""<!DOCTYPE a [<!ENTITY b "bbbb">]><testsuite><testcase name="&b;"/></testsuite>"""


def record(version: AgentVersion, path: Path, *more: str) -> str:
    said = StringIO()
    arguments = (version.agent.slug, version.label, "--kind", "functional", "--junit", str(path), *more)
    call_command("tests", "record", *arguments, stdout=said)
    return said.getvalue()


def test_cases_are_counted_and_summaries_are_not_believed() -> None:
    found = junit.read(FAILED)
    assert (found.passed, found.failed, found.skipped, found.seconds) == (2, 2, 1, 2.5)
    assert found.started_at is not None
    assert found.started_at.isoformat() == "2026-03-01T10:00:00+00:00"


@pytest.mark.parametrize(
    "content", [b"", b"no xml", b"<other/>", b"<testsuites/>", BOMB, b"<testsuite>" + b" " * junit.MAX_BYTES]
)
def test_what_is_no_report_is_refused(content: bytes) -> None:
    with pytest.raises(junit.JUnitError):
        junit.read(content)


@given(st.binary(max_size=200))
def test_whatever_it_is_there_is_an_answer(content: bytes) -> None:
    with pytest.raises(junit.JUnitError):
        junit.read(content)


@pytest.mark.django_db
def test_a_report_is_recorded_once(analyst_version: AgentVersion, tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_bytes(PASSED)
    assert (
        record(analyst_version, path)
        == "Functional test: functional: passed, 2 passed, 0 failed, 1 skipped\n"
    )
    assert "recorded already" in record(analyst_version, path)
    test = VersionTest.objects.get()
    assert (test.run_id, test.recorded_by) == (test.report_sha256, "system/command-line")


@pytest.mark.django_db
def test_a_report_with_a_failure_is_one_of_a_run_that_failed(
    analyst_version: AgentVersion, tmp_path: Path
) -> None:
    path = tmp_path / "junit.xml"
    path.write_bytes(FAILED)
    assert "failed, 2 passed, 2 failed" in record(analyst_version, path, "--tool", "pytest", "--suite", "all")


@pytest.mark.django_db
def test_the_command_says_what_is_wrong(analyst_version: AgentVersion, tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    with pytest.raises(CommandError):
        record(analyst_version, path)
    path.write_bytes(b"<other/>")
    with pytest.raises(CommandError, match="testsuite"):
        record(analyst_version, path)
    path.write_bytes(PASSED)
    with pytest.raises(CommandError, match="no agent"):
        call_command("tests", "record", "nobody", "1", "--kind", "functional", "--junit", str(path))
    with pytest.raises(CommandError, match="run_url"):
        record(analyst_version, path, "--run-url", "javascript:alert(1)")
