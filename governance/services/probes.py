"""Probes: what an enforcement point does with a credential that has ended, seen from outside.

A point may acknowledge and let through all the same. So it is shown a canary: a token of ours whose subject
is revoked before the token leaves. Anything but a refusal is no confirmation.
"""

import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx2
from django.db import transaction
from django.utils import timezone

from agents import outbound
from agents.choices import RevocationLevel, RevocationReason
from agents.models import Revocation
from agents.services import revocations
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.errors import Conflict
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import canary, permissions
from governance.choices import PointMode, ProbeOutcome
from governance.models import EnforcementPoint, Probe
from governance.services import revocation_feed, telling_points

PATIENCE_SECONDS, LOOK_SECONDS = 5.0, 0.05
TIMEOUT_SECONDS = 5.0
REFUSALS = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class _Seen:
    """What came back; `status` is None where nothing did."""

    outcome: ProbeOutcome
    status: int | None = None
    error: str = ""


def probe(*, actor: Actor, point: EnforcementPoint) -> Probe:
    """End a canary, wait until the point has acknowledged that, show it the canary, record what it does.

    It waits `PATIENCE_SECONDS` at most, and then shows it all the same: a point that does not heed an end by
    then lets through. No transaction is open meanwhile.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Conflict: the point is revoked, or nobody has said where it is probed; recorded.
    """
    with attempt(
        action=Action.ENFORCEMENT_POINT_PROBE_STARTED, actor=actor, stream=SYSTEM_STREAM, object=_name(point)
    ):
        refuse(permissions.against_managing_enforcement_points(actor))
        held = _probeable(point)
        bird = canary.hatch(epoch=revocations.current(), now=timezone.now())
        ended = revocations.revoke(
            level=RevocationLevel.INSTANCE, subject=bird.subject, reason=RevocationReason.ENDED
        )
        _record(Action.ENFORCEMENT_POINT_PROBE_STARTED, actor, held, {"canary": bird.subject})
    number = _number(ended)
    acknowledged = held.mode == PointMode.FOLLOWS and _is_acknowledged(held, number)
    began = time.monotonic()
    seen = _show(held.probe_url, bird.sign(_origin(held.probe_url)))
    made = Probe(
        point=held,
        number=number,
        acknowledged=acknowledged,
        outcome=seen.outcome,
        status=seen.status,
        error=seen.error[:300],
        milliseconds=round(1e3 * (time.monotonic() - began)),
        by=actor.ref,
    )
    return _keep(actor, made)


def due() -> list[EnforcementPoint]:
    """The live points of which somebody has said where they are probed."""
    return list(EnforcementPoint.objects.filter(revoked_at__isnull=True).exclude(probe_url=""))


def _probeable(point: EnforcementPoint) -> EnforcementPoint:
    held = EnforcementPoint.objects.get(pk=point.pk)
    if held.revoked_at is not None:
        raise Conflict(f"{held.name} is revoked.")
    if not held.probe_url:
        raise Conflict(f"Nobody has said where {held.name} is probed. Declare its probe address first.")
    return held


def _number(ended: Revocation) -> int:
    """What the feed calls it; numbers are given after the commit."""
    highest = revocations.current()
    ended.refresh_from_db()
    return ended.number or highest


def _is_acknowledged(point: EnforcementPoint, number: int) -> bool:
    """Whether the point acknowledges it while we wait."""
    end = time.monotonic() + PATIENCE_SECONDS
    while (revocation_feed.acknowledged(point) or 0) < number:
        if time.monotonic() >= end:
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _show(url: str, token: str) -> _Seen:
    """Present the token as a client would; what the answer says besides its status is not read."""
    headers = {"Authorization": f"Bearer {token}"}
    try:
        with (
            outbound.client(timeout_seconds=TIMEOUT_SECONDS) as door,
            door.stream("GET", url, headers=headers) as response,
        ):
            status = response.status_code
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return _Seen(ProbeOutcome.UNREACHABLE, error=str(error) or type(error).__name__)
    if status in REFUSALS:
        return _Seen(ProbeOutcome.REFUSED, status)
    is_success = httpx2.codes.is_success(status)
    return _Seen(ProbeOutcome.LET_THROUGH if is_success else ProbeOutcome.UNCLEAR, status)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _keep(actor: Actor, made: Probe) -> Probe:
    with transaction.atomic():
        before = Probe.objects.filter(point=made.point).first()
        made.at = timezone.now()
        made.save(force_insert=True)
        let_through = made.outcome == ProbeOutcome.LET_THROUGH
        _record(
            Action.ENFORCEMENT_POINT_PROBED,
            actor,
            made.point,
            {
                "probe": str(made.pk),
                "number": made.number,
                "acknowledged": made.acknowledged,
                "outcome": str(made.outcome),
                "status": made.status,
                "milliseconds": made.milliseconds,
            },
            Outcome.FAILED if let_through else Outcome.SUCCESS,
        )
        if let_through and (before is None or before.outcome != ProbeOutcome.LET_THROUGH):
            telling_points.lets_through(point=made.point, probe=made)
        if made.outcome == ProbeOutcome.REFUSED:
            telling_points.refuses_again(point=made.point)
    return made


def _record(
    action: Action,
    actor: Actor,
    point: EnforcementPoint,
    body: dict[str, JSON],
    outcome: Outcome = Outcome.SUCCESS,
) -> None:
    ledger.record(
        stream=SYSTEM_STREAM,
        action=action,
        actor=actor,
        object=_name(point),
        outcome=outcome,
        body={"name": point.name, **body},
    )


def _name(point: EnforcementPoint) -> str:
    return f"enforcement_point/{point.pk}"
