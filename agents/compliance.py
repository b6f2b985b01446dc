"""What a finding means for compliance (S0-13): tables and one rule, decided by code. Pure.

The tables name the controls a kind of finding touches, in the catalogues our users are audited
against: ISO/IEC 27001:2013 (the ids S0-13 uses) and 27001:2022 Annex A, SOC 2 trust services criteria
(2017), PCI DSS 4.0.1, NIST CSF 2.0. They are configurable defaults of this product, not legal advice.

The status follows one rule, the first line that fits:

* NON_COMPLIANT: it is in CISA's Known Exploited Vulnerabilities catalogue, or critical
* AT_RISK: high or medium
* COMPLIANT: low or informational; ordinary maintenance takes care of it

The severity is the worse of what was assessed and what the CVSS score says, so that neither a scanner
nor a model can talk a published score down.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypedDict

from agents.choices import ComplianceStatus, FindingCategory, Severity


class ComplianceImpact(TypedDict):
    """The `compliance_impact` record of S0-13, and why it says so."""

    standards_affected: list[str]
    required_controls: list[str]
    compliance_status: str
    reason: str


@dataclass(frozen=True, slots=True)
class Obligation:
    """Controls of the standards, and what they ask for in words."""

    standards: tuple[str, ...]
    controls: tuple[str, ...]
    why: str


BY_CATEGORY = {
    FindingCategory.VULNERABILITY: Obligation(
        (
            "ISO27001 A.12.6.1",
            "SOC2 CC7.1",
            "ISO27001:2022 A.8.8",
            "PCI DSS 4.0.1 6.3.3",
            "NIST CSF 2.0 ID.RA-01",
        ),
        ("Patch Management", "Vulnerability Management"),
        "a known vulnerability in a component",
    ),
    FindingCategory.MISCONFIGURATION: Obligation(
        (
            "ISO27001 A.12.6.1",
            "SOC2 CC7.1",
            "ISO27001:2022 A.8.9",
            "PCI DSS 4.0.1 2.2.1",
            "NIST CSF 2.0 PR.PS-01",
        ),
        ("Configuration Management", "Vulnerability Management"),
        "a setting that is not as it should be",
    ),
    FindingCategory.SECRET: Obligation(
        (
            "ISO27001 A.9.2.4",
            "SOC2 CC6.1",
            "ISO27001:2022 A.5.17",
            "PCI DSS 4.0.1 8.6.2",
            "NIST CSF 2.0 PR.AA-01",
        ),
        ("Secrets Management", "Access Control"),
        "a secret where others can read it",
    ),
    FindingCategory.LICENCE: Obligation(
        ("ISO27001 A.18.1.2", "ISO27001:2022 A.5.32", "NIST CSF 2.0 GV.OC-03"),
        ("Licence Management",),
        "a licence with duties",
    ),
    FindingCategory.CODE: Obligation(
        (
            "ISO27001 A.14.2.1",
            "SOC2 CC8.1",
            "ISO27001:2022 A.8.28",
            "PCI DSS 4.0.1 6.2.4",
            "NIST CSF 2.0 PR.PS-06",
        ),
        ("Secure Development",),
        "a weakness in our own code",
    ),
}

INJECTION = Obligation(
    ("ISO27001:2022 A.8.28", "PCI DSS 4.0.1 6.2.4"), ("Secure Development",), "input taken for code"
)
ACCESS = Obligation(
    ("SOC2 CC6.1", "ISO27001:2022 A.5.15", "PCI DSS 4.0.1 7.2.1", "NIST CSF 2.0 PR.AA-05"),
    ("Access Control",),
    "access that is not checked",
)
CRYPTOGRAPHY = Obligation(
    ("ISO27001 A.10.1.1", "ISO27001:2022 A.8.24", "PCI DSS 4.0.1 4.2.1", "NIST CSF 2.0 PR.DS-02"),
    ("Cryptography",),
    "cryptography that does not protect",
)
AVAILABILITY = Obligation(
    ("SOC2 A1.1", "ISO27001:2022 A.8.6", "NIST CSF 2.0 PR.IR-04"),
    ("Capacity Management",),
    "a service that can be exhausted",
)
DISCLOSURE = Obligation(
    ("SOC2 C1.1", "ISO27001:2022 A.8.12", "NIST CSF 2.0 PR.DS-01"),
    ("Data Protection",),
    "information that leaks",
)
BY_CWE = {
    f"CWE-{number}": obligation
    for obligation, numbers in (
        (INJECTION, (74, 77, 78, 79, 88, 89, 90, 91, 94, 95, 434, 502, 611, 643, 917, 1321, 1336)),
        (ACCESS, (250, 269, 276, 284, 285, 287, 306, 352, 522, 639, 732, 798, 862, 863)),
        (CRYPTOGRAPHY, (295, 310, 311, 319, 321, 326, 327, 328, 330, 338, 345, 347)),
        (AVAILABILITY, (400, 407, 674, 770, 776, 789, 834, 835, 1333)),
        (DISCLOSURE, (200, 201, 203, 209, 312, 497, 532, 538, 552)),
    )
    for number in numbers
}

KNOWN_EXPLOITED = Obligation(
    ("ISO27001:2022 A.5.7", "PCI DSS 4.0.1 6.3.1", "NIST CSF 2.0 ID.RA-02"),
    ("Threat Intelligence",),
    "it is being exploited",
)
HIGHEST_SCORE = Decimal(10)
SCORES = (
    (Decimal("9.0"), Severity.CRITICAL),
    (Decimal("7.0"), Severity.HIGH),
    (Decimal("4.0"), Severity.MEDIUM),
    (Decimal("0.1"), Severity.LOW),
)
STATUSES = {
    Severity.CRITICAL: ComplianceStatus.NON_COMPLIANT,
    Severity.HIGH: ComplianceStatus.AT_RISK,
    Severity.MEDIUM: ComplianceStatus.AT_RISK,
    Severity.LOW: ComplianceStatus.COMPLIANT,
    Severity.INFO: ComplianceStatus.COMPLIANT,
}


def impact(
    *,
    severity: Severity,
    cwes: Iterable[str] = (),
    category: str = FindingCategory.VULNERABILITY,
    cvss_score: str = "",
    kev: bool = False,
) -> ComplianceImpact:
    """The compliance impact of one finding, the same for the same input always.

    Args:
        severity: as assessed.
        cwes: CWE ids such as "CWE-79"; unknown ones add nothing.
        category: of `FindingCategory`.
        cvss_score: "0.0" to "10.0" as published, "" where there is none.
        kev: whether CISA lists it as known to be exploited.

    Raises:
        ValueError: an unknown severity or category, or a score that is not one.
    """
    named = list(dict.fromkeys(cwe for cwe in cwes if cwe in BY_CWE))
    touched = [BY_CATEGORY[FindingCategory(category)], *(BY_CWE[cwe] for cwe in named)]
    if kev:
        touched.append(KNOWN_EXPLOITED)
    effective = min(Severity(severity), _severity_of(cvss_score), key=lambda one: one.rank)
    status = ComplianceStatus.NON_COMPLIANT if kev else STATUSES[effective]
    return ComplianceImpact(
        standards_affected=_distinct(name for one in touched for name in one.standards),
        required_controls=_distinct(name for one in touched for name in one.controls),
        compliance_status=status.value,
        reason=_reason(status, effective, Severity(severity), cvss_score, touched, kev=kev),
    )


def _reason(
    status: ComplianceStatus,
    effective: Severity,
    assessed: Severity,
    cvss_score: str,
    touched: list[Obligation],
    *,
    kev: bool,
) -> str:
    because = [f"its severity is {effective.value}"]
    if effective != assessed:
        because = [f"its CVSS score is {cvss_score}, which is {effective.value} whatever was assessed"]
    if kev:
        because.insert(0, "CISA lists it as known to be exploited")
    kinds = "; ".join(_distinct(one.why for one in touched))
    return f"{status.value} because {' and '.join(because)}. Controls are chosen for: {kinds}."


def _severity_of(cvss_score: str) -> Severity:
    if not cvss_score:
        return Severity.INFO
    try:
        score = Decimal(cvss_score)
    except InvalidOperation:
        score = Decimal(-1)
    if not score.is_finite() or not 0 <= score <= HIGHEST_SCORE:
        raise ValueError(f"{cvss_score!r} is not a CVSS score from 0.0 to 10.0.")
    return next((severity for least, severity in SCORES if score >= least), Severity.INFO)


def _distinct(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))
