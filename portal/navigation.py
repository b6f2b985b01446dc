"""The sidebar: what a person may see, and nothing else."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from portal import dashboard

# Title, icon, model. A page is listed for those who may view its model.
WORK = (
    ("Agents", "smart_toy", "agents.agent"),
    ("Documents", "description", "agents.agentdocument"),
    ("Runs", "play_circle", "agents.run"),
    ("Reports", "lab_profile", "agents.report"),
    ("Targets", "target", "agents.scannedtarget"),
    ("Problems", "history", "agents.exposure"),
    ("Findings", "bug_report", "agents.finding"),
    ("Proposed actions", "pending_actions", "agents.proposedaction"),
    ("Tickets", "confirmation_number", "agents.ticket"),
    ("NVD records", "database", "agents.vulnerability"),
)
GOVERNANCE = (
    ("Approvals", "how_to_vote", "governance.approval"),
    ("Write elevations", "lock_open", "governance.elevation"),
    ("Board seats", "groups", "governance.seat"),
    ("Risk classes", "speed", "governance.riskclass"),
    ("Grants", "key", "governance.grant"),
    ("Decisions", "gavel", "governance.decision"),
    ("Policies", "policy", "governance.policyversion"),
    ("Enforcement points", "security", "governance.enforcementpoint"),
    ("Credentials", "badge", "agents.credential"),
)
EVIDENCE = (
    ("Ledger", "menu_book", "audits.event"),
    ("Checkpoints", "verified", "audits.checkpoint"),
    ("Anchors", "anchor", "audits.anchor"),
    ("Keys", "vpn_key", "audits.key"),
    ("Verifications", "fact_check", "audits.verification"),
    ("Bundles", "inventory_2", "audits.bundle"),
    ("Cases", "cases", "audits.case"),
    ("Legal holds", "pan_tool", "audits.hold"),
    ("Retention", "event_busy", "audits.retentionrule"),
    ("Erasures", "ink_eraser", "audits.erasure"),
    ("Redactions", "edit_off", "audits.redaction"),
    ("SIEM sinks", "sensors", "audits.sinkcursor"),
)
PEOPLE = (
    ("People", "person", "agents.person"),
    ("Sessions", "devices", "agents.session"),
    ("Failed sign-ins", "lock_person", "agents.lockout"),
)
GROUPS = (("Work", WORK), ("Governance", GOVERNANCE), ("Evidence", EVIDENCE), ("People", PEOPLE))


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar's groups, as Unfold wants them."""
    if not request.user.is_authenticated:
        return []
    shown: list[dict[str, Any]] = [{"items": _start(request)}]
    for title, pages in GROUPS:
        items = [_item(*page) for page in pages if _may_view(request, page[2])]
        if items:
            shown.append({"title": title, "separator": True, "items": items})
    return shown


def _start(request: HttpRequest) -> list[dict[str, Any]]:
    return [
        {"title": "Overview", "icon": "dashboard", "link": reverse("admin:index")},
        {
            "title": "Waiting for me",
            "icon": "inbox",
            "link": reverse("admin:waiting"),
            "badge": dashboard.waiting_count(request),
            "badge_variant": "warning",
        },
    ]


def _item(title: str, icon: str, model: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse(f"admin:{model.replace('.', '_')}_changelist")}


def _may_view(request: HttpRequest, model: str) -> bool:
    room, name = model.split(".")
    return request.user.has_perm(f"{room}.view_{name}")
