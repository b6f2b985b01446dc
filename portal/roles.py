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

# What an owner's work is made of: the agent, what it found, and what it asks for.
OWNERS_VIEW = {
    "agents": (
        "agent", "agentversion", "report", "run", "modelturn", "functioncall", "finding", "assessment",
        "vulnerability", "proposedaction", "ticket", "ticketnote",
    ),
    "governance": ("approval", "vote", "elevation", "riskassessment", "riskclass", "decision", "grant"),
}  # fmt: skip
WITHHELD_FROM_BOARD = ("credential", "session", "lockout")


def install(*, apps: Apps = installed, **_signal: Any) -> None:
    """Give the groups exactly these permissions; run after each migration, changes nothing twice."""
    everything = Q(content_type__app_label__in=ROOMS, codename__startswith="view_")
    withheld = Q(codename__in=[f"view_{model}" for model in WITHHELD_FROM_BOARD])
    owned = _named("governance", ["add_elevation"]) | _named("agents", ["add_agent"])
    for room, models in OWNERS_VIEW.items():
        owned |= _named(room, [f"view_{model}" for model in models])
    _give(apps, AUDITORS, everything | _named("audits", ["add_bundle"]))
    _give(apps, BOARD, everything & ~withheld)
    _give(apps, OWNERS, owned)


def _named(room: str, codenames: Iterable[str]) -> Q:
    return Q(content_type__app_label=room, codename__in=list(codenames))


def _give(apps: Apps, name: str, permissions: Q) -> None:
    group, _made = apps.get_model("auth", "Group").objects.get_or_create(name=name)
    group.permissions.set(apps.get_model("auth", "Permission").objects.filter(permissions))
