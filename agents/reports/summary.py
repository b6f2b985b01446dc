"""The counts of a scan and nothing else (S0-12).

`{"scan_type": "container", "findings": {"critical": 2, "high": 3, "medium": 5}}`. The counts are kept
on the report; there is nothing to look up or assess, so it yields no findings.
"""

from typing import Any

from agents.choices import Severity
from agents.reports import shape
from agents.reports.node import Node
from agents.reports.shape import ParsedReport, ReportError

MOST = 10**9


def detect(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("scan_type"), str)
        and isinstance(document.get("findings"), dict)
    )


def parse(document: Any) -> ParsedReport:
    root = Node(document)
    findings = root.object("findings")
    counts = {}
    for name in findings.value:
        count = findings.integer(name)
        if name.lower() not in Severity.values:
            known = ", ".join(Severity.values)
            raise ReportError(f"a severity is expected: {known}", place=findings.place(name[:40]))
        if count is None or not 0 <= count <= MOST:
            raise ReportError("a count from 0 on is expected", place=findings.place(name))
        counts[Severity(name.lower())] = count
    return ParsedReport(
        scanner="",
        target=shape.cut(root.text("target", "scan_type"), shape.TARGET),
        stated_counts=counts,
    )
