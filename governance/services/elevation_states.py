"""A write elevation moves once from state to state, with its event: what the verbs of `elevations` share.

The agent's row is locked by the caller, then the elevation's.
"""

from collections.abc import Sequence
from typing import Any

from django.db.models import Model
from django.utils import timezone

from agents.choices import RevocationLevel, RevocationReason
from agents.models import Agent
from agents.services import revocations
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict
from audits.services import history
from governance.choices import ElevationEnd, ElevationState
from governance.models import Elevation
from governance.services import grants, telling


def move(elevation: Elevation, before: ElevationState, **after: Any) -> None:
    """
    Raises:
        Conflict: it is in another state by now.
    """
    if not Elevation.objects.filter(pk=elevation.pk, state=before).update(**after):
        raise Conflict("Somebody else has moved this elevation on. Look at its page again.")
    for name, value in after.items():
        setattr(elevation, name, value)


def finish(*, actor: Actor, elevation: Elevation, agent: Agent, reason: ElevationEnd) -> None:
    """End a live one: its grant ends, and so does every credential that was minted before.

    But for the last use (`BUDGET`): the credential of exactly that allowed write is about to be used.
    """
    elevation.agent = agent
    now = timezone.now()
    move(elevation, ElevationState.ACTIVE, state=ElevationState.ENDED, ended_at=now, end_reason=reason)
    record(
        action=Action.ELEVATION_ENDED,
        actor=actor,
        elevation=elevation,
        reason=reason.value,
        used=elevation.used,
    )
    grants.end_write(actor=actor, elevation=elevation, at=now)
    telling.elevation_ended(elevation=elevation, actor=actor)
    if reason != ElevationEnd.BUDGET:
        revocations.revoke(
            level=RevocationLevel.ELEVATION, subject=str(elevation.pk), reason=RevocationReason.ENDED
        )


def close(*, actor: Actor, elevation: Elevation, state: ElevationState, reason: ElevationEnd) -> None:
    """End one that never began."""
    move(elevation, ElevationState.PENDING, state=state, ended_at=timezone.now(), end_reason=reason)
    record(action=Action.ELEVATION_ENDED, actor=actor, elevation=elevation, reason=reason.value, used=0)
    telling.elevation_ended(elevation=elevation, actor=actor)


def record(
    *, action: Action, actor: Actor, elevation: Elevation, also: Sequence[Model] = (), **more: JSON
) -> None:
    """Its event; `also` are other rows that changed with it."""
    history.record(
        changed=[elevation, *also],
        stream=elevation.agent.stream,
        action=action,
        actor=actor,
        object=f"elevation/{elevation.pk}",
        body={
            "action": elevation.action,
            "resource": elevation.resource,
            "intent": elevation.intent,
            "revision": elevation.revision,
            "proposal": str(elevation.proposal_id) if elevation.proposal_id else None,
            **more,
        },
    )
