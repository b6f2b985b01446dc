"""The one shape every format is read into, and the error that names what cannot be read. No ORM."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agents.choices import FindingCategory, Severity
from agents.strict_json import JSON, storable_text
from audits.errors import Invalid

# Longest texts, as in the models of the same names.
SCANNER, TARGET, TITLE, DESCRIPTION, COMPONENT_NAME = 200, 500, 500, 20_000, 500
COMPONENT_VERSION, FIXED_VERSION, PURL, LOCATION, RULE_ID = 200, 500, 1000, 1000, 200
VULNERABILITY_ID, CVSS_VECTOR, MOST_IN_A_LIST = 100, 200, 100

CWE = re.compile(r"CWE[-_ ]?0*([1-9][0-9]{0,5})\b", re.IGNORECASE)
VULNERABILITY = re.compile(
    r"\b(CVE-[0-9]{4}-[0-9]{4,19}|GHSA(?:-[23456789cfghjmpqrvwx]{4}){3})\b", re.IGNORECASE
)


class ReportError(Invalid):
    """A report that cannot be read: names the file, the format, the place, and what is wrong there."""

    code = "unreadable_report"

    def __init__(self, problem: str, *, place: str = "", file_name: str = "", format_name: str = "") -> None:
        self.problem = problem
        self.place = place
        self.file_name = file_name
        self.format_name = format_name
        subject = file_name or "The report"
        named = f" ({format_name})" if format_name else ""
        super().__init__(f"{subject}{named}{f' at {place}' if place else ''}: {problem}")


@dataclass(frozen=True, slots=True)
class ParsedFinding:
    """One finding as the scanner says (fields as in the model `Finding`)."""

    title: str
    severity: Severity
    category: FindingCategory
    rule_id: str = ""
    vulnerability_ids: tuple[str, ...] = ()
    description: str = ""
    component_name: str = ""
    component_version: str = ""
    fixed_version: str = ""
    purl: str = ""
    location: str = ""
    cvss_vectors: tuple[str, ...] = ()
    cwes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParsedReport:
    """A report: which scanner, what it scanned, what it found.

    `stated_counts` is for reports that only count: they have no findings of their own.
    """

    scanner: str
    target: str
    findings: tuple[ParsedFinding, ...] = ()
    stated_counts: Mapping[Severity, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Findings by severity, worst first; severities without any are left out."""
        counted = Counter(finding.severity for finding in self.findings) or self.stated_counts
        return {severity.value: counted[severity] for severity in Severity if counted.get(severity)}


class Format(Protocol):
    """What each module of a format offers. Pure; adding a format means copying one of them."""

    def detect(self, document: JSON, /) -> bool:
        """Whether this looks like the format; never raises."""

    def parse(self, document: JSON, /) -> ParsedReport:
        """The report in `document`.

        Raises:
            ReportError: with the JSON path of what is not as the format says.
        """


def finding(
    *,
    title: str,
    severity: Severity,
    category: FindingCategory,
    rule_id: str = "",
    vulnerability_ids: Iterable[str] = (),
    description: str = "",
    component_name: str = "",
    component_version: str = "",
    fixed_version: str = "",
    purl: str = "",
    location: str = "",
    cvss_vectors: Iterable[str] = (),
    cwes: Iterable[str] = (),
) -> ParsedFinding:
    """A finding whose texts fit the database: cut where too long, equal ids and vectors once."""
    names = distinct(vulnerability_ids, VULNERABILITY_ID)
    return ParsedFinding(
        title=cut(title, TITLE) or cut(" ".join(names), TITLE) or "Untitled",
        severity=severity,
        category=category,
        rule_id=cut(rule_id, RULE_ID),
        vulnerability_ids=names,
        description=cut(description, DESCRIPTION),
        component_name=cut(component_name, COMPONENT_NAME),
        component_version=cut(component_version, COMPONENT_VERSION),
        fixed_version=cut(fixed_version, FIXED_VERSION),
        purl=cut(purl, PURL),
        location=cut(location, LOCATION),
        cvss_vectors=distinct(cvss_vectors, CVSS_VECTOR),
        cwes=distinct((f"CWE-{number}" for text in cwes for number in CWE.findall(text)), 0),
    )


def report(*, scanner: str, target: str, findings: Iterable[ParsedFinding]) -> ParsedReport:
    """A report whose texts fit the database."""
    return ParsedReport(scanner=cut(scanner, SCANNER), target=cut(target, TARGET), findings=tuple(findings))


def cut(text: str, longest: int) -> str:
    """`text` without what PostgreSQL refuses, and visibly cut ("…") where it is too long."""
    kept = storable_text(text).strip()
    return kept if len(kept) <= longest else kept[: longest - 1] + "…"


def distinct(texts: Iterable[str], longest: int) -> tuple[str, ...]:
    """Each text once, in order; what is too long to be an id or a vector (0: no limit) is left out."""
    cleaned = (storable_text(text).strip() for text in texts)
    kept = dict.fromkeys(text for text in cleaned if text and (not longest or len(text) <= longest))
    return tuple(kept)[:MOST_IN_A_LIST]


def vulnerability_names(text: str) -> list[str]:
    """The CVE and GHSA ids in a text, spelt as their authorities do."""
    return [
        name.upper() if name[:3].upper() == "CVE" else f"GHSA{name[4:].lower()}"
        for name in VULNERABILITY.findall(text)
    ]
