"""Whatever comes in: a report, or a `ReportError`; never anything else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.reports import reading
from agents.reports.shape import ReportError

GOOD = {
    "trivy": {
        "SchemaVersion": 2,
        "ArtifactName": "a",
        "Results": [
            {
                "Target": "t",
                "Vulnerabilities": [
                    {
                        "VulnerabilityID": "CVE-2024-1234",
                        "PkgName": "p",
                        "PkgIdentifier": {"PURL": "pkg:a/b"},
                        "Severity": "LOW",
                        "CVSS": {"nvd": {"V3Vector": "v"}},
                        "CweIDs": ["CWE-1"],
                        "References": ["r"],
                    }
                ],
                "Misconfigurations": [{"ID": "i", "CauseMetadata": {"StartLine": 1}}],
                "Secrets": [{"RuleID": "r", "StartLine": 1}],
                "Licenses": [{"Name": "n"}],
            }
        ],
    },
    "grype": {
        "matches": [
            {
                "vulnerability": {"id": "CVE-2024-1234", "cvss": [{"vector": "v"}], "fix": {"versions": []}},
                "relatedVulnerabilities": [{"id": "x"}],
                "artifact": {"name": "n", "version": "1", "locations": [{"path": "p"}]},
            }
        ],
        "source": {"target": {"userInput": "u"}},
        "descriptor": {"name": "grype", "version": "1"},
    },
    "sarif": {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "n",
                        "rules": [
                            {
                                "id": "r",
                                "properties": {"tags": ["CWE-1"], "security-severity": "1.0"},
                                "relationships": [{"target": {"id": "CWE-1"}}],
                            }
                        ],
                    }
                },
                "results": [
                    {
                        "ruleId": "r",
                        "ruleIndex": 0,
                        "message": {"text": "{0}", "arguments": ["a"]},
                        "locations": [{"physicalLocation": {"artifactLocation": {"uri": "u"}}}],
                    }
                ],
            }
        ],
    },
    "cyclonedx": {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {
            "timestamp": "2026-03-01T00:00:00Z",
            "tools": {"components": [{"name": "t", "version": "1"}]},
            "component": {"bom-ref": "r", "name": "n", "version": "1"},
        },
        "components": [{"bom-ref": "a", "name": "n", "purl": "pkg:npm/n@1", "components": [{"name": "m"}]}],
        "vulnerabilities": [
            {
                "id": "CVE-2024-1234",
                "references": [{"id": "GHSA-2222-3333-4444"}],
                "ratings": [{"method": "CVSSv3", "score": 1.0, "vector": "AV:N"}],
                "cwes": [1],
                "analysis": {"state": "resolved", "detail": "d"},
                "affects": [{"ref": "a"}],
                "properties": [{"name": "n", "value": "v"}],
            }
        ],
    },
    "snyk": [
        {
            "projectName": "p",
            "packageManager": "npm",
            "vulnerabilities": [
                {
                    "id": "SNYK-1",
                    "title": "t",
                    "severity": "high",
                    "from": ["a@1", "b@2"],
                    "identifiers": {"CVE": ["CVE-2024-1234"], "CWE": ["CWE-1"]},
                    "fixedIn": ["2"],
                    "cvssScore": 1.0,
                    "cvssSources": [{"vector": "v"}],
                }
            ],
            "applications": [{"vulnerabilities": []}],
        }
    ],
    "npm_audit": {
        "auditReportVersion": 2,
        "vulnerabilities": {
            "a": {
                "name": "a",
                "via": [
                    {"source": 1, "title": "t", "url": "u", "cwe": ["CWE-1"], "cvss": {"vectorString": "v"}},
                    "b",
                ],
                "nodes": ["n"],
                "fixAvailable": {"name": "a", "version": "2"},
            }
        },
    },
    "pip_audit": {
        "dependencies": [
            {"name": "n", "version": "1", "vulns": [{"id": "i", "fix_versions": ["2"], "aliases": ["a"]}]},
            {"name": "m", "skip_reason": "s"},
        ]
    },
    "dependency_check": {
        "scanInfo": {"engineVersion": "1"},
        "projectInfo": {"name": "n", "reportDate": "2026-03-01T00:00:00Z"},
        "dependencies": [
            {
                "fileName": "f",
                "packages": [{"id": "pkg:maven/g/a@1"}],
                "vulnerabilities": [
                    {
                        "name": "CVE-2024-1234",
                        "cwes": ["CWE-1"],
                        "cvssv3": {"baseScore": 1.0, "scope": "UNCHANGED"},
                    }
                ],
                "suppressedVulnerabilities": [{"name": "CVE-2024-1235", "notes": "n"}],
            }
        ],
    },
    "clair": {
        "manifest_hash": "sha256:a",
        "packages": {"1": {"name": "n", "version": "1"}},
        "vulnerabilities": {"2": {"name": "CVE-2024-1234", "distribution": {"did": "d"}}},
        "package_vulnerabilities": {"1": ["2"]},
    },
    "aws_inspector2": {
        "findings": [
            {
                "findingArn": "a",
                "type": "PACKAGE_VULNERABILITY",
                "status": "ACTIVE",
                "resources": [{"id": "i"}],
                "remediation": {"recommendation": {"text": "t"}},
                "packageVulnerabilityDetails": {
                    "vulnerabilityId": "CVE-2024-1234",
                    "relatedVulnerabilities": ["r"],
                    "vulnerablePackages": [{"name": "n", "version": "1", "packageManager": "PYTHONPKG"}],
                    "cvss": [{"scoringVector": "v"}],
                },
            }
        ]
    },
    "osv_scanner": {
        "results": [
            {
                "source": {"path": "p"},
                "packages": [
                    {
                        "package": {"name": "n", "version": "1", "ecosystem": "npm"},
                        "vulnerabilities": [
                            {
                                "id": "i",
                                "aliases": ["CVE-2024-1234"],
                                "severity": [{"score": "CVSS:3.1/AV:N"}],
                                "affected": [
                                    {"package": {"name": "n"}, "ranges": [{"events": [{"fixed": "2"}]}]}
                                ],
                                "database_specific": {"severity": "HIGH", "cwe_ids": ["CWE-1"]},
                            }
                        ],
                    }
                ],
            }
        ]
    },
    "github": {
        "data": {
            "repository": {
                "nameWithOwner": "a/b",
                "vulnerabilityAlerts": {
                    "nodes": [
                        {
                            "state": "FIXED",
                            "securityVulnerability": {
                                "severity": "HIGH",
                                "package": {"name": "n", "ecosystem": "NPM"},
                                "firstPatchedVersion": {"identifier": "2"},
                                "advisory": {
                                    "identifiers": [{"type": "CVE", "value": "CVE-2024-1234"}],
                                    "cvss": {"vectorString": "v"},
                                    "cwes": {"nodes": [{"cweId": "CWE-1"}]},
                                },
                            },
                        }
                    ]
                },
            }
        }
    },
    "summary": {"scan_type": "container", "findings": {"critical": 1}},
}


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [before, *(place for key, item in value.items() for place in places(item, (*before, key)))]
    if isinstance(value, list):
        return [before, *(place for i, item in enumerate(value) for place in places(item, (*before, i)))]
    return [before]


OTHER_KEYS = {"ClusterName", "Resources", "Status", "$schema", "kind", "level", "messageStrings"}
KEYS = sorted(
    OTHER_KEYS | {key for good in GOOD.values() for at in places(good) for key in at if isinstance(key, str)}
)
WORDS = ("2.1.0", "grype", "CVE-2024-1234", "CWE-79", "HIGH", "9.8", "{0}", "\0", "\ud800", "pass")
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=5)
)
DOCUMENTS = st.recursive(
    LEAVES,
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.sampled_from(KEYS), children, max_size=6)
    ),
    max_leaves=25,
)


def outcome(content: bytes, named: str) -> str:
    try:
        _, report = reading.read("scan.json", content, named=named, max_bytes=100_000)
    except ReportError as error:
        return error.message
    text = json.dumps([report.target, report.scanner, [repr(finding) for finding in report.findings]])
    assert "\\x00" not in text
    return text


@given(st.binary(max_size=300))
def test_any_bytes(content: bytes) -> None:
    for named in (reading.AUTO, *reading.FORMATS):
        assert outcome(content, named)


@given(DOCUMENTS)
def test_any_document(document: Any) -> None:
    for named in (reading.AUTO, *reading.FORMATS):
        assert outcome(json.dumps(document).encode(), named)


def with_something_else(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[place[0]] = with_something_else(copy[place[0]], place[1:], value)
    return copy


@pytest.mark.parametrize("named", GOOD)
@given(data=st.data(), value=LEAVES | st.lists(LEAVES, max_size=2) | st.just({}))
def test_a_good_report_with_something_else_somewhere(named: str, data: st.DataObject, value: Any) -> None:
    place = data.draw(st.sampled_from(places(GOOD[named])))
    broken = json.dumps(with_something_else(GOOD[named], place, value)).encode()
    assert outcome(broken, named)
    assert outcome(broken, reading.AUTO)


@pytest.mark.parametrize("named", GOOD)
def test_the_good_reports_are_good(named: str) -> None:
    found, _ = reading.read("scan.json", json.dumps(GOOD[named]).encode(), max_bytes=100_000)
    assert found == named
