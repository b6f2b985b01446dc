"""What can go wrong between an agent and the portal. Each is a reason not to act."""

from collections.abc import Mapping
from typing import Any


class CountersignError(Exception):
    """Nothing was allowed. The message says why and what would mend it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Unreachable(CountersignError):
    """The portal did not answer, or not in a form that can be trusted. Asking again may help."""


class Stale(CountersignError):
    """Nothing was heard from the revocation feed for too long: what was allowed once may have ended."""


class Refused(CountersignError):
    """The portal answered with an error: the request was malformed, or whoever sent it is not known.

    `code` is the error of the standard (RFC 6749 section 5.2) where there is one.
    """

    def __init__(self, message: str, *, status: int, code: str = "", body: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.body = body


class Denied(CountersignError):
    """The decision point said no.

    `reason` is a stable code and `evaluation_id` names the recorded decision. Where `requestable`, people
    can be asked for a write elevation; `access_request` is then what the portal says of how.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        evaluation_id: str = "",
        requestable: bool = False,
        access_request: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.evaluation_id = evaluation_id
        self.requestable = requestable
        self.access_request = dict(access_request or {})
