"""OSV-Scanner's JSON, versions 1 and 2. https://google.github.io/osv-scanner/

One finding for each vulnerability of each package in each source. OSV-Scanner writes nothing at all where
it finds no package; such an empty file is a report without findings where its format is named.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory, Severity
from agents.reports import packages, severities, shape
from agents.reports.node import Node
from agents.reports.shape import ParsedFinding, ParsedReport


def detect(document: Any) -> bool:
    if not isinstance(document, dict) or "results" not in document:
        return False
    results = document["results"]
    if not results:
        return set(document) <= {"results", "experimental_config"}
    return isinstance(results, list) and all(isinstance(one, dict) and "packages" in one for one in results)


def parse(document: Any) -> ParsedReport:
    root = Node(document)
    sources = dict.fromkeys(result.object("source").text("path") for result in root.objects("results"))
    return shape.report(
        tool="OSV-Scanner",
        target=", ".join(source for source in sources if source),
        findings=_findings(root),
    )


def _findings(root: Node) -> Iterator[ParsedFinding]:
    for result in root.objects("results"):
        place = result.object("source").text("path")
        for package in result.objects("packages"):
            for entry in package.objects("vulnerabilities"):
                yield _finding(entry, package.object("package"), place)


def _finding(entry: Node, package: Node, place: str) -> ParsedFinding:
    name, version = package.text("name"), package.text("version", "commit")
    affected = list(entry.objects("affected"))
    about = [entry.object("database_specific"), *(one.object("database_specific") for one in affected)]
    vectors = [score.text("score") for one in (entry, *affected) for score in one.objects("severity")]
    return shape.finding(
        title=entry.text("summary") or f"{entry.text('id')} in {name} {version}",
        severity=_severity(about, vectors),
        category=FindingCategory.VULNERABILITY,
        vulnerability_ids=[entry.text("id"), *entry.texts("aliases")],
        description=entry.text("details"),
        component_name=name,
        component_version=version,
        fixed_version=", ".join(dict.fromkeys(_fixed(affected, name))),
        purl=packages.package_url(package.text("ecosystem"), name, version),
        location=place,
        cvss_vectors=[vector for vector in vectors if vector.startswith("CVSS:") or "AV:" in vector],
        cwes=[cwe for one in about for cwe in _weaknesses(one)],
    )


def _severity(about: list[Node], vectors: list[str]) -> Severity:
    """What the advisory's database says in a word, else by the vector; medium where nobody says."""
    word = next((one.text("severity") for one in about if isinstance(one.value.get("severity"), str)), "")
    return (
        severities.from_word(word, Severity.MEDIUM)
        if word
        else severities.from_vectors(vectors) or Severity.MEDIUM
    )


def _fixed(affected: list[Node], name: str) -> Iterator[str]:
    for one in affected:
        if one.object("package").text("name") in (name, ""):
            events = (event for span in one.objects("ranges") for event in span.objects("events"))
            yield from (event.text("fixed") for event in events if event.text("fixed"))


def _weaknesses(about: Node) -> Iterator[str]:
    yield from about.words("cwe_ids")
    yield from (cwe.text("cweId") for cwe in about.objects("cwes"))
