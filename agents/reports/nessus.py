"""Nessus and Tenable: `.nessus` (XML) and CSV exports. https://docs.tenable.com

XML: one finding for each plugin and severity, with its hosts merged. CSV: one for each plugin, severity,
host and port, with the CVE ids of its rows together.
"""

from collections.abc import Iterator
from typing import Any

from agents.choices import FindingCategory, Severity, VexState
from agents.reports import severities, shape
from agents.reports.moments import newest
from agents.reports.shape import ParsedFinding, ParsedReport, vulnerability_names
from agents.reports.table import Row, Table
from agents.reports.tree import Tag

LEVELS = (Severity.INFO, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
MOST_PLACES = 50
PLUGIN = ("Plugin ID", "Plugin", "definition.id")
NAME = ("Name", "Plugin Name", "definition.name")
RISK = ("Risk", "Severity", "severity", "definition.severity")
HOST = ("Host", "IP Address", "asset.name", "asset.host_name", "asset.display_ipv4_address")
PORT = ("Port", "port")
VECTORS_3 = ("CVSS3 Vector", "CVSS V3 Vector", "CVSS v3.0 Vector", "definition.cvss3.base_vector")
VECTORS_2 = ("CVSS Vector", "CVSS V2 Vector", "CVSS v2.0 Vector", "definition.cvss2.base_vector")
CVES = ("CVE", "definition.cve")
SAID = (
    ("Synopsis", "definition.synopsis"),
    ("Description", "definition.description"),
    ("Solution", "Steps to Remediate", "definition.solution"),
    ("Plugin Output", "Plugin Text", "output"),
)


def detect(document: Any) -> bool:
    if isinstance(document, Table):
        return any(one in document.columns for one in PLUGIN) and any(one in document.columns for one in NAME)
    return isinstance(document, Tag) and document.name == "NessusClientData_v2"


def parse(document: Any) -> ParsedReport:
    return _parse_rows(document) if isinstance(document, Table) else _parse_tree(document)


def _parse_tree(root: Tag) -> ParsedReport:
    hosts = [host for report in root.children("Report") for host in report.children("ReportHost")]
    ends = [
        one.own_text
        for host in hosts
        for one in host.objects("HostProperties")
        if one.text("name") == "HOST_END_TIMESTAMP"
    ]
    merged: dict[tuple[str, Severity], list[tuple[Tag, str]]] = {}
    for host in hosts:
        for item in host.children("ReportItem"):
            key = (item.text("pluginID"), _item_severity(item))
            merged.setdefault(key, []).append((item, f"{host.text('name')}:{item.text('port')}"))
    return shape.report(
        tool="Nessus",
        target=next((report.text("name") for report in root.children("Report")), ""),
        scanned_at=newest(ends),
        findings=(_items(severity, items) for (_, severity), items in merged.items()),
    )


def _item_severity(item: Tag) -> Severity:
    """By the CVSS 3 score where there is one, else by Nessus's level from 0 to 4."""
    by_score = severities.from_score(item.text("cvss3_base_score"))
    level = item.text("severity")
    return by_score or LEVELS[int(level) if level in ("0", "1", "2", "3", "4") else 0]


def _items(severity: Severity, items: list[tuple[Tag, str]]) -> ParsedFinding:
    first = items[0][0]
    places = list(dict.fromkeys(place for _, place in items))
    said = (
        first.text("synopsis"),
        first.text("description"),
        first.text("solution"),
        first.text("plugin_output"),
    )
    return shape.finding(
        title=first.text("pluginName", "plugin_name"),
        severity=severity,
        category=FindingCategory.VULNERABILITY,
        rule_id=first.text("pluginID"),
        vulnerability_ids=[
            name
            for item, _ in items
            for one in item.children("cve")
            for name in vulnerability_names(one.own_text)
        ],
        description="\n\n".join(filter(None, (*said, _listed(places)))),
        location=places[0] if len(places) == 1 else f"{places[0]} and {len(places) - 1} more",
        cvss_vectors=[first.text("cvss3_vector"), first.text("cvss4_vector"), first.text("cvss_vector")],
        cwes=[
            *(f"CWE-{one.own_text.removeprefix('CWE-')}" for one in first.children("cwe")),
            *(one.own_text for one in first.children("xref") if one.own_text.startswith("CWE-")),
        ],
        merged=True,
    )


def _listed(places: list[str]) -> str:
    more = f" and {len(places) - MOST_PLACES} more" if len(places) > MOST_PLACES else ""
    return f"Hosts: {', '.join(places[:MOST_PLACES])}{more}" if len(places) > 1 else ""


def _parse_rows(table: Table) -> ParsedReport:
    merged: dict[tuple[str, ...], list[Row]] = {}
    ends = []
    for row in table.rows():
        key = (row.text(*PLUGIN), row.text(*RISK), row.text(*HOST), row.text(*PORT))
        merged.setdefault(key, []).append(row)
        ends.append(row.text("Host End", "Last Found", "last_seen"))
    return shape.report(tool="Nessus", target="", scanned_at=newest(ends), findings=_rows(merged))


def _rows(merged: dict[tuple[str, ...], list[Row]]) -> Iterator[ParsedFinding]:
    for (plugin, risk, host, port), rows in merged.items():
        first = rows[0]
        yield shape.finding(
            title=first.text(*NAME),
            severity=_risk(risk),
            category=FindingCategory.VULNERABILITY,
            rule_id=plugin,
            vulnerability_ids=[name for row in rows for name in vulnerability_names(row.text(*CVES))],
            description="\n\n".join(text for names in SAID if (text := first.text(*names))),
            location=f"{host}:{port}" if port else host,
            cvss_vectors=[_prefixed(first.text(*VECTORS_3)), first.text(*VECTORS_2)],
            cwes=[f"CWE-{first.text('definition.cwe')}", *first.text("XREF").split(",")],
            vex_state=VexState.RESOLVED
            if first.text("Vulnerability State", "state").upper() == "FIXED"
            else None,
        )


def _risk(word: str) -> Severity:
    return LEVELS[int(word)] if word in ("0", "1", "2", "3", "4") else severities.from_word(word)


def _prefixed(vector: str) -> str:
    return f"CVSS:3.1/{vector}" if vector.startswith("AV:") else vector
