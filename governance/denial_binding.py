"""What a requestable denial hands out, so that only what was denied can be asked for.

A short-lived JWS of the decision point over the evaluation that it denied: whose it was, what for, and on
which words. The draft of the AuthZEN Access Request and Approval Profile calls it `binding_token`; nobody
but us reads it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings
from django.utils import timezone

from agents import signing
from agents.decision_point import Question
from audits import canonical

TYPE = "access-request+jwt"
MAX_CHARACTERS = 4096
REQUIRED = ("iss", "aud", "sub", "jti", "iat", "exp", "bound")
CONTEXT = ("intent", "task_id", "digest")
"""The members of the context that the decision looks at, and that are therefore bound."""


class BindingError(ValueError):
    """It is none of ours, or was made for something else."""


class BindingExpiredError(BindingError):
    """Its time is over."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What a token says: which decision, of which copy, and the digest of what was denied."""

    decision: UUID
    copy: str
    digest: str
    expires_at: datetime


def evaluation_of(question: Question) -> dict[str, Any]:
    """The evaluation that a question is, in the one form that is bound: by copy, with what decides."""
    kind, _, name = question.resource.partition("/")
    context = {
        "intent": question.intent,
        "task_id": str(question.task_id) if question.task_id else "",
        "digest": question.digest,
    }
    return {
        "subject": {"type": "agent_instance", "id": question.instance.spiffe_id},
        "action": {"name": question.action},
        "resource": {"type": kind, "id": name},
        "context": {name: value for name, value in context.items() if value},
    }


def make(*, evaluation: Mapping[str, Any], decision: UUID, audience: str, expires_at: datetime) -> str:
    """
    Raises:
        SigningKeyError: there is no key to sign with.
    """
    key = signing.key()
    claims = {
        "iss": settings.ISSUER,
        "aud": audience,
        "sub": evaluation["subject"]["id"],
        "jti": str(decision),
        "iat": int(timezone.now().timestamp()),
        "exp": int(expires_at.timestamp()),
        "bound": canonical.digest(dict(evaluation)),
    }
    headers = {"typ": TYPE, "kid": key.id}
    return jwt.encode(claims, key.private, algorithm=signing.ALGORITHM, headers=headers)


def read(token: str, *, audience: str) -> Bound:
    """
    Raises:
        BindingExpiredError: its time is over.
        BindingError: not signed by us, of another type, or for somebody else.
    """
    key = _key_of(token)
    options = {"require": list(REQUIRED), "strict_aud": True, "verify_exp": False}
    try:
        claims = jwt.decode(
            token,
            key.public,
            algorithms=[signing.ALGORITHM],
            audience=audience,
            issuer=settings.ISSUER,
            options=options,  # type: ignore[arg-type]
        )
        expires_at = datetime.fromtimestamp(claims["exp"], tz=timezone.get_default_timezone())
        bound = Bound(UUID(claims["jti"]), str(claims["sub"]), str(claims["bound"]), expires_at)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise BindingError("The binding_token is none of ours.") from error
    # By our own clock, which is that of the denial.
    if bound.expires_at <= timezone.now():
        raise BindingExpiredError("The denial is too old to ask about. Evaluate again.")
    return bound


def _key_of(token: str) -> signing.SigningKey:
    try:
        header = jwt.get_unverified_header(token[: MAX_CHARACTERS + 1])
    except jwt.PyJWTError as error:
        raise BindingError("The binding_token is none of ours.") from error
    key = signing.keys(now=timezone.now()).get(str(header.get("kid")))
    ours = header.get("typ") == TYPE and header.get("alg") == signing.ALGORITHM
    if key is None or not ours or len(token) > MAX_CHARACTERS:
        raise BindingError("The binding_token is none of ours.")
    return key
