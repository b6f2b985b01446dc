"""What each role may see and ask for. Administrators are superusers and need no group.

Groups carry model permissions alone: who may vote, own or elevate is asked by the services.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps as installed
from django.apps.registry import Apps
from django.db.models import Q

from agents.choices import STEWARDS

ROOMS = ("audits", "agents", "governance")
OWNERS, BOARD, AUDITORS = "Owners", "Board", "Auditors"
DATA_PROTECTION = "Data protection"

# What an owner's work is made of: the agent, what it found, and what it asks for.
OWNERS_VIEW = {
    "agents": (
        "agent", "agentversion", "agentpolicy", "agentinstance", "instancekey", "agentdocument",
        "versiontest", "handover", "report", "run", "modelturn",
        "functioncall", "finding", "assessment", "vulnerability", "proposedaction", "ticket", "ticketnote",
        "scannedtarget", "exposure", "dependency", "tool", "thirdparty",
        "secretreference", "secretuse", "secretlease", "secretrotation",
        "egresspolicy", "egressexception", "egressattempt", "egressanomaly", "endpoint",
    ),
    "governance": (
        "approval", "vote", "elevation", "gatesignature", "riskassessment", "riskclass", "decision", "grant",
        "changerequest", "release", "impactassessment", "mitigation", "resource", "agentrole",
        "agentroleversion", "roleassignment", "scopeexception", "breakglass",
        "containment", "unfreeze", "shrinking",
    ),
}  # fmt: skip
OWNERS_MAY = {
    "agents": (
        "add_agent", "add_agentversion", "add_agentinstance", "add_agentdocument", "add_dependency",
        "add_report", "add_versiontest",
    ),
    "governance": (
        "add_elevation", "add_breakglass", "add_containment", "add_changerequest", "add_gatesignature",
        "add_impactassessment",
        "add_riskassessment",
    ),
}  # fmt: skip
# The board reads the ledger by pseudonym; what is about people by name is for others.
WITHHELD_FROM_BOARD = (
    "credential",
    "names",
    "bundle",
    "hold",
    "case",
    "erasure",
    "session",
    "lockout",
    "delivery",
    "apitoken",
    "delegation",
)

# What all agents share is kept by the stewards (S1-22), who see what the board sees and vouch for gates.
STEWARDS_MAY = (
    "add_tool", "change_tool", "add_thirdparty", "change_thirdparty", "add_egresspolicy",
    "change_egresspolicy",
)  # fmt: skip
STEWARDS_MAY_IN_GOVERNANCE = (
    "add_resource", "change_resource", "add_agentrole", "change_agentrole",
    "add_roleassignment",
)  # fmt: skip

# Who watches over agents vouches for gates, and stops what has to be stopped.
WATCHERS_MAY = ("add_gatesignature", "add_containment")

# Auditors keep evidence from going; they do not let it go.
AUDITORS_MAY = ("add_bundle", "add_hold", "add_case", "change_case")

# Who erases people and keeps legal holds: what that takes to see, and the verbs. Names are part of it:
# who answers what is held about a person, or redacts where they are quoted, reads what is written there.
DATA_PROTECTION_MAY = {
    "agents": ("view_person",),
    "audits": (
        "view_event", "view_names", "view_checkpoint", "view_case", "view_hold", "view_retentionrule",
        "view_erasure", "view_redaction", "view_tombstone", "add_erasure", "add_redaction", "add_tombstone",
        "add_hold", "change_hold", "add_case", "change_case", "add_retentionrule", "change_retentionrule",
    ),
}  # fmt: skip


def install(*, apps: Apps = installed, **_signal: Any) -> None:
    """Give the groups exactly these permissions; run after each migration, changes nothing twice."""
    everything = Q(content_type__app_label__in=ROOMS, codename__startswith="view_")
    withheld = Q(codename__in=[f"view_{model}" for model in WITHHELD_FROM_BOARD])
    owned = Q()
    for room, codenames in OWNERS_MAY.items():
        owned |= _named(room, codenames)
    for room, models in OWNERS_VIEW.items():
        owned |= _named(room, [f"view_{model}" for model in models])
    protecting = Q()
    for room, verbs in DATA_PROTECTION_MAY.items():
        protecting |= _named(room, verbs)
    _give(apps, AUDITORS, everything | _named("audits", AUDITORS_MAY))
    _give(apps, BOARD, everything & ~withheld | _named("governance", WATCHERS_MAY))
    _give(
        apps,
        STEWARDS,
        everything & ~withheld
        | _named("agents", STEWARDS_MAY)
        | _named("governance", (*STEWARDS_MAY_IN_GOVERNANCE, *WATCHERS_MAY)),
    )
    _give(apps, OWNERS, owned)
    _give(apps, DATA_PROTECTION, protecting)


def _named(room: str, codenames: Iterable[str]) -> Q:
    return Q(content_type__app_label=room, codename__in=list(codenames))


def _give(apps: Apps, name: str, permissions: Q) -> None:
    group, _made = apps.get_model("auth", "Group").objects.get_or_create(name=name)
    group.permissions.set(apps.get_model("auth", "Permission").objects.filter(permissions))
