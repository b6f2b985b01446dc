"""SARIF 2.1.0 (OASIS). https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html

One finding for each location of each result that failed; what is said twice in the same words
counts once. A severity comes
from the rule's `security-severity` where a tool gives one, else from the result's level (3.27.10).
"""

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory, Severity, VexState
from agents.reports import severities, shape
from agents.reports.moments import newest
from agents.reports.node import Node
from agents.reports.shape import ParsedFinding, ParsedReport, vulnerability_names

LEVELS = {
    "error": Severity.HIGH,
    "warning": Severity.MEDIUM,
    "note": Severity.INFO,
    "none": Severity.INFO,
}
PLACEHOLDER = re.compile(r"\{([0-9]{1,3})\}")
NOT_FAILED = ("pass", "open", "informational", "notApplicable")


def detect(document: Any) -> bool:
    if not isinstance(document, dict) or not isinstance(document.get("runs"), list):
        return False
    return str(document.get("version", "")).startswith("2.") or "sarif" in str(document.get("$schema"))


def parse(document: Any) -> ParsedReport:
    root = Node(document)
    drivers = [run.object("tool").object("driver") for run in root.objects("runs")]
    names = (f"{driver.text('name')} {driver.text('semanticVersion', 'version')}" for driver in drivers)
    findings = (finding for run in root.objects("runs") for finding in _run(run))
    return shape.report(
        tool=", ".join(dict.fromkeys(driver.text("name") for driver in drivers)),
        scanner=", ".join(dict.fromkeys(name.strip() for name in names)),
        scanned_at=newest(
            [end.text("endTimeUtc") for run in root.objects("runs") for end in run.objects("invocations")]
        ),
        target=next((target for target in map(_target, root.objects("runs")) if target), ""),
        findings=findings,
    )


def _target(run: Node) -> str:
    repositories = [origin.text("repositoryUri") for origin in run.objects("versionControlProvenance")]
    bases = [base.text("uri") for base in run.object("originalUriBaseIds").members() if base.text("uri")]
    return next(iter(repositories + bases), "")


def _run(run: Node) -> Iterator[ParsedFinding]:
    rules = list(run.object("tool").object("driver").objects("rules"))
    by_id = {rule.text("id"): rule for rule in rules}
    seen = set()
    for result in run.objects("results"):
        if result.text("kind") in NOT_FAILED:
            continue
        rule = _rule(result, rules, by_id)
        for location in list(result.objects("locations")) or [Node({})]:
            key = _identity(result, location)
            if key not in seen:
                seen.add(key)
                yield _finding(result, rule, _place(location))


def _identity(result: Node, location: Node) -> bytes:
    said = json.dumps({**result.value, "locations": [location.value]}, sort_keys=True)
    return hashlib.sha256(said.encode()).digest()


def _rule(result: Node, rules: list[Node], by_id: dict[str, Node]) -> Node:
    named = result.text("ruleId") or result.object("rule").text("id")
    index = result.integer("ruleIndex")
    if named in by_id:
        return by_id[named]
    if index is not None and 0 <= index < len(rules) and not named:
        return rules[index]
    return by_id.get(named.rpartition("/")[0], Node({}))


def _place(location: Node) -> str:
    physical = location.object("physicalLocation")
    path = physical.object("artifactLocation").text("uri")
    line = physical.object("region").integer("startLine")
    if path:
        return f"{path}:{line}" if line else path
    names = (place.text("fullyQualifiedName", "name") for place in location.objects("logicalLocations"))
    return next(names, "")


def _finding(result: Node, rule: Node, place: str) -> ParsedFinding:
    rule_id = result.text("ruleId") or rule.text("id")
    message = _message(result.object("message"), rule)
    about = [rule.object(key).text("text", "markdown") for key in ("shortDescription", "fullDescription")]
    texts = dict.fromkeys(text for text in (message, *about) if text)
    vulnerability_ids = vulnerability_names(rule_id)
    return shape.finding(
        title=message or next((text for text in about if text), "") or rule.text("name") or rule_id,
        severity=_severity(result, rule),
        category=FindingCategory.VULNERABILITY if vulnerability_ids else FindingCategory.CODE,
        rule_id=rule_id,
        vulnerability_ids=vulnerability_ids,
        description="\n\n".join(texts),
        location=place,
        cwes=[*_tags(result), *_tags(rule), *texts, *_related(rule)],
        vex_state=_suppressed(result),
    )


def _suppressed(result: Node) -> VexState | None:
    """Suppressed where every suppression is accepted, as is one that does not say (3.27.23, 3.35.5)."""
    states = [suppression.text("status") or "accepted" for suppression in result.objects("suppressions")]
    return VexState.SUPPRESSED if states and set(states) == {"accepted"} else None


def _message(message: Node, rule: Node) -> str:
    """The message's text, or that of the rule's which it names, with its arguments (3.11)."""
    text = message.text("text", "markdown")
    if not text:
        text = rule.object("messageStrings").object(message.text("id") or "default").text("text")
    arguments = message.texts("arguments")
    # One pass: an argument that itself holds a placeholder must not be expanded again.
    return PLACEHOLDER.sub(
        lambda found: arguments[int(found[1])] if int(found[1]) < len(arguments) else found[0], text
    )


def _severity(result: Node, rule: Node) -> Severity:
    score = rule.object("properties").text("security-severity")
    if (by_score := severities.from_score(score)) is not None:
        return by_score
    default = rule.object("defaultConfiguration").text("level")
    return LEVELS.get(result.text("level") or default, Severity.MEDIUM)


def _tags(node: Node) -> list[str]:
    return [tag for tag in node.object("properties").texts("tags") if "cwe" in tag.lower()]


def _related(rule: Node) -> list[str]:
    return [relation.object("target").text("id") for relation in rule.objects("relationships")]
