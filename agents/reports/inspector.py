"""AWS Inspector 2's findings as JSON (`list-findings`, exports). https://docs.aws.amazon.com/inspector/

One finding for each. What Inspector has closed is marked as resolved, what it suppresses as suppressed.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory, Severity, VexState
from agents.reports import packages, severities, shape
from agents.reports.moments import newest
from agents.reports.node import Node
from agents.reports.shape import ParsedFinding, ParsedReport, vulnerability_names

STATES = {"CLOSED": VexState.RESOLVED, "SUPPRESSED": VexState.SUPPRESSED}
CATEGORIES = {
    "PACKAGE_VULNERABILITY": FindingCategory.VULNERABILITY,
    "CODE_VULNERABILITY": FindingCategory.CODE,
    "NETWORK_REACHABILITY": FindingCategory.MISCONFIGURATION,
}


def detect(document: Any) -> bool:
    findings = document.get("findings") if isinstance(document, dict) else None
    if not isinstance(findings, list) or not isinstance(document, dict):
        return False
    if not findings:
        return set(document) <= {"findings", "nextToken"}
    return all(isinstance(one, dict) and "findingArn" in one and "type" in one for one in findings)


def parse(document: Any) -> ParsedReport:
    root = Node(document)
    entries = list(root.objects("findings"))
    accounts = dict.fromkeys(
        f"AWS account {one.text('awsAccountId')}" for one in entries if one.text("awsAccountId")
    )
    return shape.report(
        tool="AWS Inspector 2",
        target=", ".join(accounts),
        scanned_at=newest([one.text("updatedAt", "lastObservedAt") for one in entries]),
        findings=map(_finding, entries),
    )


def _finding(entry: Node) -> ParsedFinding:
    package, code = entry.object("packageVulnerabilityDetails"), entry.object("codeVulnerabilityDetails")
    vulnerable = list(package.objects("vulnerablePackages"))
    first = vulnerable[0] if vulnerable else Node({})
    resources = " ".join(one.text("id") for one in entry.objects("resources"))
    advice = entry.object("remediation").object("recommendation").text("text")
    name, version = first.text("name"), first.text("version")
    fixed = (one.text("fixedInVersion") for one in vulnerable)
    return shape.finding(
        title=entry.text("title"),
        severity=_severity(entry),
        category=CATEGORIES.get(entry.text("type"), FindingCategory.VULNERABILITY),
        rule_id=code.text("ruleId", "detectorId"),
        vulnerability_ids=[
            package.text("vulnerabilityId"),
            *(one for text in package.texts("relatedVulnerabilities") for one in vulnerability_names(text)),
        ],
        description="\n\n".join(filter(None, (entry.text("description"), advice))),
        component_name=", ".join(dict.fromkeys(one.text("name") for one in vulnerable)),
        component_version=version,
        fixed_version=", ".join(dict.fromkeys(one for one in fixed if one and one != "NotAvailable")),
        purl=packages.package_url(first.text("packageManager"), name, version),
        location=" ".join(filter(None, (resources, _line(code.object("filePath"))))),
        cvss_vectors=_vectors(entry, package),
        cwes=[*entry.texts("cwes"), *code.texts("cwes")],
        vex_state=STATES.get(entry.text("status")),
    )


def _severity(entry: Node) -> Severity:
    word = entry.text("severity")
    if word.upper() != "UNTRIAGED":
        return severities.from_word(word)
    return severities.from_score(entry.text("inspectorScore")) or Severity.INFO


def _vectors(entry: Node, package: Node) -> Iterator[str]:
    yield entry.object("inspectorScoreDetails").object("adjustedCvss").text("scoringVector")
    yield from (score.text("scoringVector") for score in package.objects("cvss"))


def _line(file: Node) -> str:
    return ":".join(filter(None, (file.text("filePath", "fileName"), file.text("startLine"))))
