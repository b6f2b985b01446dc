"""What a finding means for compliance: tables and one rule (S0-13)."""

from itertools import product

import pytest

from agents import compliance
from agents.choices import ComplianceStatus, FindingCategory, Severity


def test_the_example_of_the_requirement_comes_out() -> None:
    got = compliance.impact(severity=Severity.MEDIUM, cvss_score="5.3")
    assert {"ISO27001 A.12.6.1", "SOC2 CC7.1"} <= set(got["standards_affected"])
    assert got["required_controls"] == ["Patch Management", "Vulnerability Management"]
    assert got["compliance_status"] == "AT_RISK"


@pytest.mark.parametrize(
    ("severity", "score", "kev", "status"),
    [
        (Severity.CRITICAL, "", False, ComplianceStatus.NON_COMPLIANT),
        (Severity.HIGH, "", False, ComplianceStatus.AT_RISK),
        (Severity.MEDIUM, "", False, ComplianceStatus.AT_RISK),
        (Severity.LOW, "", False, ComplianceStatus.COMPLIANT),
        (Severity.INFO, "", False, ComplianceStatus.COMPLIANT),
        (Severity.INFO, "", True, ComplianceStatus.NON_COMPLIANT),
        (Severity.LOW, "9.0", False, ComplianceStatus.NON_COMPLIANT),
        (Severity.LOW, "8.9", False, ComplianceStatus.AT_RISK),
        (Severity.LOW, "4.0", False, ComplianceStatus.AT_RISK),
        (Severity.LOW, "3.9", False, ComplianceStatus.COMPLIANT),
        (Severity.CRITICAL, "0.0", False, ComplianceStatus.NON_COMPLIANT),
    ],
)
def test_status(severity: Severity, score: str, kev: bool, status: ComplianceStatus) -> None:  # noqa: FBT001
    assert compliance.impact(severity=severity, cvss_score=score, kev=kev)["compliance_status"] == status


def test_the_reason_says_what_decided() -> None:
    got = compliance.impact(severity=Severity.LOW, cvss_score="9.8", kev=True, cwes=["CWE-502", "CWE-1"])
    assert got["reason"] == (
        "NON_COMPLIANT because CISA lists it as known to be exploited and its CVSS score is 9.8, which is "
        "critical whatever was assessed. Controls are chosen for: a known vulnerability in a component; "
        "input taken for code; it is being exploited."
    )


def test_weaknesses_and_exploitation_add_controls() -> None:
    plain = compliance.impact(severity=Severity.HIGH)
    more = compliance.impact(severity=Severity.HIGH, cwes=["CWE-502", "CWE-79"], kev=True)
    assert set(more["standards_affected"]) - set(plain["standards_affected"]) == {
        "ISO27001:2022 A.8.28",
        "PCI DSS 4.0.1 6.2.4",
        "ISO27001:2022 A.5.7",
        "PCI DSS 4.0.1 6.3.1",
        "NIST CSF 2.0 ID.RA-02",
    }
    assert more["required_controls"] == [
        "Patch Management",
        "Vulnerability Management",
        "Secure Development",
        "Threat Intelligence",
    ]


def test_every_category_and_severity_has_an_answer() -> None:
    for category, severity in product(FindingCategory, Severity):
        got = compliance.impact(severity=severity, category=category)
        assert got["standards_affected"]
        assert got["required_controls"]
        assert got["compliance_status"] in ComplianceStatus.values


@pytest.mark.parametrize("score", ["high", "-1", "10.1", "NaN", "Infinity"])
def test_a_score_that_is_none_is_refused(score: str) -> None:
    with pytest.raises(ValueError, match="not a CVSS score"):
        compliance.impact(severity=Severity.LOW, cvss_score=score)


def test_an_unknown_category_is_refused() -> None:
    with pytest.raises(ValueError, match="haunted"):
        compliance.impact(severity=Severity.LOW, category="haunted")
