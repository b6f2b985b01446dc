"""The wire format of the AuthZEN Access Request and Approval Profile, draft 1. Nothing else knows it.

A draft changes: its names, members, problem types and states stand here alone, in `VERSION`. Submissions
are read strictly; a member that we do not know is refused, because leaving one out could widen what is
asked for. No HTTP here, and no writing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from agents.decision_point import Question
from agents.errors import SigningKeyError
from audits import canonical
from audits.errors import ServiceError
from audits.formats import timestamp
from governance import authzen, denial_binding
from governance.authzen import Evaluation, MalformedError
from governance.choices import ElevationEnd, ElevationState
from governance.models import AccessRequest, Approval, Decision

VERSION = "draft-1"
PATH = "/access/v1/requests"
TEMPLATE = "write_elevation"
URN = "urn:openid:authzen:access-request:error:"
MEMBERS = frozenset({"subject", "action", "resource", "context", "denial", "requested_access", "client"})
OF_DENIAL = frozenset({"evaluation_id", "evaluated_at", "expires_at", "reason", "binding_token", "template"})
OF_ACCESS = frozenset({"minutes", "uses", "requested_until"})
MAX_JUSTIFICATION, MAX_TOKEN, MAX_NUMBER = 4000, 4096, 1_000_000


class Problem(Enum):
    """The problem types of the draft: name, status, title."""

    NOT_REQUESTABLE = "not_requestable", 400, "Access is not requestable"
    EXPIRED_DENIAL = "expired_denial", 410, "The denial has expired"
    INVALID_DENIAL_BINDING = "invalid_denial_binding", 400, "The request is not bound to a denial"
    DUPLICATE_REQUEST = "duplicate_request", 409, "The Idempotency-Key was used for another request"
    UNKNOWN_TASK = "unknown_task", 404, "There is no such task"
    INVALID_TASK_STATE = "invalid_task_state", 409, "The task is not in a state for that"

    def __init__(self, name: str, status: int, title: str) -> None:
        self.uri = URN + name
        self.status = status
        self.title = title


class AccessRequestError(ServiceError):
    """The request is not taken; `problem` is the draft's type of it."""

    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Submission:
    """What was sent: the evaluation that was denied, the denial as it was told, and what is wanted.

    `digest` is over the whole body: of two that differ in it, one is another request.
    """

    evaluation: Evaluation
    binding_token: str
    evaluation_id: str
    expires_at: datetime
    justification: str
    minutes: int
    uses: int
    requested_until: datetime | None
    digest: str


def endpoint() -> str:
    return f"{settings.ISSUER.rstrip('/')}{PATH}"


def offer(question: Question, decision: Decision) -> dict[str, Any] | None:
    """`context.access_request` of a requestable denial; None where nothing could be bound to it.

    `evaluation` beside the members of the draft is what has to be sent: a client of the token endpoint
    never made one itself.
    """
    evaluation = denial_binding.evaluation_of(question)
    if not decision.requestable or not evaluation["resource"]["id"]:
        return None
    until = (decision.decided_at + timedelta(minutes=settings.ACCESS_REQUEST_MINUTES)).replace(microsecond=0)
    try:
        token = denial_binding.make(
            evaluation=evaluation, decision=decision.pk, audience=endpoint(), expires_at=until
        )
    except SigningKeyError:
        return None
    return {
        "endpoint": endpoint(),
        "template": TEMPLATE,
        "expires_at": _time(until),
        "binding_token": token,
        "evaluation": evaluation,
    }


def next_action(evaluation: Evaluation, *, allowed: bool, requestable: bool) -> dict[str, str]:
    """What somebody does whose evaluation named an approval and was denied all the same.

    The approval itself is looked at nowhere: what it opened is found by what is asked, or not at all.
    """
    if allowed or "approval" not in evaluation.context:
        return {}
    return {"next_action": "request" if requestable else "none"}


def read(found: Mapping[str, Any]) -> Submission:
    """
    Raises:
        MalformedError: a member is absent, unknown or malformed; the sentence names it.
    """
    _only(found, MEMBERS, "The request")
    denial, access = _object(found, "denial"), _object(found, "requested_access")
    _only(denial, OF_DENIAL, "denial")
    _only(access, OF_ACCESS, "requested_access")
    evaluation = authzen.evaluation(found)
    return Submission(
        evaluation=evaluation,
        binding_token=_text(denial, "binding_token", "denial", MAX_TOKEN),
        evaluation_id=_text(denial, "evaluation_id", "denial", 100),
        expires_at=_moment(denial, "expires_at", "denial"),
        justification=_text(evaluation.context, "business_justification", "context", MAX_JUSTIFICATION),
        minutes=_number(access, "minutes"),
        uses=_number(access, "uses"),
        requested_until=_moment(access, "requested_until", "requested_access")
        if "requested_until" in access
        else None,
        digest=canonical.digest_foreign(dict(found)),
    )


def told(asked: AccessRequest, approval: Approval) -> dict[str, Any]:
    """The task, and where it is approved its result: to evaluate again, which alone opens anything."""
    status = status_of(asked, approval)
    address = f"{endpoint()}/{asked.pk}"
    task: dict[str, Any] = {
        "id": str(asked.pk),
        "status": status,
        "status_endpoint": address,
        "expires_at": _time(approval.expires_at),
    }
    if status == "pending":
        task["links"] = {"cancel": f"{address}/cancel"}
    if status != "approved":
        return {"task": task}
    elevation = asked.elevation
    until = elevation.ended_at or elevation.ends_at
    if elevation.end_reason:
        task["ended"] = {"reason": str(elevation.end_reason)}
    result = {
        "mode": "reevaluate",
        "approval": {
            "id": str(approval.pk),
            "approved_at": _time(elevation.starts_at),
            "approved_until": _time(until),
        },
    }
    return {"task": task, "result": result}


def status_of(asked: AccessRequest, approval: Approval) -> str:
    """The draft's word for where it stands. What was approved stays so, also once it has ended."""
    elevation = asked.elevation
    if elevation.starts_at is not None:
        return "approved"
    if elevation.state == ElevationState.PENDING:
        return "expired" if approval.expires_at <= timezone.now() else "pending"
    if elevation.state == ElevationState.REJECTED:
        return "denied"
    return "expired" if elevation.end_reason == ElevationEnd.EXPIRED else "cancelled"


def _time(moment: datetime | None) -> str:
    return timestamp(moment) if moment else ""


def _only(found: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    if unknown := sorted(found.keys() - known):
        raise MalformedError(f"{where} has members that are not read here: {', '.join(unknown)[:200]}.")


def _object(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = found.get(name)
    if not isinstance(value, dict):
        raise MalformedError(f"{name} is needed, as an object.")
    return value


def _text(found: Mapping[str, Any], name: str, where: str, longest: int) -> str:
    value = found.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise MalformedError(f"{where}.{name} is a text of 1 to {longest} characters.")
    return value


def _number(found: Mapping[str, Any], name: str) -> int:
    value = found.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_NUMBER:
        raise MalformedError(f"requested_access.{name} is a whole number from 1.")
    return value


def _moment(found: Mapping[str, Any], name: str, where: str) -> datetime:
    text = found.get(name)
    try:
        moment = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise MalformedError(f"{where}.{name} is a moment as RFC 3339 writes it, with its offset.")
    return moment
