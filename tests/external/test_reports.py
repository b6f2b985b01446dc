"""Real reports of each scanner give the findings that they should, attacks in their texts or not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agents.choices import FindingCategory
from agents.reports import reading
from agents.reports.shape import ParsedFinding, ParsedReport

FORMATS = {"trivy": "trivy", "anchore_grype": "grype", "grype": "grype", "sarif": "sarif"}
LIMIT = 100 * 1024 * 1024

# Our field for each field of the expectations; what is not here is a choice of words of theirs.
CHECKS: dict[str, Callable[[ParsedFinding, Any], bool]] = {
    "severity": lambda finding, value: finding.severity.label == value,
    "component_name": lambda finding, value: (
        finding.component_name == (value or "") or finding.category == FindingCategory.MISCONFIGURATION
    ),
    "component_version": lambda finding, value: finding.component_version == (value or ""),
    "file_path": lambda finding, value: value in finding.location,
    "line": lambda finding, value: finding.location.endswith(f":{value}"),
    "cwe": lambda finding, value: f"CWE-{value}" in finding.cwes,
    "cvssv3": lambda finding, value: (
        value in finding.cvss_vectors if value else "CVSS:3" not in "".join(finding.cvss_vectors)
    ),
    "cvssv4": lambda finding, value: value in finding.cvss_vectors,
    "vuln_id_from_tool": lambda finding, value: value in (finding.rule_id, *finding.vulnerability_ids),
    "unsaved_vulnerability_ids[0]": lambda finding, value: finding.vulnerability_ids[0] == value,
    "unsaved_vulnerability_ids[1]": lambda finding, value: value in finding.vulnerability_ids,
}


def expected(data: Path, folder: str) -> list[dict[str, Any]]:
    lines = (data / folder / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    return [one for one in map(json.loads, lines) if one["format"] in FORMATS]


def read(path: Path, named: str) -> ParsedReport:
    found, report = reading.read(path.name, path.read_bytes(), max_bytes=LIMIT)
    assert found == FORMATS[named]
    assert reading.read(path.name, path.read_bytes(), named=found, max_bytes=LIMIT)[1] == report
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
    assert len(cases) == 16
    wrong, checked = [], 0
    for case in cases:
        report = read(data / "scans" / case["file"], case["format"])
        if len(report.findings) != case["findings"]:
            wrong.append(f"{case['file']}: {len(report.findings)} findings, not {case['findings']}")
            continue
        for field in case["fields"]:
            check = CHECKS.get(field["field"])
            for finding in chosen(report, field["finding"]) if check else []:
                checked += 1
                if check is not None and not check(finding, field["value"]):
                    wrong.append(f"{case['file']}: {field} is not so in {finding}")
    assert not wrong
    assert checked >= 80


def test_attacks_in_their_texts_change_neither_count_nor_ids(data: Path) -> None:
    cases = expected(data, "injected_reports")
    assert len(cases) == 54
    for case in cases:
        report = read(data / "injected_reports" / case["file"], case["format"])
        assert len(report.findings) == case["expect"]["count"], case["file"]
        ids = {name for finding in report.findings for name in finding.vulnerability_ids}
        assert ids == set(case["expect"]["ids"]), case["file"]
