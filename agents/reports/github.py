"""Dependabot alerts of GitHub: the answer of its GraphQL API, or a list from its REST API, as JSON.

One finding for each alert. What was fixed or dismissed is marked.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory, VexState
from agents.reports import packages, severities, shape
from agents.reports.node import Node
from agents.reports.shape import ParsedFinding, ParsedReport, vulnerability_names

STATES = {
    "FIXED": VexState.RESOLVED,
    "DISMISSED": VexState.SUPPRESSED,
    "AUTO_DISMISSED": VexState.SUPPRESSED,
}


def detect(document: Any) -> bool:
    if isinstance(document, list):
        return bool(document) and all(
            isinstance(one, dict) and "security_advisory" in one and "security_vulnerability" in one
            for one in document
        )
    data = document.get("data") if isinstance(document, dict) else None
    return isinstance(data, dict) and ("search" in data or "repository" in data)


def parse(document: Any) -> ParsedReport:
    if isinstance(document, list):
        return _rest(Node({"alerts": document}))
    data = Node(document).object("data")
    repositories = [*data.object("search").objects("nodes")]
    if "repository" in data.value:
        repositories.append(data.object("repository"))
    alerts = [
        (one, alert) for one in repositories for alert in one.object("vulnerabilityAlerts").objects("nodes")
    ]
    return shape.report(
        tool="GitHub",
        target=", ".join(dict.fromkeys(one.text("nameWithOwner", "name") for one in repositories)),
        findings=(_graphql(repository, alert) for repository, alert in alerts),
    )


def _graphql(repository: Node, alert: Node) -> ParsedFinding:
    entry = alert.object("securityVulnerability")
    advisory = entry.object("advisory")
    return _finding(
        alert=alert,
        entry=entry,
        advisory=advisory,
        identifiers=[one.text("value") for one in advisory.objects("identifiers")],
        fixed=entry.object("firstPatchedVersion").text("identifier"),
        place=alert.text("vulnerableManifestPath") or repository.text("name"),
        vectors=[advisory.object("cvss").text("vectorString")],
        weaknesses=[one.text("cweId") for one in advisory.object("cwes").objects("nodes")],
    )


def _rest(root: Node) -> ParsedReport:
    alerts = list(root.objects("alerts"))
    repositories = dict.fromkeys(alert.object("repository").text("full_name") for alert in alerts)
    return shape.report(
        tool="GitHub",
        target=", ".join(name for name in repositories if name),
        findings=_alerts(alerts),
    )


def _alerts(alerts: list[Node]) -> Iterator[ParsedFinding]:
    for alert in alerts:
        entry, advisory = alert.object("security_vulnerability"), alert.object("security_advisory")
        yield _finding(
            alert=alert,
            entry=entry,
            advisory=advisory,
            identifiers=[one.text("value") for one in advisory.objects("identifiers")],
            fixed=entry.object("first_patched_version").text("identifier"),
            place=alert.object("dependency").text("manifest_path"),
            vectors=[advisory.object("cvss").text("vector_string")],
            weaknesses=[one.text("cwe_id") for one in advisory.objects("cwes")],
        )


def _finding(
    *,
    alert: Node,
    entry: Node,
    advisory: Node,
    identifiers: list[str],
    fixed: str,
    place: str,
    vectors: list[str],
    weaknesses: list[str],
) -> ParsedFinding:
    package = entry.object("package")
    name = package.text("name")
    return shape.finding(
        title=advisory.text("summary") or f"{name} is vulnerable",
        severity=severities.from_word(entry.text("severity") or advisory.text("severity")),
        category=FindingCategory.VULNERABILITY,
        rule_id=next(iter(identifiers), ""),
        vulnerability_ids=sorted(
            [one for text in identifiers for one in vulnerability_names(text)],
            key=lambda one: not one.startswith("CVE-"),
        ),
        description=advisory.text("description"),
        component_name=name,
        component_version=entry.text("vulnerableRequirements").removeprefix("= "),
        fixed_version=fixed,
        purl=packages.package_url(package.text("ecosystem"), name, ""),
        location=place,
        cvss_vectors=vectors,
        cwes=weaknesses,
        vex_state=STATES.get(alert.text("state").upper()),
    )
