"""pip-audit's JSON, a list (before 2.0) or an object with `dependencies`. https://github.com/pypa/pip-audit

One finding for each vulnerability of each dependency. pip-audit states no severity: medium stands for it
until somebody looks the vulnerability up.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory, Severity
from agents.reports import packages, shape
from agents.reports.node import Node
from agents.reports.shape import ParsedFinding, ParsedReport


def detect(document: Any) -> bool:
    if isinstance(document, dict) and set(document) <= {"dependencies", "fixes"}:
        document = document.get("dependencies")
    return isinstance(document, list) and all(
        isinstance(one, dict) and "name" in one and ("vulns" in one or "skip_reason" in one)
        for one in document
    )


def parse(document: Any) -> ParsedReport:
    root = Node({"dependencies": document} if isinstance(document, list) else document)
    dependencies = list(root.objects("dependencies"))
    skipped = [one.text("name") for one in dependencies if one.text("skip_reason")]
    return shape.report(
        tool="pip-audit",
        target="",
        findings=(finding for one in dependencies for finding in _findings(one)),
        notes=[f"pip-audit could not audit: {', '.join(skipped)}."] if skipped else [],
    )


def _findings(dependency: Node) -> Iterator[ParsedFinding]:
    name, version = dependency.text("name"), dependency.text("version")
    for entry in dependency.objects("vulns"):
        yield shape.finding(
            title=f"{entry.text('id')} in {name}:{version}",
            severity=Severity.MEDIUM,
            category=FindingCategory.VULNERABILITY,
            vulnerability_ids=[entry.text("id"), *entry.texts("aliases")],
            description=entry.text("description"),
            component_name=name,
            component_version=version,
            fixed_version=", ".join(entry.texts("fix_versions")),
            purl=packages.package_url("pypi", name, version),
        )
