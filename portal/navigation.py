"""The sidebar: what a person may see, and nothing else."""

from typing import Any, cast

from django.http import HttpRequest
from django.urls import reverse

from agents.models import Person
from portal import waiting

# Title, icon, model, and the address where it is not the model's list. A page is listed for those who may
# view its model.
WORK = (
    ("Agents", "smart_toy", "agents.agent"),
    ("Dependencies", "hub", "agents.dependency"),
    ("Tools", "dns", "agents.tool"),
    ("Third parties", "handshake", "agents.thirdparty"),
    ("Handovers", "swap_horiz", "agents.handover"),
    ("Documents", "description", "agents.agentdocument"),
    ("Test records", "science", "agents.versiontest"),
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
    ("Changes", "difference", "governance.changerequest"),
    ("Releases", "rocket_launch", "governance.release"),
    ("Signatures", "ink_pen", "governance.gatesignature"),
    ("Write elevations", "lock_open", "governance.elevation"),
    ("Broken glass", "emergency", "governance.breakglass"),
    ("Containment", "front_hand", "governance.containment"),
    ("Containment state", "shield_lock", "governance.enforcementpoint", "admin:containment_state"),
    ("Board seats", "groups", "governance.seat"),
    ("Assessments", "assignment", "governance.impactassessment"),
    ("Mitigations", "healing", "governance.mitigation"),
    ("Risk classes", "speed", "governance.riskclass"),
    ("Grants", "key", "governance.grant"),
    ("Unused grants", "compress", "governance.shrinking"),
    ("Roles of agents", "assignment_ind", "governance.agentrole"),
    ("Role assignments", "badge", "governance.roleassignment"),
    ("Resources", "inventory", "governance.resource"),
    ("Wildcard exceptions", "emergency", "governance.scopeexception"),
    ("Decisions", "gavel", "governance.decision"),
    ("Agent policy", "rule", "agents.agentpolicy"),
    ("Policies", "policy", "governance.policyversion"),
    ("Enforcement points", "security", "governance.enforcementpoint"),
    ("Copies of agents", "content_copy", "agents.agentinstance"),
    ("Pipelines", "conversion_path", "governance.pipeline"),
    ("Credentials", "badge", "agents.credential"),
    ("Secrets", "password", "agents.secretreference"),
    ("Endpoints", "electrical_services", "agents.endpoint"),
    ("Egress lists", "alt_route", "agents.egresspolicy"),
    ("Egress exceptions", "vpn_lock", "agents.egressexception"),
    ("Egress attempts", "outbound", "agents.egressattempt"),
    ("Egress anomalies", "troubleshoot", "agents.egressanomaly"),
    ("Anomaly rules", "tune", "agents.anomalyrule"),
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
    ("Delegations", "supervised_user_circle", "agents.delegation"),
    ("API tokens", "vpn_key", "agents.apitoken"),
    ("Failed sign-ins", "lock_person", "agents.lockout"),
    ("Deliveries", "outgoing_mail", "agents.delivery"),
    ("Provisioning clients", "sync_alt", "agents.scimclient"),
)
# Pages that are no model's, by the group in which they stand: title, icon, address, permission.
MORE = {"Governance": (("Approvers' load", "bar_chart", "admin:approver_load", "governance.view_vote"),)}
GROUPS = (("Work", WORK), ("Governance", GOVERNANCE), ("Evidence", EVIDENCE), ("People", PEOPLE))


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar's groups, as Unfold wants them."""
    if not request.user.is_authenticated:
        return []
    shown: list[dict[str, Any]] = [{"items": _start(request)}]
    for title, pages in GROUPS:
        items = [_item(*page) for page in pages if _may_view(request, page[2])]
        items += [
            {"title": name, "icon": icon, "link": reverse(address)}
            for name, icon, address, permission in MORE.get(title, ())
            if request.user.has_perm(permission)
        ]
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
            "badge": waiting.count(cast("Person", request.user)),
            "badge_variant": "warning",
        },
    ]


def _item(title: str, icon: str, model: str, address: str = "") -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse(address or f"admin:{model.replace('.', '_')}_changelist"),
    }


def _may_view(request: HttpRequest, model: str) -> bool:
    room, name = model.split(".")
    return request.user.has_perm(f"{room}.view_{name}")
