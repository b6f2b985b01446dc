"""Each format: what is read from it, what counts once, and what is named when it is wrong."""

import json
from typing import Any

import pytest

from agents.choices import FindingCategory, ReportFormat, Severity
from agents.models import Finding, Report
from agents.reports import reading, shape
from agents.reports.shape import ParsedReport, ReportError

LIMIT = 10_000_000


def read(document: Any, named: str = "auto") -> tuple[ReportFormat, ParsedReport]:
    return reading.read("scan.json", json.dumps(document).encode(), named=named, max_bytes=LIMIT)


def trivy(**result: Any) -> dict[str, Any]:
    return {"SchemaVersion": 2, "ArtifactName": "shop:1", "Results": [{"Target": "shop", **result}]}


VULNERABILITY = {
    "VulnerabilityID": "CVE-2024-0001",
    "PkgName": "left",
    "PkgPath": "lib/left.jar",
    "PkgIdentifier": {"PURL": "pkg:maven/a/left@1"},
    "InstalledVersion": "1",
    "FixedVersion": "2",
    "Title": "left: goes right",
    "Description": "It goes right.",
    "Severity": "HIGH",
    "CweIDs": ["CWE-079"],
    "CVSS": {
        "nvd": {"V3Vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "V3Score": 9.8},
        "ghsa": {"V3Vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "V2Vector": "AV:N"},
    },
    "References": ["https://github.com/advisories/GHSA-c2qf-rxjj-qqgw", "https://a.example/GHSA-xxxx"],
}
MATCH: dict[str, Any] = {
    "vulnerability": {
        "id": "GHSA-c2qf-rxjj-qqgw",
        "severity": "Negligible",
        "fix": {"versions": ["7.5.2", "6.3.1"]},
        "cvss": [{"vector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}],
    },
    "relatedVulnerabilities": [{"id": "CVE-2022-25883", "description": "Slow expression."}],
    "artifact": {
        "name": "semver",
        "version": "7.3.7",
        "purl": "pkg:npm/semver@7.3.7",
        "locations": [{"path": "/app/package-lock.json"}],
    },
}


def sarif(*results: dict[str, Any], **rule: Any) -> dict[str, Any]:
    driver = {"name": "Linter", "version": "3", "rules": [{"id": "R1", **rule}]}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": list(results)}]}


def result(path: str = "a.py", **more: Any) -> dict[str, Any]:
    location = {"physicalLocation": {"artifactLocation": {"uri": path}, "region": {"startLine": 3}}}
    return {"ruleId": "R1", "message": {"text": "Bad."}, "locations": [location], **more}


def test_trivy_vulnerability() -> None:
    found, report = read(trivy(Vulnerabilities=[VULNERABILITY]))
    assert (found, report.target, report.counts) == (ReportFormat.TRIVY, "shop:1", {"high": 1})
    (finding,) = report.findings
    assert finding == shape.ParsedFinding(
        title="left: goes right",
        severity=Severity.HIGH,
        category=FindingCategory.VULNERABILITY,
        vulnerability_ids=("CVE-2024-0001", "GHSA-c2qf-rxjj-qqgw"),
        description="It goes right.",
        component_name="left",
        component_version="1",
        fixed_version="2",
        purl="pkg:maven/a/left@1",
        location="shop lib/left.jar",
        cvss_vectors=("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "AV:N"),
        cwes=("CWE-79",),
    )


def test_trivy_misconfigurations_that_passed_are_no_findings() -> None:
    checks = [{"ID": "KSV1", "Title": "Root", "Severity": "LOW", "Status": s} for s in ("PASS", "FAIL")]
    _, report = read(trivy(Misconfigurations=checks))
    (finding,) = report.findings
    assert (finding.title, finding.category) == ("KSV1 - Root", FindingCategory.MISCONFIGURATION)


def test_trivy_does_not_keep_the_secret_it_found() -> None:
    secret = {"RuleID": "aws", "Category": "AWS", "Title": "Key", "StartLine": 7, "Match": "AKIA-TOP"}
    _, report = read(trivy(Secrets=[{**secret, "Severity": "CRITICAL", "Code": {"Lines": ["AKIA-TOP"]}}]))
    (finding,) = report.findings
    assert (finding.category, finding.location) == (FindingCategory.SECRET, "shop:7")
    assert "AKIA-TOP" not in repr(report)


def test_trivy_cluster() -> None:
    resource = {"Namespace": "default", "Kind": "Pod", "Name": "a", **trivy(Vulnerabilities=[VULNERABILITY])}
    _, report = read({"ClusterName": "east", "Resources": [resource]})
    assert report.target == "east"
    assert [finding.location for finding in report.findings] == ["default/Pod/a shop lib/left.jar"]


def test_a_clean_trivy_report_has_no_findings() -> None:
    assert read({"SchemaVersion": 2, "ArtifactName": "shop:1"})[1].findings == ()


def test_grype_match() -> None:
    found, report = read({"matches": [MATCH], "source": {"target": {"userInput": "shop:1"}}})
    assert (found, report.target) == (ReportFormat.GRYPE, "shop:1")
    (finding,) = report.findings
    assert finding.vulnerability_ids == ("GHSA-c2qf-rxjj-qqgw", "CVE-2022-25883")
    assert (finding.severity, finding.description) == (Severity.INFO, "Slow expression.")
    assert (finding.fixed_version, finding.location) == ("7.5.2, 6.3.1", "/app/package-lock.json")


def test_grype_counts_a_component_and_version_once() -> None:
    other = {**MATCH, "artifact": {**MATCH["artifact"], "version": "7.3.8"}}
    _, report = read({"matches": [MATCH, MATCH, other], "descriptor": {"name": "grype", "version": "1"}})
    assert [finding.component_version for finding in report.findings] == ["7.3.7", "7.3.8"]


def test_sarif_counts_each_location_and_identical_results_once() -> None:
    two = result()
    two["locations"] = [*two["locations"], *result("b.py")["locations"]]
    found, report = read(sarif(two, result("c.py"), result("c.py"), result("c.py", properties={"x": 1})))
    assert found == ReportFormat.SARIF
    assert [finding.location for finding in report.findings] == ["a.py:3", "b.py:3", "c.py:3", "c.py:3"]
    assert report.findings[0].category == FindingCategory.CODE


@pytest.mark.parametrize(
    ("said", "rule", "expected"),
    [
        ({"level": "error"}, {}, Severity.HIGH),
        ({"level": "note"}, {}, Severity.INFO),
        ({}, {}, Severity.MEDIUM),
        ({}, {"defaultConfiguration": {"level": "error"}}, Severity.HIGH),
        ({"level": "note"}, {"properties": {"security-severity": "9.1"}}, Severity.CRITICAL),
        ({}, {"properties": {"security-severity": "0.0"}}, Severity.INFO),
        ({}, {"properties": {"security-severity": "high"}}, Severity.MEDIUM),
    ],
)
def test_sarif_severity(said: dict[str, Any], rule: dict[str, Any], expected: Severity) -> None:
    _, report = read(sarif(result(**said), **rule))
    assert report.findings[0].severity == expected


def test_sarif_results_that_did_not_fail_are_no_findings() -> None:
    _, report = read(sarif(result(kind="pass"), result(kind="notApplicable"), result(kind="fail")))
    assert len(report.findings) == 1


def test_sarif_names_a_cve_by_its_rule() -> None:
    _, report = read(sarif(result(ruleId="cve-2021-44228-log4j-core")))
    assert report.findings[0].vulnerability_ids == ("CVE-2021-44228",)
    assert report.findings[0].category == FindingCategory.VULNERABILITY


def test_sarif_message_arguments_are_put_in_once() -> None:
    bomb = [f"{{{index + 1}}}" * 10 for index in range(30)]
    message = {"id": "default", "arguments": bomb}
    _, report = read(sarif(result(message=message), messageStrings={"default": {"text": "It: {0} {99}"}}))
    assert report.findings[0].title == f"It: {'{1}' * 10} {{99}}"


def test_summary_has_counts_and_no_findings() -> None:
    document = {"scan_type": "container", "findings": {"critical": 2, "high": 3, "medium": 5}}
    found, report = read(document)
    assert (found, report.target, report.findings) == (ReportFormat.SUMMARY, "container", ())
    assert report.counts == {"critical": 2, "high": 3, "medium": 5}


@pytest.mark.parametrize(
    ("document", "named", "place", "problem"),
    [
        ({"a": 1}, "auto", "$", "of no known format"),
        ([1], "auto", "$", "of no known format"),
        ({"matches": []}, "trivy", "$", "looks like Grype"),
        ({"matches": []}, "nessus", "$", "looks like Grype"),
        ({"matches": []}, "nexus", "", "not a known format"),
        (trivy(Vulnerabilities="many"), "auto", "$.Results[0].Vulnerabilities", "a list is expected"),
        (trivy(Vulnerabilities=["CVE"]), "auto", "$.Results[0].Vulnerabilities[0]", "an object"),
        (trivy(Target=["x"]), "auto", "$.Results[0].Target", "text is expected, not a list"),
        (trivy(Secrets=[{"StartLine": "7"}]), "auto", "$.Results[0].Secrets[0].StartLine", "a whole number"),
        (
            trivy(Vulnerabilities=[{**VULNERABILITY, "CVSS": {"nvd": 9}}]),
            "auto",
            "$.Results[0].Vulnerabilities[0].CVSS.nvd",
            "an object is expected, not a number",
        ),
        (
            {"matches": [{"vulnerability": [], "artifact": {}}]},
            "auto",
            "$.matches[0].vulnerability",
            "object",
        ),
        ({"version": "2.1.0", "runs": [None]}, "auto", "$.runs[0]", "not null"),
        (sarif(result(message="Bad.")), "auto", "$.runs[0].results[0].message", "not text"),
        ({"scan_type": "x", "findings": {"worst": 1}}, "auto", "$.findings.worst", "a severity"),
        ({"scan_type": "x", "findings": {"high": -1}}, "auto", "$.findings.high", "a count"),
        ({"scan_type": "x", "findings": {"high": True}}, "auto", "$.findings.high", "true or false"),
    ],
)
def test_what_is_wrong_is_named(document: Any, named: str, place: str, problem: str) -> None:
    with pytest.raises(ReportError, match=r"scan\.json") as caught:
        read(document, named)
    assert caught.value.place == place
    assert problem in caught.value.problem


@pytest.mark.parametrize(
    ("content", "place", "problem"),
    [
        (b"", "", "empty"),
        (b" \n\t ", "", "empty"),
        (b"<?xml version='1.0'?>", "line 1 column 22", "XML"),
        (b"PK\x03\x04....", "line 1 column 1", "ZIP"),
        (b"\x1f\x8b\x08....", "line 1 column 1", "gzip"),
        (b'{"a":\n [1,]}', "line 2 column 5", "not readable as JSON"),
        (b'{"a": 1, "a": 2}', "line 1 column 13", "twice"),
        (b"\xff\xfe{", "line 1 column 1", "UTF-16"),
        (b"x" * (LIMIT + 1), "", "COUNTERSIGN_REPORT_MAX_BYTES"),
    ],
)
def test_what_is_no_json_is_named(content: bytes, place: str, problem: str) -> None:
    with pytest.raises(ReportError) as caught:
        reading.read("scan.json", content, max_bytes=LIMIT)
    assert caught.value.place == place
    assert problem in caught.value.problem
    assert caught.value.message.startswith("scan.json")


def test_the_error_names_file_format_and_place() -> None:
    with pytest.raises(ReportError) as caught:
        read(trivy(Vulnerabilities=1))
    assert caught.value.message == (
        "scan.json (Trivy JSON) at $.Results[0].Vulnerabilities: a list is expected, not a number"
    )


def test_texts_fit_the_models() -> None:
    long = "x\0" * 50_000
    entry = {key: long if isinstance(value, str) else value for key, value in VULNERABILITY.items()}
    entry["PkgIdentifier"] = {"PURL": long}
    document = {**trivy(Vulnerabilities=[entry], Target=long), "ArtifactName": long}
    _, report = read(document)
    (finding,) = report.findings
    fields = {name: getattr(finding, name) for name in finding.__dataclass_fields__ if name != "place"}
    row = Finding(**fields)
    for field in row._meta.concrete_fields:
        if field.max_length and isinstance(getattr(row, field.name), str):
            assert len(getattr(row, field.name)) <= field.max_length, field.name
    limits = {field.name: field.max_length for field in Report._meta.concrete_fields}
    assert len(report.target) == limits["target"] == shape.TARGET
    assert limits["scanner"] == shape.SCANNER
    assert "\0" not in repr(report)
    assert len(finding.description) == shape.DESCRIPTION
    assert finding.description.endswith("…")


def test_lone_surrogates_do_not_reach_the_database() -> None:
    _, report = read(trivy(Vulnerabilities=[{**VULNERABILITY, "Title": "a\ud800b"}]))
    assert report.findings[0].title == "a\N{REPLACEMENT CHARACTER}b"
