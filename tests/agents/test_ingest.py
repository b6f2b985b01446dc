"""Bringing a report in: once, wholly, and on the record."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from pytest_django import Settings

from agents.models import Agent, Finding, Person, Report
from agents.reports.shape import ReportError
from agents.services import reports
from audits.actor import Actor
from audits.errors import Denied
from audits.models import Event
from audits.services import ledger

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")
DEMO = Path(__file__).parents[2] / "demo"


def trivy(count: int = 1, **vulnerability: Any) -> bytes:
    found = [
        {"VulnerabilityID": f"CVE-2024-{1000 + n}", "PkgName": "left", "Severity": "HIGH", **vulnerability}
        for n in range(count)
    ]
    document = {"SchemaVersion": 2, "ArtifactName": "shop:1"}
    return json.dumps({**document, "Results": [{"Target": "shop", "Vulnerabilities": found}]}).encode()


def test_the_demo_report() -> None:
    report, new = reports.ingest(
        actor=SYSTEM, file_name="/somewhere/report.json", content=(DEMO / "report.json").read_bytes()
    )
    assert new
    assert (report.file_name, report.target) == ("report.json", "registry.example/shop-api:2.3.1")
    assert (report.format, report.ingested_by) == ("trivy", "system/test")
    assert report.counts == {"critical": 2, "high": 2, "medium": 1, "low": 2}
    findings = list(report.findings.all())
    assert [finding.position for finding in findings] == list(range(7))
    assert [finding.vulnerability_id for finding in findings] == [
        "CVE-2021-3156",
        "CVE-2011-3374",
        "CVE-2021-44228",
        "CVE-2021-45105",
        "CVE-2022-22965",
        "CVE-2023-44487",
        "GHSA-5rrq-pxf6-6jx5",
    ]
    assert findings[2].cwes == ["CWE-20", "CWE-400", "CWE-502"]
    assert findings[6].cve_ids == []


def test_the_same_report_twice_changes_nothing() -> None:
    first, _ = reports.ingest(actor=SYSTEM, file_name="a.json", content=trivy())
    again, new = reports.ingest(actor=SYSTEM, file_name="b.json", content=trivy(), format="trivy")
    assert (again, new, again.file_name) == (first, False, "a.json")
    assert (Report.objects.count(), Finding.objects.count()) == (1, 1)
    assert Event.objects.filter(action="report.ingested").count() == 1


def test_it_is_recorded_in_the_system_stream() -> None:
    report, _ = reports.ingest(actor=SYSTEM, file_name="a.json", content=trivy(2))
    event = Event.objects.get(action="report.ingested")
    assert (event.stream, event.object, event.actor) == ("system", f"report/{report.pk}", "system/test")
    assert event.actor_name == "test"
    assert event.details == {
        "file_name": "a.json",
        "target": "shop:1",
        "format": "trivy",
        "scanner": "Trivy",
        "findings": 2,
        "counts": {"high": 2},
        "sha256": report.sha256,
        "size": report.size,
        "scanned_at": report.scanned_at.isoformat(),
        "history": {
            "target": f"target/{report.scanned_target_id}",
            "new": 2,
            "kept": 0,
            "returned": 0,
            "gone": 0,
            "returned_ids": [],
            "gone_ids": [],
        },
    }


def test_it_is_recorded_in_the_stream_of_the_agent(analyst: Agent, olivia: Person) -> None:
    reports.ingest(actor=olivia.actor, file_name="a.json", content=trivy(), agent=analyst)
    assert Event.objects.get(action="report.ingested").stream == analyst.stream


def test_a_summary_keeps_its_counts() -> None:
    content = b'{"scan_type": "container", "findings": {"critical": 2, "high": 3, "medium": 5}}'
    report, _ = reports.ingest(actor=SYSTEM, file_name="a.json", content=content)
    assert (report.counts, report.findings.count()) == ({"critical": 2, "high": 3, "medium": 5}, 0)


def test_a_report_that_names_no_target_is_named_by_its_file() -> None:
    content = b'{"SchemaVersion": 2, "ArtifactName": "", "Results": []}'
    report, _ = reports.ingest(actor=SYSTEM, file_name="nightly.json", content=content)
    assert report.target == "nightly.json"


def test_hostile_texts_are_stored() -> None:
    content = trivy(Title="a\0b\ud800\U0001f600", Description="x" * 100_000, FixedVersion="9" * 9999)
    report, _ = reports.ingest(actor=SYSTEM, file_name="evil\0\ud800.json", content=content)
    finding = report.findings.get()
    assert finding.title == "ab\N{REPLACEMENT CHARACTER}\U0001f600"
    assert report.file_name == "evil\N{REPLACEMENT CHARACTER}.json"


def test_more_findings_than_a_batch() -> None:
    report, _ = reports.ingest(actor=SYSTEM, file_name="a.json", content=trivy(2 * reports.BATCH + 1))
    assert report.findings.count() == 2 * reports.BATCH + 1


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[1]", b'{"SchemaVersion": 2, "ArtifactName": 1, "Results": 1}']
)
def test_nothing_is_stored_of_what_cannot_be_read(content: bytes) -> None:
    with pytest.raises(ReportError, match=r"a\.json"):
        reports.ingest(actor=SYSTEM, file_name="a.json", content=content)
    assert not Report.objects.exists()
    assert not Event.objects.exists()


def test_the_limit_is_a_setting(settings: Settings) -> None:
    settings.REPORT_MAX_BYTES = len(trivy()) - 1
    with pytest.raises(ReportError, match=r"a\.json: longer than \d+ bytes"):
        reports.ingest(actor=SYSTEM, file_name="a.json", content=trivy())
    settings.REPORT_MAX_BYTES = len(trivy())
    assert reports.ingest(actor=SYSTEM, file_name="a.json", content=trivy())[1]


@pytest.mark.django_db(transaction=True)
def test_without_its_event_nothing_is_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise OSError("the ledger's keys are gone")

    monkeypatch.setattr(ledger, "record", refuse)
    with pytest.raises(OSError, match="keys are gone"):
        reports.ingest(actor=SYSTEM, file_name="a.json", content=trivy())
    assert not Report.objects.exists()
    assert not Finding.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_bytes_at_the_same_moment_are_one_report() -> None:
    def bring(_: int) -> tuple[str, bool]:
        try:
            report, new = reports.ingest(actor=SYSTEM, file_name="a.json", content=trivy(5))
            return str(report.pk), new
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        brought = list(pool.map(bring, range(8)))
    assert len({name for name, _ in brought}) == 1
    assert [new for _, new in brought].count(True) == 1
    assert (Report.objects.count(), Finding.objects.count()) == (1, 5)


def test_a_person_without_an_active_account_may_not(oscar: Person) -> None:
    Person.objects.filter(pk=oscar.pk).update(is_active=False)
    with pytest.raises(Denied):
        reports.ingest(actor=oscar.actor, file_name="a.json", content=trivy())


def test_an_agent_may_not() -> None:
    with pytest.raises(Denied):
        reports.ingest(actor=Actor("agent", "x", "x"), file_name="a.json", content=trivy())
    assert not Report.objects.exists()
