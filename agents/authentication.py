"""When and how a person proved who they are: the evidence that some services ask for.

Methods are named as in RFC 8176 (`amr`): `pwd` a password, `otp` a code of an authenticator app, `hwk` a
security key or passkey, `mfa` several factors at an identity provider; `recovery` (a recovery code) and
`fed` (an identity provider vouches) are our own names.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from audits.canonical import JSON

SECOND_FACTORS = frozenset({"otp", "hwk", "swk", "mfa", "recovery"})
CLOCK_TOLERANCE = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Authentication:
    """Who it was, when it was, and by which methods; `session` names the session it belongs to."""

    person: str
    at: datetime
    methods: tuple[str, ...]
    session: str = ""

    @property
    def with_second_factor(self) -> bool:
        return not SECOND_FACTORS.isdisjoint(self.methods)

    @property
    def is_recent(self) -> bool:
        """No older than `REAUTHENTICATION_SECONDS`, and not from the future."""
        age = timezone.now() - self.at
        return -CLOCK_TOLERANCE <= age <= timedelta(seconds=settings.REAUTHENTICATION_SECONDS)

    @property
    def evidence(self) -> dict[str, JSON]:
        """What an event records of it."""
        return {"at": self.at.isoformat(), "amr": list(self.methods), "session": self.session}
