"""What each role may see and ask for. Administrators are superusers and need no group.

Groups carry model permissions alone: who may vote, own or elevate is asked by the services.
"""

from collections.abc import Iterable
from typing import Any

from django.apps import apps as installed
from django.apps.registry import Apps
from django.db.models import Q

ROOMS = ("audits", "agents", "governance")
OWNERS, BOARD, AUDITORS = "Owners", "Board", "Auditors"
DATA_PROTECTION = "Data protection"

# What an owner's work is made of: the agent, what it found, and what it asks for.
OWNERS_VIEW = {
    "agents": (
        "agent", "agentversion", "agentdocument", "report", "run", "modelturn", "functioncall", "finding",
        "assessment", "vulnerability", "proposedaction", "ticket", "ticketnote", "scannedtarget", "exposure",
    ),
    "governance": ("approval", "vote", "elevation", "riskassessment", "riskclass", "decision", "grant"),
}  # fmt: skip
# The board reads the ledger by pseudonym; what is about people by name is for others.
WITHHELD_FROM_BOARD = ("credential", "names", "bundle", "hold", "case", "erasure", "session", "lockout")

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
    owned = _named("governance", ["add_elevation"])
    owned |= _named("agents", ["add_agent", "add_agentdocument", "add_report"])
    for room, models in OWNERS_VIEW.items():
        owned |= _named(room, [f"view_{model}" for model in models])
    protecting = Q()
    for room, codenames in DATA_PROTECTION_MAY.items():
        protecting |= _named(room, codenames)
    _give(apps, AUDITORS, everything | _named("audits", AUDITORS_MAY))
    _give(apps, BOARD, everything & ~withheld)
    _give(apps, OWNERS, owned)
    _give(apps, DATA_PROTECTION, protecting)


def _named(room: str, codenames: Iterable[str]) -> Q:
    return Q(content_type__app_label=room, codename__in=list(codenames))


def _give(apps: Apps, name: str, permissions: Q) -> None:
    group, _made = apps.get_model("auth", "Group").objects.get_or_create(name=name)
    group.permissions.set(apps.get_model("auth", "Permission").objects.filter(permissions))
