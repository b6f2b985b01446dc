"""OWASP Dependency-Check's XML and JSON. https://jeremylong.github.io/DependencyCheck/

One finding for each vulnerability of each dependency; suppressed ones count and are marked. Related
dependencies (other files of the same one) are no findings of their own.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory, Severity, VexState
from agents.reports import packages, severities, shape
from agents.reports.element import Element
from agents.reports.moments import moment
from agents.reports.node import Node
from agents.reports.shape import ParsedFinding, ParsedReport
from agents.reports.tree import Tag

# Metrics of CVSS 3 in their order, by what Dependency-Check calls them.
METRICS = {
    "AV": "attackVector",
    "AC": "attackComplexity",
    "PR": "privilegesRequired",
    "UI": "userInteraction",
    "S": "scope",
    "C": "confidentialityImpact",
    "I": "integrityImpact",
    "A": "availabilityImpact",
}


def detect(document: Any) -> bool:
    if isinstance(document, Tag):
        return document.name == "analysis" and "dependency-check" in document.text("xmlns").lower()
    return (
        isinstance(document, dict)
        and isinstance(document.get("dependencies"), list)
        and "scanInfo" in document
    )


def parse(document: Any) -> ParsedReport:
    root: Element = document if isinstance(document, Tag) else Node(document)
    project = root.object("projectInfo")
    return shape.report(
        tool="Dependency-Check",
        version=root.object("scanInfo").text("engineVersion"),
        target=project.text("name"),
        scanned_at=moment(project.text("reportDate")),
        findings=(finding for one in root.objects("dependencies") for finding in _dependency(one)),
    )


def _dependency(dependency: Element) -> Iterator[ParsedFinding]:
    for entry in dependency.objects("vulnerabilities"):
        suppressed = isinstance(entry, Tag) and entry.name == "suppressedVulnerability"
        yield _finding(dependency, entry, suppressed=suppressed)
    for entry in dependency.objects("suppressedVulnerabilities"):
        yield _finding(dependency, entry, suppressed=True)


def _finding(dependency: Element, entry: Element, *, suppressed: bool) -> ParsedFinding:
    component, version, purl = _component(dependency)
    name = entry.text("name")
    notes = f"Suppressed: {entry.text('notes')}" if suppressed and entry.text("notes") else ""
    scored = _cvss(entry)
    return shape.finding(
        title=f"{name} in {component} {version}".strip(),
        severity=_severity(entry, scored),
        category=FindingCategory.VULNERABILITY,
        vulnerability_ids=[name],
        description="\n\n".join(filter(None, (entry.text("description"), notes))),
        component_name=component,
        component_version=version,
        purl=purl,
        location=dependency.text("filePath", "fileName"),
        cvss_vectors=[_vector(scored)],
        cwes=[*entry.words("cwes"), entry.text("cwe")],
        vex_state=VexState.SUPPRESSED if suppressed else None,
    )


def _component(dependency: Element) -> tuple[str, str, str]:
    """Name, version and package URL: from the URL where there is one, else from what it was identified as."""
    for place in ("packages", "identifiers"):
        listed = dependency.objects(place)
        for identifier in listed:
            found = identifier.text("id")
            if found.startswith("pkg:"):
                return *packages.name_and_version(found), found
    for identifier in dependency.objects("identifiers"):
        if identifier.text("type") == "maven":
            group, _, rest = identifier.text("name").partition(":")
            artifact, _, version = rest.partition(":")
            named = f"{group}:{artifact}"
            return named, version, packages.package_url("maven", named, version)
    return dependency.text("fileName"), "", ""


def _cvss(entry: Element) -> Element:
    scored = entry.object("cvssV3")
    return scored if scored.text("baseScore") else entry.object("cvssv3")


def _vector(scored: Element) -> str:
    """Dependency-Check gives the metrics, not the vector: it is put together."""
    values = {short: scored.text(name)[:1].upper() for short, name in METRICS.items()}
    if not all(values.values()):
        return ""
    version = scored.text("version") or "3.1"
    return f"CVSS:{version}/" + "/".join(f"{short}:{value}" for short, value in values.items())


def _severity(entry: Element, scored: Element) -> Severity:
    word = scored.text("baseSeverity") or entry.text("severity")
    if word and word.lower() != "unknown":
        return severities.from_word(word)
    return severities.from_score(entry.text("cvssScore")) or Severity.MEDIUM
