"""Looking at the ledger is recorded too (S2-19): who looked at which part of it, in their own stream."""

from collections.abc import Mapping

from django.db import transaction

from audits import permissions
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action, Outcome
from audits.errors import Denied
from audits.models import Event
from audits.services.ledger import record

MOST_FILTERS = 20
LONGEST_FILTER = 200


def look(
    *,
    actor: Actor,
    object: str,  # noqa: A002 - as in record
    permission: str,
    part: str,
    path: str,
    filters: Mapping[str, str] | None = None,
) -> Event:
    """Record that `actor` looks at `object`: `part` says at what of it, `filters` how it was searched.

    Whoever shows it calls this first, and shows nothing where it fails: no reading goes unrecorded.

    Raises:
        Denied: the actor may not look at it; that is recorded as well.
        ServiceError: no event can be written.
    """
    body: dict[str, JSON] = {"part": part, "path": path, "filters": _filters(filters or {})}
    reason = permissions.why_not_read(actor, permission, "this part of the ledger")
    with transaction.atomic():
        event = record(
            stream=actor.ref if actor.kind == "person" else "system",
            action=Action.LEDGER_READ,
            actor=actor,
            object=object,
            outcome=Outcome.DENIED if reason else Outcome.SUCCESS,
            body={**body, "reason": reason} if reason else body,
        )
    if reason:
        raise Denied(reason)
    return event


def _filters(filters: Mapping[str, str]) -> list[dict[str, str]]:
    """A list, for what people type is no key of canonical JSON."""
    given = sorted(filters.items())[:MOST_FILTERS]
    return [{"name": name[:LONGEST_FILTER], "value": value[:LONGEST_FILTER]} for name, value in given]
