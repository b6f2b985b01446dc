"""Real reports of each scanner give the findings that they should, attacks in their texts or not."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cvss
import pytest

from agents.choices import SETTLED, FindingCategory, ReportFormat
from agents.reports import reading
from agents.reports.shape import ParsedFinding, ParsedReport

LIMIT = 100 * 1024 * 1024
# Their name of a format, and ours where it is another one.
OURS = {
    "anchore_grype": ReportFormat.GRYPE,
    "npm_audit_7_plus": ReportFormat.NPM_AUDIT,
    "tenable": ReportFormat.NESSUS,
}
# They expect every id that stands anywhere in the file; in these formats some are only mentioned there:
# on a list of what is allowed, in a description, in an address.
MENTIONED = {"clair", "aws_inspector2", "cyclonedx"}
ID = re.compile(r"(CVE|GHSA|PYSEC)-")


def score(finding: ParsedFinding, version: str) -> float | None:
    """What the first vector of this version comes to."""
    vector = next((one for one in finding.cvss_vectors if one.startswith(version)), "")
    if not vector:
        return None
    return float(cvss.CVSS4(vector).base_score if version == "CVSS:4" else cvss.CVSS3(vector).scores()[0])


def weakness(value: Any) -> str:
    return f"CWE-{str(value).removeprefix('CWE-')}"


# Our field for each field of the expectations; what is not here is a choice of words of theirs.
CHECKS: dict[str, Callable[[ParsedFinding, Any], bool]] = {
    "severity": lambda finding, value: finding.severity.label == value,
    "component_name": lambda finding, value: (
        finding.component_name == (value or "") or finding.category == FindingCategory.MISCONFIGURATION
    ),
    "component_version": lambda finding, value: finding.component_version == (value or ""),
    "file_path": lambda finding, value: value in finding.location,
    "line": lambda finding, value: finding.location.endswith(f":{value}"),
    "cwe": lambda finding, value: weakness(value) in finding.cwes if value else True,
    "unsaved_cwes": lambda finding, value: list(finding.cwes) == [weakness(one) for one in value],
    "cvssv3": lambda finding, value: (
        value in finding.cvss_vectors if value else "CVSS:3" not in "".join(finding.cvss_vectors)
    ),
    "cvssv3_score": lambda finding, value: score(finding, "CVSS:3") == (float(value) if value else None),
    "cvssv4": lambda finding, value: value in finding.cvss_vectors,
    "cvssv4_score": lambda finding, value: score(finding, "CVSS:4") == value,
    "description contains": lambda finding, value: value in finding.description,
    "is_mitigated": lambda finding, value: (finding.vex_state in SETTLED) == value,
    "title": lambda finding, value: finding.title == value or value.startswith(finding.title),
    "vuln_id_from_tool": lambda finding, value: value in (finding.rule_id, *finding.vulnerability_ids),
    "len(unsaved_vulnerability_ids)": lambda finding, value: len(finding.vulnerability_ids) == value,
    "unsaved_vulnerability_ids[0]": lambda finding, value: finding.vulnerability_ids[0] == value,
    "unsaved_vulnerability_ids[1]": lambda finding, value: value in finding.vulnerability_ids,
}
# What they make themselves in these formats, and what the file does not say.
NOT_CHECKED = {
    ("anchore_grype/many_vulns4.json", "description contains"),  # they write the matcher into it
    ("anchore_grype/check_all_fields.json", "len(unsaved_vulnerability_ids)"),  # they keep an equal id twice
    ("tenable/nessus_was_many_vuln.csv", "cvssv3_score"),  # a score without a vector: it is not kept
    ("tenable/nessus_new.csv", "title"),  # they name it by its host
    ("pip_audit/many_vulns_new.json", "cwe"),  # a constant of theirs
    ("tenable/nessus_v_unknown.xml", "len(unsaved_vulnerability_ids)"),  # one id of seven hosts, seven times
    ("cyclonedx", "title"),
    ("anchore_grype", "title"),
    ("trivy", "title"),
    ("sarif", "title"),
    ("sarif", "vuln_id_from_tool"),
    ("snyk/snykcontainer_issue_epss.json", "title"),
}


def expected(data: Path, folder: str) -> list[dict[str, Any]]:
    lines = (data / folder / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def read(path: Path, theirs: str) -> ParsedReport:
    """The report: found by itself and named, under our name and theirs. Only an empty file must be named."""
    content, ours = path.read_bytes(), ReportFormat(OURS.get(theirs, theirs))
    found, report = reading.read(path.name, content, named=theirs, max_bytes=LIMIT)
    assert found == ours
    for named in (ours, reading.AUTO) if content else (ours,):
        assert reading.read(path.name, content, named=named, max_bytes=LIMIT) == (found, report)
    return report


def chosen(report: ParsedReport, which: int | str) -> list[ParsedFinding]:
    if isinstance(which, int):
        return [report.findings[which]]
    if which == "*":
        return list(report.findings)
    name = which.split("'")[1]
    found = [finding for finding in report.findings if name in (finding.rule_id, *finding.vulnerability_ids)]
    return found[:1]


def test_clean_reports(data: Path) -> None:
    cases = expected(data, "scans")
    assert len(cases) == 57
    assert len({case["format"] for case in cases}) == 14
    wrong, checked = [], 0
    for case in cases:
        report = read(data / "scans" / case["file"], case["format"])
        if case["findings"] is not None and len(report.findings) != case["findings"]:
            wrong.append(f"{case['file']}: {len(report.findings)} findings, not {case['findings']}")
            continue
        for field in case["fields"]:
            if {(case["file"], field["field"]), (case["format"], field["field"])} & NOT_CHECKED:
                continue
            check = CHECKS.get(field["field"])
            for finding in chosen(report, field["finding"]) if check else []:
                checked += 1
                if check is not None and not check(finding, field["value"]):
                    wrong.append(f"{case['file']}: {field} is not so in {finding}")
    assert not wrong, "\n".join(wrong)
    assert checked >= 250


def test_attacks_in_their_texts_change_neither_count_nor_ids(data: Path) -> None:
    cases = expected(data, "injected_reports")
    assert len(cases) == 142
    for case in cases:
        report = read(data / "injected_reports" / case["file"], case["format"])
        assert len(report.findings) == case["expect"]["count"], case["file"]
        ids = {name for one in report.findings for name in one.vulnerability_ids if ID.match(name)}
        wanted = set(case["expect"]["ids"])
        if case["format"] in MENTIONED:
            assert ids <= wanted, case["file"]
            assert not wanted or ids, case["file"]
        else:
            assert ids == wanted, case["file"]


@pytest.mark.parametrize(
    ("injected", "clean"),
    [
        ("injrep_46-0.json", "clair/clair_many_vul.json"),
        ("injrep_97-0.json", "aws_inspector2/aws_inspector2_many_vul.json"),
        ("injrep_93-0.json", "cyclonedx/issue_8022.json"),
    ],
)
def test_where_more_ids_are_mentioned_the_findings_are_those_of_the_clean_file(
    data: Path, injected: str, clean: str
) -> None:
    def findings(path: Path) -> list[tuple[str, ...]]:
        _, report = reading.read(path.name, path.read_bytes(), max_bytes=LIMIT)
        return [(*one.vulnerability_ids, one.component_name, one.severity) for one in report.findings]

    attacked = findings(data / "injected_reports" / injected)
    assert attacked == findings(data / "scans" / clean)[: len(attacked)]
