"""The canary: a credential that is like any other, but for a subject that never has any right and has ended.

Its subject is none of the register, so that no decision ever allows it anything, and introspection knows
no such token. Its subject is revoked before it is shown to anybody: who gets hold of it has nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings

from agents import access_token

SECONDS = 120
ACTION, RESOURCE = "countersign_canary", "countersign/canary"


@dataclass(frozen=True, slots=True)
class Canary:
    """`subject` is what to revoke; `sign` makes the token."""

    subject: str
    epoch: int
    issued_at: datetime

    def sign(self, audience: str) -> str:
        return access_token.sign(
            {
                "iss": settings.ISSUER,
                "sub": self.subject,
                "client_id": "countersign-canary",
                "aud": audience,
                "jti": str(uuid4()),
                "iat": int(self.issued_at.timestamp()),
                "exp": int((self.issued_at + timedelta(seconds=SECONDS)).timestamp()),
                "scope": "agent:read",
                "authorization_details": [
                    {
                        "type": "agent_task",
                        "actions": [ACTION],
                        "locations": [audience],
                        "identifier": RESOURCE,
                        "intent": "Probe whether a credential that has ended is refused.",
                        "task": str(uuid4()),
                    }
                ],
                "prv": "",
                "epoch": self.epoch,
            }
        )


def hatch(*, epoch: int, now: datetime) -> Canary:
    """A canary that was minted at this epoch: it ends with the next revocation of its subject."""
    return Canary(f"spiffe://{settings.TRUST_DOMAIN}/canary/{uuid4()}", epoch, now)
