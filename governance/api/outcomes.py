"""`POST /access/v1/outcomes`: what became of what was allowed, in the interface's own form."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from agents.choices import ActionOutcome
from audits.errors import Conflict, NotFound
from governance.api.http import RefusedError
from governance.authzen import MalformedError
from governance.models import EnforcementPoint
from governance.services import outcomes

MEMBERS = frozenset({"evaluation_id", "outcome", "detail"})


def report(found: Mapping[str, Any], point: EnforcementPoint) -> dict[str, Any]:
    """Record the report; the same again is answered the same."""
    try:
        made = outcomes.report(
            point=point,
            evaluation_id=_evaluation_id(found),
            outcome=_outcome(found),
            detail=_detail(found),
        )
    except (NotFound, Conflict) as error:
        raise RefusedError(error.status, error.message) from error
    return {"evaluation_id": str(made.decision_id), "outcome": made.outcome}


def _evaluation_id(found: Mapping[str, Any]) -> UUID:
    unknown = sorted(set(found) - MEMBERS)
    if unknown:
        raise MalformedError(f"{unknown[0][:100]!r} is not known here: {', '.join(sorted(MEMBERS))} are.")
    given = found.get("evaluation_id")
    try:
        return UUID(given) if isinstance(given, str) else _not_an_id()
    except ValueError:
        return _not_an_id()


def _not_an_id() -> UUID:
    raise MalformedError("`evaluation_id` is not the id of an evaluation.")


def _outcome(found: Mapping[str, Any]) -> ActionOutcome:
    given = found.get("outcome")
    if not isinstance(given, str) or given not in ActionOutcome.values:
        raise MalformedError(f"`outcome` is not one of {', '.join(ActionOutcome.values)}.")
    return ActionOutcome(given)


def _detail(found: Mapping[str, Any]) -> str:
    given = found.get("detail", "")
    if not isinstance(given, str) or len(given) > outcomes.MAX_DETAIL:
        raise MalformedError(f"`detail` is not a text of at most {outcomes.MAX_DETAIL} characters.")
    return given
