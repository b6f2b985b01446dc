"""`POST /access/v1/egress`: may this leave for that agent? For the proxies of agents that run elsewhere."""

from collections.abc import Mapping
from typing import Any

from governance import authzen, egress
from governance.authzen import MalformedError
from governance.models import EnforcementPoint


def check(found: Mapping[str, Any], point: EnforcementPoint) -> dict[str, Any]:
    """The decision with its reason; `attempt_id` is the id under which it is recorded."""
    url = found.get("url")
    if not isinstance(url, str):
        raise MalformedError("url is missing, or not a string.")
    attempt, verdict = egress.decide(subject=authzen.subject(found), url=url, point=point)
    context = {
        "attempt_id": str(attempt.pk),
        "reason": verdict.reason.value,
        "message": verdict.message,
        "endpoint": attempt.endpoint,
        "entry": verdict.entry,
    }
    return {"decision": verdict.allowed, "context": context}
