"""A target from scan to scan: what is new, still there, gone and back, whatever comes in which order."""

import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from agents import selectors
from agents.models import Exposure, Finding, Report, ScannedTarget
from agents.services import reports, runs
from audits.actor import Actor
from audits.models import Event

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")
DAY = timedelta(days=1)
START = datetime(2026, 3, 1, tzinfo=UTC)


def scan(
    day: int, names: Iterable[str], *, target: str = "shop:1", version: str = "1.0", **more: Any
) -> bytes:
    found = [{"VulnerabilityID": name, "PkgName": "left", "InstalledVersion": version} for name in names]
    document = {
        "SchemaVersion": 2,
        "ArtifactName": target,
        "CreatedAt": (START + day * DAY).isoformat(),
        "Results": [{"Target": "os", "Vulnerabilities": found}],
        **more,
    }
    return json.dumps(document).encode()


def bring(day: int, *names: str, **more: Any) -> Report:
    return reports.ingest(actor=SYSTEM, file_name="scan.json", content=scan(day, names, **more))[0]


def dates() -> dict[str, tuple[int, int, int | None]]:
    """Of each problem the days of its first scan, its last one, and the first without it."""
    return {
        one.findings.all()[0].vulnerability_id: (
            (one.first_seen - START).days,
            (one.last_seen - START).days,
            (one.gone_at - START).days if one.gone_at else None,
        )
        for one in Exposure.objects.all()
    }


def history() -> dict[str, Any]:
    details: dict[str, Any] = Event.objects.filter(action="report.ingested").latest("time").details
    return {key: details["history"][key] for key in ("new", "kept", "returned", "gone")}


def test_new_kept_gone_and_back() -> None:
    bring(0, "A", "B")
    assert dates() == {"A": (0, 0, None), "B": (0, 0, None)}
    assert history() == {"new": 2, "kept": 0, "returned": 0, "gone": 0}
    bring(1, "B", "C")
    assert dates() == {"A": (0, 0, 1), "B": (0, 1, None), "C": (1, 1, None)}
    assert history() == {"new": 1, "kept": 1, "returned": 0, "gone": 1}
    bring(2, "A", "B")
    assert dates() == {"A": (0, 2, None), "B": (0, 2, None), "C": (1, 1, 2)}
    assert history() == {"new": 0, "kept": 1, "returned": 1, "gone": 1}


def test_the_event_names_what_is_gone_and_back() -> None:
    bring(0, "A", "B")
    bring(1, "B")
    gone = Exposure.objects.get(gone_at__isnull=False)
    assert Event.objects.latest("time").details["history"]["gone_ids"] == [str(gone.pk)]
    bring(2, "A", "B")
    assert Event.objects.latest("time").details["history"]["returned_ids"] == [str(gone.pk)]


def test_the_same_report_twice_changes_nothing() -> None:
    bring(0, "A", "B")
    bring(1, "B")
    before = (dates(), Finding.objects.count(), Event.objects.count())
    bring(0, "A", "B")
    bring(1, "B")
    assert (dates(), Finding.objects.count(), Event.objects.count()) == before


def test_an_older_scan_that_comes_late_reopens_nothing() -> None:
    bring(5, "B")
    late = bring(1, "A", "B")
    assert dates() == {"A": (1, 1, 5), "B": (1, 5, None)}
    assert history() == {"new": 1, "kept": 1, "returned": 0, "gone": 0}
    between = bring(3, "B", "C")
    assert dates() == {"A": (1, 1, 3), "B": (1, 5, None), "C": (3, 3, 5)}
    assert selectors.earlier_scan(between) == late


def test_a_scan_without_findings_closes_everything() -> None:
    bring(0, "A")
    bring(1)
    assert dates() == {"A": (0, 0, 1)}


def test_an_updated_package_that_is_still_vulnerable_is_the_same_problem() -> None:
    bring(0, "A", version="1.0")
    bring(1, "A", version="1.1")
    assert dates() == {"A": (0, 1, None)}


def test_targets_and_tools_are_apart() -> None:
    bring(0, "A")
    bring(1, target="shop:2")
    assert dates() == {"A": (0, 0, None)}
    grype = {"matches": [], "source": {"target": {"userInput": "shop:1"}}, "descriptor": {"name": "grype"}}
    reports.ingest(actor=SYSTEM, file_name="a.json", content=json.dumps(grype).encode())
    assert dates() == {"A": (0, 0, None)}
    assert ScannedTarget.objects.count() == 3


def test_what_names_no_target_is_followed_only_where_somebody_names_it() -> None:
    def audit(*names: str) -> bytes:
        found = [{"name": "left", "version": "1", "vulns": [{"id": name} for name in names]}]
        return json.dumps({"dependencies": found}).encode()

    alone, _ = reports.ingest(actor=SYSTEM, file_name="audit.json", content=audit("A"))
    assert (alone.scanned_target, alone.target, Exposure.objects.count()) == (None, "audit.json", 0)
    named, _ = reports.ingest(actor=SYSTEM, file_name="audit.json", content=audit("A", "B"), target="shop")
    assert (named.target, Exposure.objects.count()) == ("shop", 2)
    reports.ingest(actor=SYSTEM, file_name="audit.json", content=audit("B"), target="shop")
    assert Exposure.objects.filter(gone_at__isnull=True).count() == 1


def test_a_scan_of_the_future_counts_as_made_today() -> None:
    report = bring(365_000, "A")
    assert report.scanned_at <= report.ingested_at
    assert bring(0, "A").scanned_at == START


def test_counts_alone_close_nothing() -> None:
    content = b'{"scan_type": "container", "target": "shop:1", "findings": {"high": 1}}'
    report, _ = reports.ingest(actor=SYSTEM, file_name="a.json", content=content)
    assert report.scanned_target is None


def vex(state: str, *, day: int) -> bytes:
    vulnerability = {"id": "CVE-2024-0001", "affects": [{"ref": "a"}], "analysis": {"state": state}}
    document = {
        "bomFormat": "CycloneDX",
        "metadata": {"component": {"name": "shop"}, "timestamp": (START + day * DAY).isoformat()},
        "components": [{"bom-ref": "a", "name": "left", "version": "1"}],
        "vulnerabilities": [vulnerability],
    }
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("state", "followed"),
    [("exploitable", 1), ("in_triage", 1), ("not_affected", 0), ("false_positive", 0), ("resolved", 0)],
)
def test_what_vex_settles_is_not_open_and_not_analysed(state: str, followed: int) -> None:
    report, _ = reports.ingest(actor=SYSTEM, file_name="a.json", content=vex(state, day=0))
    assert report.findings.get().vex_state == state
    assert Exposure.objects.count() == followed
    assert selectors.to_analyse(report).count() == followed


def test_a_problem_is_gone_once_vex_settles_it(active_analyst: object) -> None:
    reports.ingest(actor=SYSTEM, file_name="a.json", content=vex("in_triage", day=0))
    report, _ = reports.ingest(actor=SYSTEM, file_name="a.json", content=vex("not_affected", day=1))
    assert dates() == {"CVE-2024-0001": (0, 0, 1)}
    assert runs.remaining(runs.queue(actor=SYSTEM, report=report)) == []


def test_between_two_scans() -> None:
    first, second = bring(0, "A", "B"), bring(1, "B", "C")
    assert [str(one) for one in selectors.new_since(second, first)] == ["C in left"]
    assert [str(one) for one in selectors.gone_since(second, first)] == ["A in left"]
    assert [str(one) for one in selectors.found_by_both(second, first)] == ["B in left"]


@pytest.mark.django_db(transaction=True)
def test_scans_that_come_at_the_same_moment() -> None:
    def one(day: int) -> None:
        try:
            bring(day, "A", *(["B"] if day < 4 else []))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(8)))
    assert dates() == {"A": (0, 7, None), "B": (0, 3, 4)}


SCANS = st.dictionaries(st.integers(0, 9), st.sets(st.sampled_from("ABCD")), min_size=1, max_size=6)


class AnyOrder(TestCase):
    """The dates follow from the scans alone."""

    @settings(max_examples=60, deadline=None)
    @given(scans=SCANS, data=st.data())
    def test_any_order_of_arrival_gives_the_same_dates(
        self, scans: dict[int, set[str]], data: st.DataObject
    ) -> None:
        for day in data.draw(st.permutations(sorted(scans))):
            bring(day, *sorted(scans[day]))
        expected = {}
        for name in set().union(*scans.values()):
            days = sorted(day for day, names in scans.items() if name in names)
            expected[name] = (days[0], days[-1], min((day for day in scans if day > days[-1]), default=None))
        assert dates() == expected
