"""What is read from each of the further scanners, and what is not."""

import json
from typing import Any

import pytest

from agents.choices import FindingCategory, ReportFormat, Severity, VexState
from agents.reports import packages, reading, severities
from agents.reports.moments import moment
from agents.reports.shape import ParsedReport

LIMIT = 1_000_000
WORST = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
SLIGHT = "CVSS:4.0/AV:L/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"


def read(document: Any) -> tuple[ReportFormat, ParsedReport]:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return reading.read("scan", content, max_bytes=LIMIT)


CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "metadata": {"timestamp": "2026-03-01T12:00:00+01:00", "component": {"name": "shop", "version": "2"}},
    "components": [
        {
            "bom-ref": "outer",
            "name": "outer",
            "components": [{"bom-ref": "a", "purl": "pkg:maven/g/left@1", "name": "left"}],
        }
    ],
    "vulnerabilities": [
        {
            "id": "SNYK-1",
            "references": [{"id": "CVE-2024-0001"}],
            "ratings": [{"method": "OWASP", "severity": "critical"}, {"method": "CVSSv3", "score": 5.0}],
            "cwes": [79],
            "affects": [{"ref": "a"}, {"ref": "pkg:npm/%40s/b@2"}],
            "analysis": {"state": "not_affected", "justification": "code_not_reachable", "detail": "Unused."},
        }
    ],
}
CYCLONEDX_XML = b"""<bom xmlns="http://cyclonedx.org/schema/bom/1.6">
<metadata><timestamp>2026-03-01T11:00:00Z</timestamp><component><name>shop</name><version>2</version></component></metadata>
<components><component bom-ref="outer"><name>outer</name><components>
<component bom-ref="a"><name>left</name><purl>pkg:maven/g/left@1</purl></component>
</components></component></components>
<vulnerabilities><vulnerability><id>SNYK-1</id><references><reference><id>CVE-2024-0001</id></reference></references>
<ratings><rating><severity>critical</severity><method>OWASP</method></rating>
<rating><score>5.0</score><method>CVSSv3</method></rating></ratings><cwes><cwe>79</cwe></cwes>
<affects><target><ref>a</ref></target><target><ref>pkg:npm/%40s/b@2</ref></target></affects>
<analysis><state>not_affected</state><justification>code_not_reachable</justification><detail>Unused.</detail></analysis>
</vulnerability></vulnerabilities></bom>"""


def test_cyclonedx_in_json_and_xml_say_the_same() -> None:
    found, report = read(CYCLONEDX)
    assert (found, report) == read(CYCLONEDX_XML)
    assert (report.target, str(report.scanned_at)) == ("shop:2", "2026-03-01 11:00:00+00:00")
    first, second = report.findings
    assert first.vulnerability_ids == ("CVE-2024-0001", "SNYK-1")
    assert (first.component_name, first.component_version, first.purl) == ("left", "1", "pkg:maven/g/left@1")
    assert (first.severity, first.cwes, first.vex_state) == (
        Severity.MEDIUM,
        ("CWE-79",),
        VexState.NOT_AFFECTED,
    )
    assert "code_not_reachable: Unused." in first.description
    assert (second.component_name, second.component_version) == ("@s/b", "2")


@pytest.mark.parametrize(
    "tools", [[{"name": "t", "version": "1"}], {"components": [{"name": "t", "version": "1"}]}, None, {}, []]
)
def test_cyclonedx_tools_of_all_versions(tools: Any) -> None:
    _, report = read({**CYCLONEDX, "metadata": {"tools": tools}})
    assert report.scanner == ("t 1" if tools else "")


def test_npm_audit_of_both_generations() -> None:
    advisory = {
        "id": 1,
        "title": "t",
        "module_name": "left",
        "severity": "moderate",
        "cves": ["CVE-2024-0001"],
        "github_advisory_id": "GHSA-2222-3333-4444",
        "patched_versions": ">=2",
        "cwe": "CWE-79",
        "findings": [{"version": "1", "paths": ["a>left"]}],
        "overview": "o",
        "url": "u",
    }
    _, old = read({"advisories": {"1": advisory}, "metadata": {}})
    via = {
        "source": 1,
        "name": "left",
        "dependency": "left",
        "title": "t",
        "severity": "high",
        "cwe": ["CWE-79"],
        "url": "https://github.com/advisories/GHSA-2222-3333-4444",
        "cvss": {"vectorString": "CVSS:3.1/x"},
    }
    packages_ = {
        "left": {"name": "left", "via": [via]},
        "needs-left": {"name": "needs-left", "via": ["left"]},
    }
    found, new = read({"auditReportVersion": 2, "vulnerabilities": packages_})
    assert found == ReportFormat.NPM_AUDIT
    assert old.findings[0].vulnerability_ids == ("CVE-2024-0001", "GHSA-2222-3333-4444")
    assert (old.findings[0].purl, old.findings[0].fixed_version) == ("pkg:npm/left@1", ">=2")
    assert [one.vulnerability_ids for one in new.findings] == [("GHSA-2222-3333-4444",)]
    assert (old.findings[0].severity, new.findings[0].severity) == (Severity.MEDIUM, Severity.HIGH)


def test_what_pip_audit_skips_is_noted() -> None:
    skipped = {"name": "mine", "skip_reason": "not on the index"}
    found = {"name": "left", "version": "1", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-2024-0001"]}]}
    for document in ([skipped, found], {"dependencies": [skipped, found], "fixes": []}):
        _, report = read(document)
        assert report.notes == "pip-audit could not audit: mine."
        assert report.findings[0].vulnerability_ids == ("PYSEC-1", "CVE-2024-0001")
        assert report.findings[0].purl == "pkg:pypi/left@1"


def test_dependency_check_in_json_and_xml_with_suppressed_ones() -> None:
    names = ("attackComplexity", "confidentialityImpact", "integrityImpact", "availabilityImpact")
    cvss: dict[str, Any] = dict.fromkeys(names, "HIGH")
    cvss |= {
        "baseScore": 8.1,
        "attackVector": "NETWORK",
        "privilegesRequired": "NONE",
        "userInteraction": "NONE",
        "scope": "UNCHANGED",
        "baseSeverity": "HIGH",
        "version": "3.1",
    }
    dependency = {
        "fileName": "left.jar",
        "packages": [{"id": "pkg:maven/g/left@1"}],
        "vulnerabilities": [{"name": "CVE-2024-0001", "cvssv3": cvss, "cwes": ["CWE-79"]}],
        "suppressedVulnerabilities": [{"name": "CVE-2024-0002", "severity": "LOW", "notes": "why"}],
    }
    _, report = read(
        {"scanInfo": {"engineVersion": "9"}, "projectInfo": {"name": "shop"}, "dependencies": [dependency]}
    )
    tags = "".join(f"<{name}>{value}</{name}>" for name, value in cvss.items())
    xml = (
        '<analysis xmlns="https://jeremylong.github.io/DependencyCheck/dependency-check.4.0.xsd">'
        "<scanInfo><engineVersion>9</engineVersion></scanInfo><projectInfo><name>shop</name></projectInfo><dependencies>"
        "<dependency><fileName>left.jar</fileName><identifiers><package><id>pkg:maven/g/left@1</id></package></identifiers>"
        f"<vulnerabilities><vulnerability><name>CVE-2024-0001</name><cvssV3>{tags}</cvssV3><cwes><cwe>CWE-79</cwe></cwes>"
        "</vulnerability><suppressedVulnerability><name>CVE-2024-0002</name><severity>LOW</severity><notes>why</notes>"
        "</suppressedVulnerability></vulnerabilities></dependency></dependencies></analysis>"
    )
    assert read(xml.encode()) == (ReportFormat.DEPENDENCY_CHECK, report)
    first, second = report.findings
    assert (first.component_name, first.severity) == ("g:left", Severity.HIGH)
    assert first.cvss_vectors == ("CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H",)
    assert (second.vex_state, second.description) == (VexState.SUPPRESSED, "Suppressed: why")


def test_clair_of_three_kinds() -> None:
    scanner = {
        "image": "shop:1",
        "unapproved": [],
        "vulnerabilities": [
            {
                "featurename": "left",
                "featureversion": "1",
                "vulnerability": "CVE-2024-0001",
                "severity": "High",
            }
        ],
    }
    klar = {
        "LayerCount": 1,
        "Vulnerabilities": {
            "High": [{"FeatureName": "left", "FeatureVersion": "1", "Name": "CVE-2024-0001"}]
        },
    }
    four = {
        "manifest_hash": "sha256:a",
        "packages": {"1": {"name": "left", "version": "1"}},
        "vulnerabilities": {"2": {"name": "CVE-2024-0001", "normalized_severity": "High"}},
        "package_vulnerabilities": {"1": ["2"]},
    }
    for document in (scanner, klar, four):
        found, report = read(document)
        assert found == ReportFormat.CLAIR
        assert [(one.vulnerability_ids, one.severity) for one in report.findings] == [
            (("CVE-2024-0001",), Severity.HIGH)
        ]


@pytest.mark.parametrize(
    ("status", "state"),
    [("ACTIVE", None), ("CLOSED", VexState.RESOLVED), ("SUPPRESSED", VexState.SUPPRESSED)],
)
def test_inspector_states(status: str, state: VexState | None) -> None:
    entry = {
        "findingArn": "a",
        "type": "NETWORK_REACHABILITY",
        "title": "t",
        "severity": "HIGH",
        "status": status,
    }
    _, report = read({"findings": [entry]})
    assert report.findings[0].vex_state == state
    assert report.findings[0].category == FindingCategory.MISCONFIGURATION


def osv(**vulnerability: Any) -> Any:
    package = {"name": "github.com/a/b", "version": "1", "ecosystem": "Go"}
    entry = {"id": "GO-2024-1", "aliases": ["CVE-2024-0001"], **vulnerability}
    return {
        "results": [
            {"source": {"path": "go.mod"}, "packages": [{"package": package, "vulnerabilities": [entry]}]}
        ]
    }


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({}, Severity.MEDIUM),
        ({"database_specific": {"severity": "CRITICAL"}}, Severity.CRITICAL),
        ({"severity": [{"score": WORST}]}, Severity.CRITICAL),
        ({"severity": [{"score": SLIGHT}]}, Severity.LOW),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/nonsense"}]}, Severity.MEDIUM),
    ],
)
def test_osv_severities(more: Any, severity: Severity) -> None:
    _, report = read(osv(**more))
    (finding,) = report.findings
    assert (finding.severity, finding.vulnerability_ids) == (severity, ("GO-2024-1", "CVE-2024-0001"))
    assert (finding.purl, finding.location) == ("pkg:golang/github.com/a/b@1", "go.mod")


def test_snyk_licences_and_what_is_not_read() -> None:
    licence = {
        "id": "snyk:lic:npm:left:GPL",
        "type": "license",
        "title": "GPL",
        "severity": "medium",
        "from": ["a@1"],
    }
    project = {"projectName": "shop", "packageManager": "npm", "vulnerabilities": [licence]}
    _, report = read({**project, "applications": [{"vulnerabilities": [{}, {}]}]})
    assert report.findings[0].category == FindingCategory.LICENCE
    assert report.notes.startswith("2 entries about applications inside the image are not read")
    assert read([project, project])[1].target == "shop"


def test_nessus_merges_hosts_in_xml_and_rows_in_csv() -> None:
    item = "<ReportItem port='%d' severity='2' pluginID='1' pluginName='Weak'><cve>CVE-2024-000%d</cve>"
    hosts = "".join(
        f"<ReportHost name='h{one}'>{item % (one, one)}</ReportItem></ReportHost>" for one in (1, 2)
    )
    _, tree = read(f"<NessusClientData_v2><Report name='n'>{hosts}</Report></NessusClientData_v2>".encode())
    (merged,) = tree.findings
    assert merged.vulnerability_ids == ("CVE-2024-0001", "CVE-2024-0002")
    assert (merged.location, merged.place, tree.target) == ("h1:1 and 1 more", "", "n")
    rows = b"Plugin ID,CVE,Risk,Host,Port,Name\n1,CVE-2024-0001,High,h,80,Weak\n"
    rows += b"1,CVE-2024-0002,High,h,80,Weak\n\n"
    _, table = read(rows + b"1,,High,h,81,Weak\n,,,,,\n")
    assert [one.vulnerability_ids for one in table.findings] == [("CVE-2024-0001", "CVE-2024-0002"), ()]


def test_openvas_false_positives_and_equal_results() -> None:
    result = (
        "<result><name>Weak</name><host>h</host><port>80/tcp</port><threat>%s</threat><nvt oid='1'/></result>"
    )
    results = "".join(result % threat for threat in ("High", "High", "False Positive"))
    found, report = read(
        f"<report format_id='x'><report><results>{results}</results></report></report>".encode()
    )
    assert found == ReportFormat.OPENVAS
    assert [(one.severity, one.vex_state) for one in report.findings] == [
        (Severity.HIGH, None),
        (Severity.INFO, VexState.FALSE_POSITIVE),
    ]


def test_github_by_rest() -> None:
    alert = {
        "state": "dismissed",
        "dependency": {"manifest_path": "package-lock.json"},
        "security_advisory": {"summary": "s", "identifiers": [{"type": "CVE", "value": "CVE-2024-0001"}]},
        "security_vulnerability": {"severity": "high", "package": {"name": "left", "ecosystem": "npm"}},
    }
    found, report = read([alert])
    assert (found, report.findings[0].vex_state) == (ReportFormat.GITHUB, VexState.SUPPRESSED)
    assert report.findings[0].purl == "pkg:npm/left"


def test_sarif_suppressions() -> None:
    def one(*statuses: str) -> VexState | None:
        suppressions = [{"kind": "external", **({"status": status} if status else {})} for status in statuses]
        result = {"ruleId": "r", "message": {"text": "t"}, "suppressions": suppressions}
        runs = [{"tool": {"driver": {"name": "n"}}, "results": [result]}]
        return read({"version": "2.1.0", "runs": runs})[1].findings[0].vex_state

    assert one() is None
    assert one("") == one("accepted", "") == VexState.SUPPRESSED
    assert one("rejected") is one("accepted", "underReview") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2022-01-15T14:31:13.042600508Z", "2022-01-15 14:31:13.042600+00:00"),
        ("2016-11-05T14:52:15.748-0400", "2016-11-05 18:52:15.748000+00:00"),
        ("1648044472", "2022-03-23 14:07:52+00:00"),
        ("2026-03-01 12:00:00", "2026-03-01 12:00:00+00:00"),
        ("0001-01-01T00:00:00+14:00", "None"),
        ("yesterday", "None"),
        ("", "None"),
    ],
)
def test_moments(text: str, expected: str) -> None:
    assert str(moment(text)) == expected


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        ("10.0", "critical"),
        ("9", "critical"),
        ("8.9", "high"),
        ("4.0", "medium"),
        ("0.1", "low"),
        ("0", "info"),
    ],
)
def test_scores(score: str, severity: str) -> None:
    assert severities.from_score(score) == severity


@pytest.mark.parametrize("score", ["", "11", "10.5", "-1", "nan", "1e1", "٣", "high"])
def test_what_is_no_score(score: str) -> None:
    assert severities.from_score(score) is None


def test_package_urls() -> None:
    assert packages.package_url("npm", "@scope/left", "1") == "pkg:npm/%40scope/left@1"
    assert packages.package_url("Maven", "g:left", "1") == "pkg:maven/g/left@1"
    assert packages.package_url("Debian:12", "left", "1") == packages.package_url("npm", "", "1") == ""
    assert packages.name_and_version("pkg:maven/g/left@1") == ("g:left", "1")
    assert packages.name_and_version("nonsense") == ("", "")
