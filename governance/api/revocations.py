"""The revocation feed over HTTP: what has ended, and how far an enforcement point heeds it."""

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import QueryDict

from audits.errors import ServiceError
from governance.api import http
from governance.api.http import RefusedError
from governance.authzen import MalformedError
from governance.models import EnforcementPoint
from governance.services import revocation_feed

FEED, ACKNOWLEDGEMENT = "/access/v1/revocations", "/access/v1/revocations/ack"
MAX_WAIT = 25
# Without room to wait: often enough to act within a quarter of a second, with the way there and back.
ASK_AGAIN_SECONDS = 0.15
METADATA = {
    "countersign_revocations_endpoint": FEED,
    "countersign_revocations_acknowledgement_endpoint": ACKNOWLEDGEMENT,
}
_count = re.compile(r"[0-9]{1,18}").fullmatch


def feed(query: QueryDict, point: EnforcementPoint) -> Mapping[str, Any]:
    """`GET …?since=N&wait=S`."""
    asked = _counts(query, "since", "wait")
    wait = asked["wait"]
    if wait > MAX_WAIT:
        raise MalformedError(f"wait is longer than {MAX_WAIT} seconds.")
    try:
        page = revocation_feed.read(actor=point, since=asked["since"], wait=wait)
    except ServiceError as error:
        raise RefusedError(400, error.message) from error
    return {
        "revocations": [
            {
                "number": row.number,
                "level": row.level,
                "subject": row.subject,
                "reason": row.reason,
                "at": row.at.isoformat(),
            }
            for row in page.revocations
        ],
        "next": page.next,
        "current": page.current,
        "stale_after": settings.FEED_STALE_SECONDS,
        "ask_again_in": 0 if wait and page.waited else ASK_AGAIN_SECONDS,
    }


def acknowledge(found: dict[str, Any], point: EnforcementPoint) -> Mapping[str, Any]:
    """`POST … {"number": N}`."""
    number = found.get("number")
    if set(found) != {"number"} or not isinstance(number, int) or isinstance(number, bool):
        raise MalformedError('Send {"number": N} and nothing else; N is a whole number.')
    if not 0 <= number < 10**18:
        raise MalformedError("number is negative or too large.")
    try:
        highest = revocation_feed.acknowledge(actor=point, number=number)
    except ServiceError as error:
        raise RefusedError(400, error.message) from error
    return {"acknowledged": highest}


def _counts(query: QueryDict, *names: str) -> dict[str, int]:
    """Whole numbers, each given once; 0 where it is not given."""
    if unknown := sorted(set(query) - set(names)):
        raise MalformedError(f"Unknown: {unknown[0][:40]}. Known: {', '.join(names)}.")
    found = {}
    for name in names:
        given = query.getlist(name) or ["0"]
        if len(given) > 1 or not _count(given[0]):
            raise MalformedError(f"{name} is given once, as a whole number.")
        found[name] = int(given[0])
    return found


ROUTES: Mapping[str, http.View] = {FEED: http.query(feed), ACKNOWLEDGEMENT: http.endpoint(acknowledge)}
