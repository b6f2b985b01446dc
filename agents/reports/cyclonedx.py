"""CycloneDX 1.0 to 1.7, JSON and XML, and the vulnerability extension of 1.0 to 1.3. https://cyclonedx.org

One finding for each component that a vulnerability affects, with what its analysis (VEX) says.
Components without vulnerabilities are no findings.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory, Severity, VexState
from agents.reports import packages, severities, shape
from agents.reports.element import Element
from agents.reports.moments import moment
from agents.reports.node import Node
from agents.reports.shape import ParsedFinding, ParsedReport, vulnerability_names
from agents.reports.tree import Tag

FIXED_BY_GRYPE = "grype:fixed_versions"


def detect(document: Any) -> bool:
    if isinstance(document, Tag):
        return document.name == "bom"
    return isinstance(document, dict) and document.get("bomFormat") == "CycloneDX"


def parse(document: Any) -> ParsedReport:
    root: Element = document if isinstance(document, Tag) else Node(document)
    metadata = root.object("metadata")
    subject = metadata.object("component")
    tool = _tool(metadata)
    named = f"{subject.text('name')}:{subject.text('version')}".strip(":")
    return shape.report(
        tool=tool.text("name"),
        version=tool.text("version"),
        target=named or root.text("serialNumber"),
        scanned_at=moment(metadata.text("timestamp")),
        findings=_findings(root, {subject.text("bom-ref"): subject}),
    )


def _tool(metadata: Element) -> Element:
    """A list up to 1.4, an object with components since."""
    listed = isinstance(metadata, Node) and isinstance(metadata.value.get("tools"), list)
    newer = [] if listed else list(metadata.object("tools").objects("components"))
    older = metadata.objects("tools") if listed or isinstance(metadata, Tag) else iter(())
    return next(iter([*newer, *older]), Node({}))


def _findings(root: Element, by_reference: dict[str, Element]) -> Iterator[ParsedFinding]:
    extensions: list[tuple[Element, Element]] = []
    for component in _components(root):
        by_reference.setdefault(component.text("bom-ref"), component)
        extensions += [(entry, component) for entry in component.objects("vulnerabilities")]
    for entry, component in extensions:
        yield _finding(entry, component, component.text("bom-ref"))
    for entry in root.objects("vulnerabilities"):
        references = [target.text("ref") for target in entry.objects("affects")] or [entry.text("ref")]
        for reference in references:
            yield _finding(entry, by_reference.get(reference, Node({})), reference)


def _components(element: Element) -> Iterator[Element]:
    """All of them, however deeply one holds another."""
    waiting = list(element.objects("components"))
    while waiting:
        component = waiting.pop()
        yield component
        waiting += component.objects("components")


def _finding(entry: Element, component: Element, reference: str) -> ParsedFinding:
    name = entry.text("id")
    others = [other.text("id") for other in entry.objects("references")]
    analysis = entry.object("analysis")
    purl = component.text("purl") or (reference if reference.startswith("pkg:") else "")
    named = f"{component.text('group')}/{component.text('name')}" if not purl else ""
    where = component.text("name") or packages.name_and_version(purl)[0] or named.strip("/") or reference
    return shape.finding(
        title=f"{name or 'Vulnerability'} in {where} {component.text('version')}".strip(),
        severity=_severity(entry),
        category=FindingCategory.VULNERABILITY,
        vulnerability_ids=sorted([name, *others], key=lambda one: not vulnerability_names(one)),
        description="\n\n".join(filter(None, (*_said(entry), _analysed(analysis)))),
        component_name=component.text("name") or packages.name_and_version(purl)[0],
        component_version=component.text("version") or packages.name_and_version(purl)[1],
        fixed_version=_property(entry, FIXED_BY_GRYPE),
        purl=purl,
        location=reference,
        cvss_vectors=[vector for rating in entry.objects("ratings") if (vector := _vector(rating))],
        cwes=[f"CWE-{number.removeprefix('CWE-')}" for number in entry.words("cwes")],
        vex_state=_state(analysis.text("state")),
    )


def _said(entry: Element) -> Iterator[str]:
    yield from dict.fromkeys((entry.text("description"), entry.text("detail")))
    advice = [entry.text("recommendation")]
    if isinstance(entry, Tag):
        advice += entry.texts("recommendations")
    yield from (f"Recommendation: {text}" for text in advice if text)


def _analysed(analysis: Element) -> str:
    parts = (analysis.text("state"), analysis.text("justification"), analysis.text("detail"))
    words = ": ".join(part for part in parts if part)
    return f"Analysis: {words}" if words else ""


def _state(word: str) -> VexState | None:
    return VexState(word) if word in VexState.values else None


def _severity(entry: Element) -> Severity:
    """The worst of the CVSS ratings, else of the others: each by its word, else by its score or vector."""
    ratings = list(entry.objects("ratings"))
    scored = [rating for rating in ratings if "CVSS" in rating.text("method")]
    found = [severity for rating in scored if (severity := _rated(rating)) is not None]
    found = found or [severity for rating in ratings if (severity := _rated(rating)) is not None]
    return min(found, key=lambda severity: severity.rank, default=Severity.INFO)


def _rated(rating: Element) -> Severity | None:
    word = rating.text("severity").lower()
    if word and word != "unknown":
        return severities.from_word(word)
    by_score = severities.from_score(_base(rating) if isinstance(rating, Tag) else rating.text("score"))
    return by_score if by_score is not None else severities.from_vector(_vector(rating))


def _base(rating: Tag) -> str:
    """A number, or in the extension an element that holds the base score."""
    return rating.object("score").text("base") or rating.text("score")


def _vector(rating: Element) -> str:
    """As given; a CVSS 3 vector gets the prefix that it lacks. Others than CVSS are left out."""
    vector, method = rating.text("vector"), rating.text("method")
    if vector.startswith("CVSS:"):
        return vector
    if vector.startswith("AV:") and "CVSSv3" in method:
        return f"CVSS:3.1/{vector}"
    return vector if vector.lstrip("(").startswith("AV:") else ""


def _property(entry: Element, name: str) -> str:
    for one in entry.objects("properties"):
        if one.text("name") == name:
            return one.text("value") or (one.own_text if isinstance(one, Tag) else "")
    return ""
