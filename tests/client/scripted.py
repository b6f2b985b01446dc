"""A portal that answers as a test tells it to, and remembers what it was asked."""

from dataclasses import dataclass, field
from typing import Any

import httpx2

from countersign_client import EnforcementPoint, Portal
from tests.client.carrying import answered, body_of

ALLOWED = {"decision": True, "context": {"evaluation_id": "e-1", "reason": "allowed_by_grant"}}
DENIED = {
    "decision": False,
    "context": {
        "evaluation_id": "e-2",
        "reason": "no_elevation",
        "message": "Writing needs a live write elevation.",
        "requestable": True,
        "access_request": {"binding_token": "b", "expires_at": "2030-01-01T00:00:00Z"},
    },
}


@dataclass
class Scripted:
    """What is answered by path; an exception stands for a portal that is not there."""

    decision: Any = field(default_factory=lambda: dict(ALLOWED))
    claims: Any = field(default_factory=lambda: {"active": False})
    outcome_status: int = 200
    feed: list[Any] = field(default_factory=list)
    down: bool = False
    asked: list[tuple[str, Any]] = field(default_factory=list)

    @property
    def point(self) -> EnforcementPoint:
        portal = Portal("https://portal.example.org", transport=httpx2.MockTransport(self))
        return EnforcementPoint(portal, credential="c")

    @property
    def outcomes(self) -> list[Any]:
        return [body for path, body in self.asked if path == "/access/v1/outcomes"]

    @property
    def acknowledged(self) -> list[int]:
        return [body["number"] for path, body in self.asked if path.endswith("/ack")]

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if self.down:
            raise httpx2.ConnectError("Connection refused")
        path = request.url.path
        self.asked.append((path, _said(request)))
        if path == "/access/v1/evaluation":
            return answered(200, self.decision)
        if path == "/access/v1/outcomes":
            return answered(self.outcome_status, {})
        if path == "/oauth/introspect":
            return answered(200, self.claims)
        if path == "/access/v1/revocations":
            return answered(200, self.feed.pop(0) if len(self.feed) > 1 else self.feed[0])
        return answered(200, {})


def _said(request: httpx2.Request) -> Any:
    if request.headers.get("Content-Type") == "application/json":
        return body_of(request)
    return request.url.query.decode()


def page(*rows: tuple[int, str, str], next: int, current: int | None = None, stale_after: float = 60) -> Any:  # noqa: A002
    return {
        "revocations": [
            {"number": number, "level": level, "subject": subject, "reason": "frozen", "at": "2026-01-01"}
            for number, level, subject in rows
        ],
        "next": next,
        "current": next if current is None else current,
        "stale_after": stale_after,
        "ask_again_in": 0,
    }
