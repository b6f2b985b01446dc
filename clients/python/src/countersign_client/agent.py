"""The agent's side: a token for each task, and what to do when a write needs people first."""

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from countersign_client import proofs
from countersign_client.errors import Denied, Refused
from countersign_client.keys import Key
from countersign_client.portal import Portal

TOKEN, REVOKE, REQUESTS = "/oauth/token", "/oauth/revoke", "/access/v1/requests"


@dataclass(frozen=True, slots=True)
class Task:
    """One action on one resource at one place (RFC 9396), and what it is for.

    `at` is the address of the API that will be called, `on` the resource as `type/id`.
    """

    action: str
    on: str
    at: str
    intent: str
    id: str = ""
    digest: str = ""

    @property
    def detail(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": "agent_task",
            "actions": [self.action],
            "locations": [self.at],
            "identifier": self.on,
            "intent": self.intent,
        }
        return found | {name: value for name, value in (("task", self.id), ("digest", self.digest)) if value}


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `expires_at` is by this machine's monotonic clock."""

    value: str
    type: str
    expires_at: float
    task: Task

    @property
    def is_live(self) -> bool:
        return time.monotonic() < self.expires_at

    def __repr__(self) -> str:
        return f"Token({self.type}, {self.task.action} on {self.task.on})"


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request for a write elevation. `status` gives no access: ask for a token again."""

    id: str
    status: str
    body: Mapping[str, Any]


class Agent:
    """A provisioned copy of an agent, with its key.

    Args:
        client_id: its SPIFFE id, as `manage.py instance add` printed it.
    """

    def __init__(self, portal: Portal, *, client_id: str, key: Key) -> None:
        self.portal = portal
        self.client_id = client_id
        self.key = key

    def token(self, task: Task) -> Token:
        """A token for one task, bound to the agent's key (DPoP). For a write it costs a use of the elevation.

        Raises:
            Denied: the decision point said no; `requestable` says whether people may be asked.
            Refused: the agent's key, name or request is not taken.
            Unreachable: no answer, so no token.
        """
        asked = {"grant_type": "client_credentials", "authorization_details": json.dumps([task.detail])}
        proof = proofs.proof(self.key, method="POST", url=self.portal.address(TOKEN))
        before = time.monotonic()
        try:
            answer = self.portal.post_form(TOKEN, asked | self._proved(), headers={"DPoP": proof})
        except Refused as refusal:
            raise _denial(refusal) or refusal from refusal
        return Token(
            value=str(answer["access_token"]),
            type=str(answer["token_type"]),
            expires_at=before + float(answer["expires_in"]),
            task=task,
        )

    def headers(self, token: Token, *, method: str, url: str) -> dict[str, str]:
        """What to send with the one request that a token is for; `url` without query and fragment."""
        proof = proofs.proof(self.key, method=method, url=url, access_token=token.value)
        return {"Authorization": f"{token.type} {token.value}", "DPoP": proof}

    def give_back(self, token: Token) -> None:
        """Revoke a token that is not needed any more (RFC 7009)."""
        self.portal.post_form(REVOKE, {"token": token.value, **self._proved()}, headers={})

    def request_elevation(
        self,
        denied: Denied,
        task: Task,
        *,
        justification: str,
        minutes: int,
        uses: int = 1,
        until: datetime | None = None,
        key: str = "",
    ) -> AccessRequest:
        """Ask people for what was just denied (AuthZEN access request).

        Args:
            denied: the denial, which must be `requestable`.
            minutes: how long the elevation should last, once it is approved.
            until: when an approval would come too late.
            key: the same again asks once (`Idempotency-Key`); drawn at random by default.

        Raises:
            Refused: the request is not taken; its message says why.
        """
        offered = denied.access_request
        kind, _, identifier = task.on.partition("/")
        wanted: dict[str, Any] = {"minutes": minutes, "uses": uses}
        if until is not None:
            wanted["requested_until"] = until.isoformat()
        body = {
            "subject": {"type": "agent_instance", "id": self.client_id},
            "action": {"name": task.action},
            "resource": {"type": kind, "id": identifier},
            "context": {"business_justification": justification, "intent": task.intent},
            "denial": {
                "binding_token": offered.get("binding_token", ""),
                "evaluation_id": denied.evaluation_id,
                "expires_at": offered.get("expires_at", ""),
            },
            "requested_access": wanted,
        }
        headers = self._bearer() | {"Idempotency-Key": key or str(uuid.uuid4())}
        return _request(self.portal.post(REQUESTS, body, headers=headers))

    def request(self, identifier: str) -> AccessRequest:
        """How a request stands."""
        return _request(self.portal.get(f"{REQUESTS}/{identifier}", headers=self._bearer()))

    def cancel(self, identifier: str) -> AccessRequest:
        """Take a request back."""
        return _request(self.portal.post(f"{REQUESTS}/{identifier}/cancel", {}, headers=self._bearer()))

    def _assertion(self) -> str:
        return proofs.assertion(self.key, client_id=self.client_id, audience=self.portal.issuer)

    def _proved(self) -> dict[str, str]:
        return {"client_assertion_type": proofs.ASSERTION_TYPE, "client_assertion": self._assertion()}

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._assertion()}"}


def _denial(refusal: Refused) -> Denied | None:
    """What the token endpoint says of a decision that was no (RFC 6749's `access_denied`)."""
    if refusal.code != "access_denied" or not isinstance(refusal.body, dict):
        return None
    said = refusal.body
    return Denied(
        refusal.message,
        reason=str(said.get("reason", "")),
        evaluation_id=str(said.get("evaluation_id", "")),
        requestable=said.get("requestable") is True,
        access_request=said.get("access_request"),
    )


def _request(answer: Mapping[str, Any]) -> AccessRequest:
    task = answer.get("task")
    found = task if isinstance(task, Mapping) else answer
    return AccessRequest(str(found.get("id", "")), str(found.get("status", "")), dict(found))
