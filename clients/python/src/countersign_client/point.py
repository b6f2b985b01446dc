"""The enforcement point's side: ask before it happens, say what came of it, hear what has ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from countersign_client.errors import Denied, Unreachable
from countersign_client.portal import Portal

EVALUATION, OUTCOMES, INTROSPECT = "/access/v1/evaluation", "/access/v1/outcomes", "/oauth/introspect"
REVOCATIONS, ACKNOWLEDGE = "/access/v1/revocations", "/access/v1/revocations/ack"


class Outcome(StrEnum):
    """What came of a decision. `ambiguous`: nobody can say whether it happened."""

    EXECUTED = "executed"
    FAILED = "failed"
    DENIED = "denied"
    AMBIGUOUS = "ambiguous"
    NEVER_RAN = "never_ran"


@dataclass(frozen=True, slots=True)
class Question:
    """May this subject do that? `subject` and `resource` are `type/id`."""

    subject: str
    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        subject, resource = (_entity(name) for name in (self.subject, self.resource))
        asked: dict[str, Any] = {"subject": subject, "action": {"name": self.action}, "resource": resource}
        return asked | ({"context": dict(self.context)} if self.context else {})


@dataclass(frozen=True, slots=True)
class Decision:
    """What the decision point said (AuthZEN 1.0), with the id under which it is recorded."""

    allowed: bool
    evaluation_id: str
    reason: str
    message: str
    requestable: bool
    context: Mapping[str, Any]

    def denied(self) -> Denied:
        return Denied(
            self.message or "The decision point said no.",
            reason=self.reason,
            evaluation_id=self.evaluation_id,
            requestable=self.requestable,
            access_request=self.context.get("access_request"),
        )


@dataclass(frozen=True, slots=True)
class Revocation:
    """What was minted for this subject at an epoch below `number` is worth nothing any more."""

    number: int
    level: str
    subject: str


@dataclass(frozen=True, slots=True)
class Revocations:
    """One page of the feed. `next` is where to go on, `current` the newest number there is."""

    revocations: tuple[Revocation, ...]
    next: int
    current: int
    stale_after: float
    ask_again_in: float


class EnforcementPoint:
    """A registered enforcement point, with the credential that `manage.py enforcement_point add` printed."""

    def __init__(self, portal: Portal, *, credential: str) -> None:
        self.portal = portal
        self._headers = {"Authorization": f"Bearer {credential}"}

    def ask(self, question: Question) -> Decision:
        """The decision. An allowed write takes a use off its elevation: ask once for each.

        Raises:
            Unreachable: no answer, so nothing is allowed.
            Refused: the question is malformed, or the credential does not count.
        """
        answer = self.portal.post(EVALUATION, question.body, headers=self._headers)
        said = answer.get("context")
        context = said if isinstance(said, Mapping) else {}
        return Decision(
            allowed=answer.get("decision") is True,
            evaluation_id=str(context.get("evaluation_id", "")),
            reason=str(context.get("reason", "")),
            message=str(context.get("message", "")),
            requestable=context.get("requestable") is True,
            context=context,
        )

    def report(self, evaluation_id: str, outcome: Outcome, detail: str = "") -> None:
        """Say what came of a decision."""
        body = {"evaluation_id": evaluation_id, "outcome": outcome.value}
        self.portal.post(OUTCOMES, body | ({"detail": detail} if detail else {}), headers=self._headers)

    def introspect(self, token: str) -> dict[str, Any]:
        """What a token is worth now (RFC 7662); `active` is the first thing to look at."""
        return self.portal.post_form(INTROSPECT, {"token": token}, headers=self._headers)

    def revocations(self, since: int, *, wait: float = 0) -> Revocations:
        """What ended after a number; `wait` is how many seconds the portal may keep the question open."""
        answer = self.portal.get(
            f"{REVOCATIONS}?since={since}&wait={int(wait)}",
            headers=self._headers,
            timeout=self.portal.timeout + wait,
        )
        try:
            return Revocations(
                revocations=tuple(
                    Revocation(int(row["number"]), str(row["level"]), str(row["subject"]))
                    for row in answer["revocations"]
                ),
                next=int(answer["next"]),
                current=int(answer["current"]),
                stale_after=float(answer["stale_after"]),
                ask_again_in=float(answer["ask_again_in"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise Unreachable(f"The revocation feed cannot be read: {error!r}.") from error

    def acknowledge(self, number: int) -> None:
        """Say that everything up to a number is in force here."""
        self.portal.post(ACKNOWLEDGE, {"number": number}, headers=self._headers)


def _entity(name: str) -> dict[str, str]:
    kind, _, identifier = name.partition("/")
    return {"type": kind, "id": identifier}
