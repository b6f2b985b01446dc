"""One call of the operator's webhook, signed as Standard Webhooks (standardwebhooks.com) say; no names.

It may be called twice with the same `webhook-id`, by which the receiver tells repetitions.
"""

from datetime import UTC, datetime
from typing import Any

import httpx2
import orjson
from django.conf import settings
from standardwebhooks import Webhook

from agents.errors import NotSentError
from audits.operator_http import AnswerTooLong, client

TIMEOUT_SECONDS = 10


def call(*, message_id: str, content: dict[str, Any], link: str) -> None:
    """POST `{"type", "timestamp", "data": {"reference", "agent", "link"}}`; any 2xx confirms it.

    Raises:
        NotSentError: see there. Trying again can always help: the receiver is the operator's own.
    """
    now = datetime.now(UTC)
    data = {"reference": content["reference"], "agent": content["agent"], "link": link}
    message = {"type": content["kind"], "timestamp": content["time"], "data": data}
    body = orjson.dumps(message).decode()
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(settings.NOTIFY_WEBHOOK_SECRET).sign(message_id, now, body),
    }
    try:
        with client(TIMEOUT_SECONDS) as door:
            answer = door.post(settings.NOTIFY_WEBHOOK, content=body.encode(), headers=headers)
    except (httpx2.HTTPError, AnswerTooLong) as error:
        raise NotSentError(f"The webhook cannot be reached: {error}", temporary=True) from error
    if not answer.is_success:
        raise NotSentError(f"The webhook answered with HTTP {answer.status_code}.", temporary=True)
