"""npm audit's JSON, of npm 6 (`advisories`) and of npm 7 and later (`auditReportVersion` 2).

npm 6: one finding for each advisory. Later: one for each advisory in each package; a package that is
named only because it needs another one is no finding of its own.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory
from agents.reports import packages, severities, shape
from agents.reports.node import Node
from agents.reports.shape import ParsedFinding, ParsedReport, vulnerability_names


def detect(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    if isinstance(document.get("advisories"), dict):
        return "metadata" in document or "actions" in document
    return "auditReportVersion" in document and isinstance(document.get("vulnerabilities"), dict)


def parse(document: Any) -> ParsedReport:
    root = Node(document)
    old = isinstance(root.value.get("advisories"), dict)
    return shape.report(tool="npm audit", target="", findings=_advisories(root) if old else _packages(root))


def _advisories(root: Node) -> Iterator[ParsedFinding]:
    for entry in root.object("advisories").members():
        found = list(entry.objects("findings"))
        versions = dict.fromkeys(one.text("version") for one in found if one.text("version"))
        paths = [path for one in found for path in one.texts("paths")]
        name, url = entry.text("module_name"), entry.text("url")
        only = next(iter(versions), "") if len(versions) == 1 else ""
        yield shape.finding(
            title=entry.text("title"),
            severity=severities.from_word(entry.text("severity")),
            category=FindingCategory.VULNERABILITY,
            rule_id=f"npm advisory {entry.text('id')}",
            vulnerability_ids=[
                *entry.texts("cves"),
                entry.text("github_advisory_id"),
                *vulnerability_names(url),
            ],
            description="\n\n".join(filter(None, (entry.text("overview"), entry.text("recommendation")))),
            component_name=name,
            component_version=", ".join(versions),
            fixed_version=entry.text("patched_versions").replace("<0.0.0", ""),
            purl=packages.package_url("npm", name, only),
            location=paths[0] if paths else "",
            cvss_vectors=[entry.object("cvss").text("vectorString")],
            cwes=entry.words("cwe"),
        )


def _packages(root: Node) -> Iterator[ParsedFinding]:
    for package in root.object("vulnerabilities").members():
        via = package.value.get("via")
        for index, cause in enumerate(via if isinstance(via, list) else []):
            if isinstance(cause, dict):
                yield _caused(package, Node(cause, package, f"via[{index}]"))


def _caused(package: Node, cause: Node) -> ParsedFinding:
    name = cause.text("dependency", "name") or package.text("name")
    fix = package.value.get("fixAvailable")
    change = Node(fix, package, "fixAvailable") if isinstance(fix, dict) else Node({})
    advice = f"npm audit fix installs {change.text('name')} {change.text('version')}." if change.value else ""
    return shape.finding(
        title=cause.text("title"),
        severity=severities.from_word(cause.text("severity") or package.text("severity")),
        category=FindingCategory.VULNERABILITY,
        rule_id=f"npm advisory {cause.text('source')}",
        vulnerability_ids=vulnerability_names(cause.text("url")),
        description="\n\n".join(filter(None, (f"Affected versions: {cause.text('range')}", advice))),
        component_name=name,
        purl=packages.package_url("npm", name, ""),
        location=next(iter(package.texts("nodes")), ""),
        cvss_vectors=[cause.object("cvss").text("vectorString")],
        cwes=cause.words("cwe"),
    )
