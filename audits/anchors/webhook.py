"""A POST to somebody else's service, signed as Standard Webhooks (standardwebhooks.com) say."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx2
import orjson
from django.conf import settings
from standardwebhooks import Webhook
from standardwebhooks.webhooks import EmptyWebhookSecretError

from audits.anchors.address import Address
from audits.anchors.base import TIMEOUT_SECONDS, AnchorUnavailable, CannotReadBack, Prove, Published, Seen
from audits.choices import AnchorLevel
from audits.operator_http import AnswerTooLong, client

TYPE = "checkpoint.published"
UNREADABLE = "A webhook cannot be read back: ask whoever received it."


class WebhookSink:
    """`{"type", "timestamp", "data": {"size", "root", "note"}}`; one checkpoint always has one id."""

    level = AnchorLevel.COPIED
    receipt_file = "delivery.json"

    def __init__(self, address: Address) -> None:
        self.name = address.name
        self._url = address.target

    def publish(self, checkpoint: Published, before: int, prove: Prove) -> bytes:  # noqa: ARG002 - Sink's
        now = datetime.now(UTC).replace(microsecond=0)
        message = f"checkpoint_{checkpoint.size}_{checkpoint.root.hex()[:16]}"
        data = {"size": checkpoint.size, "root": checkpoint.root.hex(), "note": checkpoint.note}
        content = orjson.dumps({"type": TYPE, "timestamp": now.isoformat(), "data": data}).decode()
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": _signature(message, now, content),
        }
        try:
            with client(TIMEOUT_SECONDS) as door:
                answer = door.post(self._url, content=content.encode(), headers=headers)
        except (httpx2.HTTPError, AnswerTooLong) as error:
            raise AnchorUnavailable(f"{self.name} cannot be reached: {error}") from error
        if not answer.is_success:
            raise AnchorUnavailable(f"{self.name} answered with HTTP {answer.status_code}.")
        delivered = {"id": message, "status": answer.status_code, "timestamp": now.isoformat()}
        return orjson.dumps(delivered, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    def check(self, checkpoint: Published, receipt: bytes) -> None:  # noqa: ARG002 - Sink's
        raise CannotReadBack(UNREADABLE)

    def survey(self, newest: Published, prove: Prove) -> Iterator[Seen]:  # noqa: ARG002 - Sink's
        raise CannotReadBack(UNREADABLE)


def _signature(message: str, now: datetime, content: str) -> str:
    try:
        signed: str = Webhook(settings.ANCHOR_WEBHOOK_SECRET).sign(message, now, content)
    except (ValueError, EmptyWebhookSecretError) as error:
        raise AnchorUnavailable("COUNTERSIGN_ANCHOR_WEBHOOK_SECRET is not set, or is no secret.") from error
    return signed
