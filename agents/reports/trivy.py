"""Trivy's JSON: images, file systems and SBOMs, Kubernetes clusters, and the list of before 0.20.

https://trivy.dev/latest/docs/configuration/reporting/. One finding for each vulnerability,
misconfiguration that failed, secret and licence of each result. The text a secret was found in is not
kept.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory, Severity
from agents.reports import shape
from agents.reports.moments import moment
from agents.reports.node import Node
from agents.reports.shape import ParsedFinding, ParsedReport, vulnerability_names

SEVERITIES = {
    "CRITICAL": Severity.CRITICAL,
    "HIGH": Severity.HIGH,
    "MEDIUM": Severity.MEDIUM,
    "LOW": Severity.LOW,
}
RESULT_KEYS = {"Vulnerabilities", "Misconfigurations", "Secrets", "Licenses", "Class", "Type"}
CLUSTER_KEYS = ("Resources", "Vulnerabilities", "Misconfigurations", "Findings")
ADVISORY = "https://github.com/advisories/"
VECTORS = ("V40Vector", "V3Vector", "V2Vector")


def detect(document: Any) -> bool:
    if isinstance(document, list):
        return bool(document) and all(
            isinstance(result, dict) and "Target" in result and not RESULT_KEYS.isdisjoint(result)
            for result in document
        )
    if not isinstance(document, dict):
        return False
    if "ClusterName" in document:
        return any(key in document for key in CLUSTER_KEYS)
    return "ArtifactName" in document and ("Results" in document or "SchemaVersion" in document)


def parse(document: Any) -> ParsedReport:
    if isinstance(document, list):
        document = {"Results": document}
    root = Node(document)
    version = root.object("Trivy").text("Version")
    first_target = next((result.text("Target") for result in root.objects("Results")), "")
    return shape.report(
        tool="Trivy",
        version=version,
        scanned_at=moment(root.text("CreatedAt")),
        target=root.text("ArtifactName", "ClusterName") or first_target,
        findings=_findings(root),
    )


def _findings(root: Node) -> Iterator[ParsedFinding]:
    for result in root.objects("Results"):
        yield from _result(result, "")
    if "ClusterName" in root.value:
        for resource in (resource for key in CLUSTER_KEYS for resource in root.objects(key)):
            names = (resource.text("Namespace"), resource.text("Kind"), resource.text("Name"))
            for result in resource.objects("Results"):
                yield from _result(result, "/".join(name for name in names if name) + " ")


def _result(result: Node, resource: str) -> Iterator[ParsedFinding]:
    where = resource + result.text("Target")
    for vulnerability in result.objects("Vulnerabilities"):
        yield _vulnerability(vulnerability, where)
    for misconfiguration in result.objects("Misconfigurations"):
        if misconfiguration.text("Status") not in ("PASS", "EXCEPTION"):
            yield _misconfiguration(misconfiguration, where)
    for secret in result.objects("Secrets"):
        yield _secret(secret, where)
    for licence in result.objects("Licenses"):
        yield _licence(licence, where)


def _vulnerability(entry: Node, where: str) -> ParsedFinding:
    name, component = entry.text("VulnerabilityID"), entry.text("PkgName")
    sources = entry.object("CVSS").members()
    return shape.finding(
        title=entry.text("Title") or f"{name} in {component}",
        severity=_severity(entry),
        category=FindingCategory.VULNERABILITY,
        vulnerability_ids=[name, *_aliases(entry)],
        description=entry.text("Description"),
        component_name=component,
        component_version=entry.text("InstalledVersion"),
        fixed_version=entry.text("FixedVersion"),
        purl=entry.object("PkgIdentifier").text("PURL") or entry.text("Ref"),
        location=" ".join(part for part in (where, entry.text("PkgPath")) if part),
        cvss_vectors=[vector for source in sources for vector in map(source.text, VECTORS) if vector],
        cwes=entry.texts("CweIDs"),
    )


def _aliases(entry: Node) -> list[str]:
    """GitHub's names for the same vulnerability: among the vendors' ids, or linked as the advisory."""
    advisories = [url for url in entry.texts("References") if url.startswith(ADVISORY)]
    named = (name for text in entry.texts("VendorIDs") + advisories for name in vulnerability_names(text))
    return [name for name in named if name.startswith("GHSA-")]


def _misconfiguration(entry: Node, where: str) -> ParsedFinding:
    cause = entry.object("CauseMetadata")
    texts = (entry.text("Message"), entry.text("Description"), entry.text("Resolution"))
    return shape.finding(
        title=f"{entry.text('ID')} - {entry.text('Title')}",
        severity=_severity(entry),
        category=FindingCategory.MISCONFIGURATION,
        rule_id=entry.text("AVDID", "ID"),
        description="\n\n".join(text for text in texts if text),
        component_name=cause.text("Resource"),
        location=_line(where, cause),
    )


def _secret(entry: Node, where: str) -> ParsedFinding:
    return shape.finding(
        title=f"Secret: {entry.text('Title', 'RuleID')}",
        severity=_severity(entry),
        category=FindingCategory.SECRET,
        rule_id=entry.text("RuleID"),
        description=f"Category: {entry.text('Category')}",
        location=_line(where, entry),
        cwes=["CWE-798"],
    )


def _licence(entry: Node, where: str) -> ParsedFinding:
    return shape.finding(
        title=f"Licence {entry.text('Name')} ({entry.text('Category')})",
        severity=_severity(entry),
        category=FindingCategory.LICENCE,
        rule_id=entry.text("Name"),
        component_name=entry.text("PkgName"),
        location=" ".join(part for part in (where, entry.text("FilePath")) if part),
    )


def _severity(entry: Node) -> Severity:
    return SEVERITIES.get(entry.text("Severity").upper(), Severity.INFO)


def _line(where: str, entry: Node) -> str:
    line = entry.integer("StartLine")
    return f"{where}:{line}" if line else where
