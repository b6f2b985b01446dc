"""Bringing a report by the form: what it says, what it refuses, and what the pages show afterwards."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from agents.models import Agent, Exposure, Person, Report, ScannedTarget
from agents.services import reports
from audits.actor import Actor
from audits.models import Event
from tests.agents.test_history import bring, scan
from tests.portal.pages import address, page, queries

pytestmark = pytest.mark.django_db
FORM = "admin:agents_report_add"


def send(client: Client, content: bytes, **fields: Any) -> Any:
    file = SimpleUploadedFile(fields.pop("name", "scan.json"), content)
    return client.post(reverse(FORM), {"report": file, **fields})


def target_of(report: Report) -> ScannedTarget:
    assert report.scanned_target is not None
    return report.scanned_target


def _pages(report: Report) -> list[Model]:
    return [report, target_of(report)]


def errors(response: Any) -> str:
    assert response.status_code == 200
    assert not Report.objects.exists()
    return json.dumps(response.context["form"].errors)


def test_an_owner_brings_a_report(client: Client, olivia: Person, analyst: Agent) -> None:
    client.force_login(olivia)
    assert "at most 100.0" in page(client, reverse(FORM))
    response = send(client, scan(0, ["A", "B"]), agent=analyst.pk)
    report = Report.objects.get()
    assert response.headers["Location"] == address(report)
    assert (report.format, report.findings.count(), report.ingested_by) == ("trivy", 2, olivia.actor.ref)
    assert Event.objects.get(action="report.ingested").stream == analyst.stream
    assert "2 findings read from scan.json." in page(client, address(report))


def test_the_same_report_twice_says_so(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    send(client, scan(0, ["A"]))
    response = send(client, scan(0, ["A"]))
    assert "was here already; nothing changed" in page(client, response.headers["Location"])
    assert Report.objects.count() == 1


def test_format_and_target_can_be_named(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    send(client, b"", name="scan.json", format="osv_scanner", target="shop")
    report = Report.objects.get()
    assert (report.format, report.target, str(report.scanned_target)) == (
        "osv_scanner",
        "shop",
        "shop (OSV-Scanner)",
    )


@pytest.mark.parametrize(
    ("content", "fields", "problem"),
    [
        (b"", {}, "the file is empty"),
        (b"{", {}, "not readable as JSON"),
        (b"<bom>", {}, "not readable as XML"),
        (b"PK\x03\x04", {}, "unpack it first"),
        (b"{}", {"format": "trivy"}, "not a report of this format"),
        (b"{}", {"format": "nonsense"}, "valid choice"),
    ],
)
def test_the_form_says_what_is_wrong(
    client: Client, olivia: Person, content: bytes, fields: dict[str, str], problem: str
) -> None:
    client.force_login(olivia)
    assert problem in errors(send(client, content, **fields))


def test_what_is_too_long_is_refused(client: Client, olivia: Person, settings: Settings) -> None:
    client.force_login(olivia)
    settings.REPORT_MAX_BYTES = 1024
    said = errors(send(client, b" " * 1025))
    assert "at most 1.0" in said
    assert "COUNTERSIGN_REPORT_MAX_BYTES" in said


def test_who_may_only_look_may_not_bring(client: Client, sasha: Person) -> None:
    client.force_login(sasha)
    assert client.get(reverse(FORM)).status_code == 403
    assert send(client, scan(0, ["A"])).status_code == 403
    assert not Report.objects.exists()


def test_the_pages_show_what_is_new_still_there_and_gone(client: Client, ada: Person) -> None:
    client.force_login(ada)
    bring(0, "CVE-2024-0001", "CVE-2024-0002")
    report = bring(1, "CVE-2024-0002", "CVE-2024-0003")
    shown = page(client, address(report))
    for words in ("1 new", "1 still there", "1 gone", "CVE-2024-0001 in left"):
        assert words in shown
    gone = Exposure.objects.get(gone_at__isnull=False)
    assert "Gone" in page(client, address(gone))
    assert "In which scans of the target" in page(client, address(gone.findings.get()))
    assert "CVE-2024-0001 in left" in page(client, address(target_of(report)))


def test_pages_of_larger_histories_cost_no_more_queries(client: Client, ada: Person) -> None:
    client.force_login(ada)
    names = [f"CVE-2024-{number:04}" for number in range(40)]
    bring(0, *names[:4])
    few = bring(1, *names[2:6])
    for row in _pages(few):
        page(client, address(row))
    few_costs = [queries(client, address(row)) for row in _pages(few)]
    bring(2, *names[:30], target="big")
    many = bring(3, *names[10:], target="big")
    costs = [queries(client, address(row)) for row in _pages(many)]
    assert costs == few_costs
    assert costs[0] <= 25


def test_hidden_characters_of_a_report_are_seen(client: Client, ada: Person) -> None:
    client.force_login(ada)
    found = {
        "VulnerabilityID": "CVE-2024-1\u202e",
        "PkgName": "left\u200b",
        "Title": "t\u2066",
        "Severity": "LOW",
    }
    document = {
        "SchemaVersion": 2,
        "ArtifactName": "shop\u202e:1",
        "Results": [{"Target": "x", "Vulnerabilities": [found]}],
    }
    content = json.dumps(document).encode()
    report, _ = reports.ingest(actor=Actor.system("test"), file_name="a\u202e.json", content=content)
    finding = report.findings.get()
    assert finding.exposure is not None
    rows = (report, finding, finding.exposure, report.scanned_target)
    lists = [
        reverse(f"admin:agents_{name}_changelist")
        for name in ("report", "finding", "exposure", "scannedtarget")
    ]
    for where in [address(row) for row in rows if row is not None] + lists:
        shown = page(client, where)
        assert not set("\u202e\u200b\u2066") & set(shown), where
        assert "[U+202E]" in shown or "[U+2066]" in shown, where
