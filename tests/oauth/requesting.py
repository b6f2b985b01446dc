"""An agent somewhere else asks for write elevation by itself."""

import json
from typing import Any
from uuid import uuid4

from django.test import Client

from tests.authzen.asking import EVALUATION, Asker
from tests.governance.story import TICKET
from tests.oauth.client import Copy, a_write, ask

REQUESTS = "/access/v1/requests"
URN = "urn:openid:authzen:access-request:error:"
WHY = "Track the fix of this vulnerability."


def denied(client: Client, copy: Copy, on: str) -> Any:
    """What the token endpoint says to a write without an elevation."""
    return ask(client, copy, a_write(on), proof=copy.proof()).json()


def evaluated(asker: Asker, copy: Copy, on: str, **context: Any) -> dict[str, Any]:
    """What the decision point says to an enforcement point that asks about the same; with what it asked."""
    kind, _, name = on.partition("/")
    evaluation = {
        "subject": {"type": "agent_instance", "id": copy.instance.spiffe_id},
        "action": {"name": TICKET},
        "resource": {"type": kind, "id": name},
        "context": {"intent": "Track the fix."} | context,
    }
    return {"evaluation": evaluation, **asker.ask(EVALUATION, evaluation)}


def body(denial: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The request that follows a denial of the token endpoint."""
    offer = denial["access_request"]
    evaluation = offer["evaluation"]
    return {
        **evaluation,
        "context": {**evaluation["context"], "business_justification": WHY},
        "denial": {
            "evaluation_id": denial["evaluation_id"],
            "expires_at": offer["expires_at"],
            "binding_token": offer["binding_token"],
        },
        "requested_access": {"minutes": 10, "uses": 1},
    } | changes


def submit(client: Client, copy: Copy, what: Any, *, key: str | None = None, **headers: str) -> Any:
    given = {"Authorization": f"Bearer {copy.assertion()}", "Idempotency-Key": key or str(uuid4())} | headers
    content = what if isinstance(what, bytes) else json.dumps(what).encode()
    return client.post(
        REQUESTS,
        content,
        content_type="application/json",
        headers={name: value for name, value in given.items() if value},
    )


def status(client: Client, copy: Copy, task: str) -> Any:
    return client.get(f"{REQUESTS}/{task}", headers={"Authorization": f"Bearer {copy.assertion()}"})


def cancel(client: Client, copy: Copy, task: str) -> Any:
    headers = {"Authorization": f"Bearer {copy.assertion()}"}
    return client.post(f"{REQUESTS}/{task}/cancel", headers=headers)


def requested(client: Client, copy: Copy, on: str, **changes: Any) -> Any:
    """Denied, and asked for: the task."""
    answer = submit(client, copy, body(denied(client, copy, on), **changes))
    assert answer.status_code == 202, answer.content
    return answer.json()["task"]
