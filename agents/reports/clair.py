"""Clair's results as JSON: of clair-scanner, of Klar, and of Clair 4 (`vulnerability_report`).

One finding for each vulnerability of each feature or package.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory
from agents.reports import severities, shape
from agents.reports.node import Node
from agents.reports.shape import ParsedFinding, ParsedReport, vulnerability_names


def detect(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    scanner = "image" in document and "unapproved" in document
    klar = "LayerCount" in document and isinstance(document.get("Vulnerabilities"), dict)
    return scanner or klar or ("manifest_hash" in document and "package_vulnerabilities" in document)


def parse(document: Any) -> ParsedReport:
    root = Node(document)
    if "manifest_hash" in root.value:
        target, findings = root.text("manifest_hash"), _version_4(root)
    elif "LayerCount" in root.value:
        target, findings = "", _klar(root)
    else:
        target, findings = root.text("image"), _scanner(root)
    return shape.report(tool="Clair", target=target, findings=findings)


def _scanner(root: Node) -> Iterator[ParsedFinding]:
    for entry in root.objects("vulnerabilities"):
        yield _finding(
            name=entry.text("vulnerability"),
            component=entry.text("featurename"),
            version=entry.text("featureversion"),
            severity=entry.text("severity"),
            description=entry.text("description"),
            fixed=entry.text("fixedby"),
            place=entry.text("namespace"),
        )


def _klar(root: Node) -> Iterator[ParsedFinding]:
    """Klar sorts by severity: the words are the keys."""
    by_severity = root.object("Vulnerabilities")
    for severity in by_severity.value:
        for entry in by_severity.objects(severity):
            yield _finding(
                name=entry.text("Name"),
                component=entry.text("FeatureName"),
                version=entry.text("FeatureVersion"),
                severity=entry.text("Severity") or severity,
                description=entry.text("Description"),
                fixed=entry.text("FixedBy"),
                place=entry.text("NamespaceName"),
            )


def _version_4(root: Node) -> Iterator[ParsedFinding]:
    by_package, known = root.object("package_vulnerabilities"), root.object("vulnerabilities")
    every = root.object("packages")
    for package_id in by_package.value:
        package = every.object(package_id)
        for name in by_package.texts(package_id):
            entry = known.object(name)
            distribution = entry.object("distribution")
            yield _finding(
                name=entry.text("name"),
                component=package.text("name"),
                version=package.text("version"),
                severity=entry.text("normalized_severity", "severity"),
                description=entry.text("description"),
                fixed=entry.text("fixed_in_version"),
                place=distribution.text("pretty_name", "did"),
            )


def _finding(
    *, name: str, component: str, version: str, severity: str, description: str, fixed: str, place: str
) -> ParsedFinding:
    names = vulnerability_names(name) or [name]
    return shape.finding(
        title=f"{name} - ({component}, {version})",
        severity=severities.from_word(severity),
        category=FindingCategory.VULNERABILITY,
        vulnerability_ids=names,
        description=description,
        component_name=component,
        component_version=version,
        fixed_version=fixed,
        location=place,
    )
