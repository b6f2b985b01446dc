"""The one shape every format is read into, and the error that names what cannot be read. No ORM."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Protocol

from agents.choices import FindingCategory, Severity, VexState
from agents.strict_json import storable_text
from audits.errors import Invalid

# Longest texts, as in the models of the same names.
SCANNER, TARGET, TITLE, DESCRIPTION, COMPONENT_NAME = 200, 500, 500, 20_000, 500
COMPONENT_VERSION, FIXED_VERSION, PURL, LOCATION, RULE_ID = 200, 500, 1000, 1000, 200
VULNERABILITY_ID, CVSS_VECTOR, MOST_IN_A_LIST, NOTES = 100, 200, 100, 2000
MOST_FINDINGS = 250_000

LINE = re.compile(r"(?::[0-9]+)+\Z")
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
    vex_state: VexState | None = None
    place: str = ""

    @property
    def identity(self) -> str:
        """By what a later scan of the same target finds it again: which problem, where.

        Not by versions, lines and severities: a package that was updated and is still vulnerable, a
        line that moved, a score that was revised, are the same problem still.
        """
        name = next(iter(self.vulnerability_ids), "") or self.rule_id or self.title
        parts = [self.category.value, name, self.component_name, self.place]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ParsedReport:
    """A report: which scanner, what it scanned, when, what it found.

    `tool` is the scanner without its version. `notes` says what of the report is not read.
    `stated_counts` is for reports that only count: they have no findings of their own.
    """

    scanner: str
    target: str
    tool: str = ""
    scanned_at: datetime | None = None
    notes: str = ""
    findings: tuple[ParsedFinding, ...] = ()
    stated_counts: Mapping[Severity, int] = field(default_factory=dict)

    @property
    def counts(self) -> dict[str, int]:
        """Findings by severity, worst first; severities without any are left out."""
        counted = Counter(finding.severity for finding in self.findings) or self.stated_counts
        return {severity.value: counted[severity] for severity in Severity if counted.get(severity)}


class Format(Protocol):
    """What each module of a format offers. Pure; adding a format means copying one of them."""

    def detect(self, document: Any, /) -> bool:
        """Whether this looks like the format; never raises.

        `document` is what JSON holds, a `tree.Tag` (XML) or a `table.Table` (CSV).
        """

    def parse(self, document: Any, /) -> ParsedReport:
        """The report in `document`.

        Raises:
            ReportError: with the place of what is not as the format says.
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
    vex_state: VexState | None = None,
    merged: bool = False,
) -> ParsedFinding:
    """A finding whose texts fit the database: cut where too long, equal ids and vectors once.

    `merged`: it stands for several places at once, so that its location does not tell it apart.
    """
    names = distinct(vulnerability_ids, VULNERABILITY_ID)
    in_package = bool(component_name) and category == FindingCategory.VULNERABILITY
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
        vex_state=vex_state,
        place="" if merged or in_package else LINE.sub("", cut(location, LOCATION)),
    )


def report(
    *,
    tool: str,
    target: str,
    findings: Iterable[ParsedFinding],
    version: str = "",
    scanner: str = "",
    scanned_at: datetime | None = None,
    notes: Iterable[str] = (),
) -> ParsedReport:
    """A report whose texts fit the database.

    Args:
        scanner: the tool with its version, where it is not just both of them side by side.

    Raises:
        ReportError: it holds more findings than one report may.
    """
    kept = tuple(islice(findings, MOST_FINDINGS + 1))
    if len(kept) > MOST_FINDINGS:
        raise ReportError(f"more than {MOST_FINDINGS} findings. Scan in parts, and bring each report.")
    return ParsedReport(
        scanner=cut(scanner or f"{tool} {version}", SCANNER),
        tool=cut(tool, SCANNER),
        target=cut(target, TARGET),
        scanned_at=scanned_at,
        notes=cut(" ".join(notes), NOTES),
        findings=kept,
    )


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
