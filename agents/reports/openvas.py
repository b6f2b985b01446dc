"""OpenVAS and Greenbone reports, XML and CSV. https://docs.greenbone.net

One finding for each test on each host and port: what the same test says there twice counts once. A CVSS
vector given is kept. Results of the level "log" are information.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory, Severity, VexState
from agents.reports import severities, shape
from agents.reports.moments import moment, newest
from agents.reports.shape import ParsedFinding, ParsedReport, vulnerability_names
from agents.reports.table import Table
from agents.reports.tree import Tag

COLUMNS = {"NVT Name", "NVT OID", "IP"}


def detect(document: Any) -> bool:
    if isinstance(document, Table):
        return document.columns.keys() >= COLUMNS
    return (
        isinstance(document, Tag)
        and document.name in ("report", "get_reports_response")
        and (
            _inner(document).object("results").name == "results"
            and bool(document.text("format_id") or _holds(document))
        )
    )


def _holds(document: Tag) -> bool:
    inner = _inner(document)
    return any(True for _ in inner.children("results")) or any(True for _ in inner.children("gmp"))


def _inner(document: Tag) -> Tag:
    """The report itself: one lies in another, and both may lie in an answer."""
    for _ in range(2):
        document = next(document.children("report"), document)
    return document


def parse(document: Any) -> ParsedReport:
    if isinstance(document, Table):
        rows = list(document.rows())
        return shape.report(
            tool="OpenVAS",
            target=", ".join(dict.fromkeys(row.text("Task Name") for row in rows if row.text("Task Name"))),
            scanned_at=newest([row.text("Timestamp") for row in rows]),
            findings=_once(map(_row, rows)),
        )
    inner = _inner(document)
    return shape.report(
        tool="OpenVAS",
        target=inner.object("task").text("name") or document.object("task").text("name"),
        scanned_at=moment(inner.text("scan_end") or inner.text("timestamp")),
        findings=_once(map(_result, inner.objects("results"))),
    )


def _once(findings: Iterator[ParsedFinding]) -> Iterator[ParsedFinding]:
    seen = set()
    for finding in findings:
        key = (finding.rule_id, finding.title, finding.location, finding.severity)
        if key not in seen:
            seen.add(key)
            yield finding


def _result(result: Tag) -> ParsedFinding:
    nvt = result.object("nvt")
    tags = dict(part.partition("=")[::2] for part in nvt.text("tags").split("|"))
    references = [one.text("id") for one in nvt.objects("refs") if one.text("type").lower() == "cve"]
    host, port = result.object("host").own_text, result.text("port")
    said = (
        tags.get("summary", ""),
        result.text("description"),
        tags.get("insight", ""),
        nvt.text("solution") or tags.get("solution", ""),
    )
    vectors = [tags.get("cvss_base_vector", ""), *(one.text("value") for one in nvt.objects("severities"))]
    threat = result.text("threat")
    return shape.finding(
        title=result.text("name") or nvt.text("name"),
        severity=_severity(threat, result.text("severity")),
        category=FindingCategory.VULNERABILITY,
        rule_id=nvt.text("oid"),
        vulnerability_ids=[
            name for one in (*references, nvt.text("cve")) for name in vulnerability_names(one)
        ],
        description="\n\n".join(text.strip() for text in said if text.strip()),
        location=" ".join(filter(None, (host, port))),
        cvss_vectors=[vector for vector in vectors if "AV:" in vector],
        vex_state=VexState.FALSE_POSITIVE if threat.lower() == "false positive" else None,
    )


def _row(row: Any) -> ParsedFinding:
    said = ("Summary", "Specific Result", "Vulnerability Insight", "Solution")
    port = "/".join(filter(None, (row.text("Port"), row.text("Port Protocol"))))
    severity = row.text("Severity")
    return shape.finding(
        title=row.text("NVT Name"),
        severity=_severity(severity, row.text("CVSS")),
        category=FindingCategory.VULNERABILITY,
        rule_id=row.text("NVT OID"),
        vulnerability_ids=vulnerability_names(row.text("CVEs")),
        description="\n\n".join(text for name in said if (text := row.text(name))),
        location=" ".join(filter(None, (row.text("IP", "Hostname"), port))),
        vex_state=VexState.FALSE_POSITIVE if severity.lower() == "false positive" else None,
    )


def _severity(threat: str, score: str) -> Severity:
    """The level in its word, which older scales end at high; a score of 9 and more makes it critical."""
    if threat:
        return severities.from_word(threat)
    return severities.from_score(score) or Severity.INFO
