"""Grype's JSON. https://github.com/anchore/grype

One finding for each vulnerability in one version of one component: Grype repeats a match for every
place and every way in which it found the component; the first one is kept.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory, Severity
from agents.reports import shape
from agents.reports.moments import moment
from agents.reports.node import Node
from agents.reports.shape import ParsedFinding, ParsedReport

SEVERITIES = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
}


def detect(document: Any) -> bool:
    matches = document.get("matches") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(matches, list):
        return False
    descriptor = document.get("descriptor")
    if isinstance(descriptor, dict) and descriptor.get("name") == "grype":
        return True
    return all(
        isinstance(match, dict) and "vulnerability" in match and "artifact" in match for match in matches
    )


def parse(document: Any) -> ParsedReport:
    root = Node(document)
    descriptor = root.object("descriptor")
    return shape.report(
        tool="Grype",
        version=descriptor.text("version"),
        scanned_at=moment(descriptor.text("timestamp")),
        target=_target(root.object("source")),
        findings=_findings(root),
    )


def _target(source: Node) -> str:
    if isinstance(source.value.get("target"), dict):
        return source.object("target").text("userInput", "imageID")
    return source.text("target")


def _findings(root: Node) -> Iterator[ParsedFinding]:
    seen = set()
    for match in root.objects("matches"):
        vulnerability, artifact = match.object("vulnerability"), match.object("artifact")
        key = (vulnerability.text("id"), artifact.text("name"), artifact.text("version"))
        if key not in seen:
            seen.add(key)
            yield _finding(match, vulnerability, artifact)


def _finding(match: Node, vulnerability: Node, artifact: Node) -> ParsedFinding:
    related = list(match.objects("relatedVulnerabilities"))
    name, component = vulnerability.text("id"), artifact.text("name")
    description = vulnerability.text("description") or next(
        (text for text in (entry.text("description") for entry in related) if text), ""
    )
    places = [place.text("path", "realPath") for place in artifact.objects("locations")]
    scores = [score for entry in (vulnerability, *related) for score in entry.objects("cvss")]
    return shape.finding(
        title=f"{name} in {component} {artifact.text('version')}",
        severity=SEVERITIES.get(vulnerability.text("severity").lower(), Severity.INFO),
        category=FindingCategory.VULNERABILITY,
        vulnerability_ids=[name, *(entry.text("id") for entry in related)],
        description=description,
        component_name=component,
        component_version=artifact.text("version"),
        fixed_version=", ".join(vulnerability.object("fix").texts("versions")),
        purl=artifact.text("purl"),
        location=next(iter(places), ""),
        cvss_vectors=[score.text("vector") for score in scores],
    )
