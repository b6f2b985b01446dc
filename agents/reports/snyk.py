"""Snyk's JSON (`snyk test`, `--all-projects`, `snyk container test`). https://docs.snyk.io

One finding for each entry: Snyk repeats a vulnerability for every path by which a package comes in.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory, Severity
from agents.reports import packages, severities, shape
from agents.reports.node import Node
from agents.reports.shape import ParsedFinding, ParsedReport

NAMES = ("CVE", "GHSA")


def detect(document: Any) -> bool:
    projects = document if isinstance(document, list) else [document]
    return bool(projects) and all(_project(project) for project in projects)


def _project(project: Any) -> bool:
    return (
        isinstance(project, dict)
        and isinstance(project.get("vulnerabilities"), list)
        and ("packageManager" in project or "projectName" in project or "dependencyCount" in project)
    )


def parse(document: Any) -> ParsedReport:
    projects = list(
        Node({"projects": document if isinstance(document, list) else [document]}).objects("projects")
    )
    return shape.report(
        tool="Snyk",
        target=", ".join(dict.fromkeys(_name(project) for project in projects if _name(project))),
        findings=(finding for project in projects for finding in _findings(project)),
        notes=_notes(projects),
    )


def _name(project: Node) -> str:
    return project.text("projectName", "path")


def _notes(projects: list[Node]) -> Iterator[str]:
    inside = sum(
        len(list(application.objects("vulnerabilities")))
        for project in projects
        for application in project.objects("applications")
    )
    if inside:
        yield (
            f"{inside} entries about applications inside the image are not read: "
            "scan the applications themselves, or bring a CycloneDX report of the image."
        )


def _findings(project: Node) -> Iterator[ParsedFinding]:
    manager = project.text("packageManager")
    file = project.text("displayTargetFile", "targetFile")
    for entry in project.objects("vulnerabilities"):
        yield _finding(entry, manager, file)


def _finding(entry: Node, manager: str, file: str) -> ParsedFinding:
    path = entry.texts("from")
    name, version = entry.text("packageName", "name", "moduleName"), entry.text("version")
    identifiers = entry.object("identifiers")
    licence = entry.text("type") == "license"
    score = entry.text("cvssScore")
    steps = [step.rpartition("@")[0] or step for step in path]
    return shape.finding(
        title=f"{path[0]}: {entry.text('title')}" if path else entry.text("title"),
        severity=_severity(entry, score),
        category=FindingCategory.LICENCE if licence else FindingCategory.VULNERABILITY,
        rule_id=entry.text("id"),
        vulnerability_ids=[one for kind in NAMES for one in identifiers.words(kind)],
        description=entry.text("description"),
        component_name=name,
        component_version=version,
        fixed_version=", ".join(entry.words("fixedIn")),
        purl=packages.package_url(entry.text("packageManager") or manager, name, version),
        location=" > ".join(steps) or file,
        cvss_vectors=[
            entry.text("CVSSv3"),
            *(source.text("vector") for source in entry.objects("cvssSources")),
        ],
        cwes=identifiers.words("CWE"),
    )


def _severity(entry: Node, score: str) -> Severity:
    word = entry.text("severity")
    if word:
        return severities.from_word(word)
    return severities.from_score(score) or Severity.INFO
