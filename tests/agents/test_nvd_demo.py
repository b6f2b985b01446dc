"""The demo's report and NVD records say what the demo needs, correctly."""

import json
from pathlib import Path

import pytest

from agents.nvd import mirror, records
from agents.nvd.records import NvdFacts
from agents.reports import reading
from agents.reports.shape import ParsedReport

DEMO = Path(__file__).parents[2] / "demo"


@pytest.fixture
def known() -> dict[str, NvdFacts]:
    loaded = mirror.read("nvd.json", (DEMO / "nvd.json").read_bytes())
    return {facts.cve_id: facts for facts in (records.facts(cve, source="demo") for cve in loaded)}


@pytest.fixture
def report() -> ParsedReport:
    return reading.read("report.json", (DEMO / "report.json").read_bytes(), max_bytes=10**6)[1]


@pytest.mark.parametrize(
    ("name", "score", "vector", "kev_added"),
    [
        ("CVE-2021-3156", "7.8", "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", "2022-04-06"),
        ("CVE-2021-44228", "10.0", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", "2021-12-10"),
        ("CVE-2021-45105", "5.9", "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:N/A:H", ""),
        ("CVE-2022-22965", "9.8", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "2022-04-04"),
        ("CVE-2023-44487", "7.5", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", "2023-10-10"),
    ],
)
def test_records(known: dict[str, NvdFacts], name: str, score: str, vector: str, kev_added: str) -> None:
    facts = known[name]
    assert (facts.cvss_score, facts.cvss_vector, facts.kev_added) == (score, vector, kev_added)


def test_one_cve_cannot_be_looked_up_offline_and_one_finding_has_no_cve(
    known: dict[str, NvdFacts], report: ParsedReport
) -> None:
    named = [finding.vulnerability_ids[0] for finding in report.findings]
    assert [name for name in named if name not in known] == ["CVE-2011-3374", "GHSA-5rrq-pxf6-6jx5"]


def test_one_description_carries_an_instruction(report: ParsedReport) -> None:
    carrying = [one for one in report.findings if "ignore previous instructions" in one.description]
    assert [one.component_name for one in carrying] == ["node-forge"]


def test_the_records_have_the_shape_of_an_answer_of_the_api() -> None:
    document = json.loads((DEMO / "nvd.json").read_bytes())
    assert document["totalResults"] == len(document["vulnerabilities"]) == 5
    assert (document["format"], document["version"]) == ("NVD_CVE", "2.0")
