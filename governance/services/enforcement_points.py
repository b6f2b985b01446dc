"""Enforcement points: who may ask the decision point over HTTP, and with which credential."""

from django.conf import settings
from django.utils import timezone

from agents import outbound
from agents.services.machines import Machines
from audits.actor import Actor
from audits.errors import Invalid
from governance import permissions
from governance.choices import PointMode
from governance.models import EnforcementPoint

MAX_URL = 500
POINTS = Machines(
    model=EnforcementPoint,
    kind="enforcement_point",
    noun="an enforcement point",
    prefix="cspep",
    against=permissions.against_managing_enforcement_points,
)


def add(*, actor: Actor, name: str) -> tuple[EnforcementPoint, str]:
    """Register an enforcement point; errors as for `Machines.add`."""
    return POINTS.add(actor=actor, name=name)


def rotate(*, actor: Actor, point: EnforcementPoint) -> str:
    """Give it another credential; errors as for `Machines.rotate`."""
    return POINTS.rotate(actor=actor, machine=point)


def revoke(*, actor: Actor, point: EnforcementPoint) -> EnforcementPoint:
    """End it; errors as for `Machines.revoke`."""
    return POINTS.revoke(actor=actor, machine=point)


def declare(*, actor: Actor, point: EnforcementPoint, mode: str, probe_url: str) -> EnforcementPoint:
    """Say how it learns of what has ended, and where a credential that has ended must be refused.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: there is no such mode, or nothing may be sent to that address.
        Conflict: the enforcement point is revoked.
    """
    with POINTS.attempted("declared", actor, point):
        if mode not in PointMode:
            raise Invalid("There is no such way to learn.", fields={"mode": "Choose one of the two."})
        if probe_url and (reason := why_not_probe(probe_url)):
            raise Invalid(reason, fields={"probe_url": "Nothing was declared."})
        held = POINTS.held(point)
        held.mode, held.probe_url = mode, probe_url
        held.declared_at, held.declared_by = timezone.now(), actor.ref
        held.save(update_fields=["mode", "probe_url", "declared_at", "declared_by"])
        POINTS.record("declared", actor, held, mode=mode, probe_url=probe_url)
    return held


def why_not_probe(url: str) -> str | None:
    """Why no canary is sent there: without TLS, unless an operator named the host and port."""
    if len(url) > MAX_URL or not url.isascii() or "#" in url:
        return f"An address of at most {MAX_URL} characters, without a fragment."
    try:
        host, port = outbound.origin(url)
    except outbound.OutboundError as error:
        return error.message
    if url.lower().startswith("https://") or f"{host}:{port}" in settings.OUTBOUND_ALLOWED_PRIVATE:
        return None
    return f"Use https, or have an operator name {host}:{port} in COUNTERSIGN_OUTBOUND_ALLOWED_PRIVATE."


def authenticate(*, actor: Actor, credential: str) -> EnforcementPoint | None:
    """The enforcement point whose live credential this is; None, and recorded, where there is none."""
    return POINTS.authenticate(actor=actor, credential=credential)


def actor_of(point: EnforcementPoint) -> Actor:
    """The enforcement point as the ledger names it."""
    return Actor.system(f"enforcement-point-{point.name}")
