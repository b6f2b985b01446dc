"""Circuit breakers: an endpoint that fails again and again is left alone for a while (S0-11).

All of it is in the row, and every step is a conditional update: of any number of workers at the same moment
one opens it, and one call tries when its time is over. Each change of state is an event; counting is none.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from agents import permissions
from agents.choices import BreakerState
from agents.models import Endpoint, Person
from agents.services import fields
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict
from audits.models.base import new_id
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

BREAKER = Actor.system("circuit-breaker")
# A call that tried and was never heard of again is given up after this, or after the time of the breaker.
LOST = timedelta(minutes=5)
_STATES = {
    BreakerState.OPEN: Action.BREAKER_OPENED,
    BreakerState.HALF_OPEN: Action.BREAKER_HALF_OPENED,
    BreakerState.CLOSED: Action.BREAKER_CLOSED,
}


class BreakerOpenError(Exception):
    """Nothing may reach the endpoint now."""

    def __init__(self, endpoint: Endpoint) -> None:
        why = f": {endpoint.state_reason.rstrip('.')}" if endpoint.state_reason else ""
        self.message = f"The circuit breaker of {endpoint} is open{why}. Nothing was sent."
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call that may be made. `probe` is set where it is the one that tries; settle it in any case."""

    endpoint: Endpoint
    probe: UUID | None = None


def admit(*, name: str) -> Admitted | None:
    """Ask before a call; None where there is no endpoint of this name, and so no breaker.

    Raises:
        BreakerOpenError: nothing may be sent.
    """
    endpoint = Endpoint.objects.filter(name=name).first()
    if endpoint is None:
        return None
    if endpoint.state == BreakerState.CLOSED:
        return Admitted(endpoint)
    since = endpoint.state_since or timezone.now()
    waits = timedelta(seconds=endpoint.seconds)
    if endpoint.state == BreakerState.HALF_OPEN:
        waits = max(waits, LOST)
    if endpoint.tripped or timezone.now() < since + waits:
        raise BreakerOpenError(endpoint)
    probe = new_id()
    won = _move(
        endpoint,
        BreakerState.HALF_OPEN,
        reason=endpoint.state_reason,
        probe=probe,
        where={"state": endpoint.state, "tripped": False, "probe": endpoint.probe, "state_since": since},
    )
    if not won:
        raise BreakerOpenError(endpoint)
    return Admitted(endpoint, probe)


def settle(*, admitted: Admitted, failed: bool, why: str = "") -> None:
    """Say how an admitted call went. What somebody decided meanwhile stays."""
    endpoint = admitted.endpoint
    if admitted.probe is not None:
        where = {"state": BreakerState.HALF_OPEN, "probe": admitted.probe}
        state = BreakerState.OPEN if failed else BreakerState.CLOSED
        _move(endpoint, state, reason=why if failed else "", probe=None, where=where, failures=0)
        return
    closed = Endpoint.objects.filter(pk=endpoint.pk, state=BreakerState.CLOSED)
    if not failed:
        if endpoint.failures:
            closed.update(failures=0)
        return
    closed.update(failures=F("failures") + 1)
    where = {"state": BreakerState.CLOSED, "failures__gte": endpoint.threshold}
    reason = f"{endpoint.threshold} failures in a row, the last: {why or 'unknown'}"
    _move(endpoint, BreakerState.OPEN, reason=reason, probe=None, where=where)


def trip(*, actor: Person, endpoint: Endpoint, reason: str) -> Endpoint:
    """Open it by hand: nothing reaches the endpoint until somebody closes it.

    Raises:
        Invalid: no reason.
        Denied: the actor may not; recorded.
        Conflict: somebody opened it already.
    """
    return _by_hand(actor, endpoint, BreakerState.OPEN, reason)


def reset(*, actor: Person, endpoint: Endpoint, reason: str) -> Endpoint:
    """Close it by hand: calls go through at once (errors as for `trip`)."""
    return _by_hand(actor, endpoint, BreakerState.CLOSED, reason)


def _by_hand(actor: Person, endpoint: Endpoint, state: BreakerState, reason: str) -> Endpoint:
    said = fields.sentence(reason, field="reason")
    opened = state == BreakerState.OPEN
    with attempt(
        action=_STATES[state], actor=actor.actor, stream=SYSTEM_STREAM, object=f"endpoint/{endpoint.pk}"
    ):
        refuse(permissions.why_not_switch_breaker(actor))
        rows = Endpoint.objects.filter(pk=endpoint.pk)
        others = rows.filter(tripped=False) if opened else rows.exclude(state=BreakerState.CLOSED)
        if not others.update(
            state=state,
            state_reason=said[:500],
            state_since=timezone.now(),
            tripped=opened,
            failures=0,
            probe=None,
        ):
            raise Conflict(f"It is {'open by hand' if opened else 'closed'} already.")
        _record(actor.actor, endpoint, state, said)
    endpoint.refresh_from_db()
    return endpoint


def _move(
    endpoint: Endpoint,
    state: BreakerState,
    *,
    reason: str,
    probe: UUID | None,
    where: dict[str, object],
    failures: int | None = None,
) -> bool:
    """To another state, if it is still as it was; False where somebody else was first."""
    with transaction.atomic():
        moved = Endpoint.objects.filter(pk=endpoint.pk, **where).update(
            state=state,
            state_reason=reason[:500],
            state_since=timezone.now(),
            probe=probe,
            **({} if failures is None else {"failures": failures}),
        )
        if moved:
            _record(BREAKER, endpoint, state, reason)
    return bool(moved)


def _record(actor: Actor, endpoint: Endpoint, state: BreakerState, reason: str) -> None:
    ledger.record(
        stream=SYSTEM_STREAM,
        action=_STATES[state],
        actor=actor,
        object=f"endpoint/{endpoint.pk}",
        body={"endpoint": endpoint.name, "state": state.value, "reason": reason},
    )
