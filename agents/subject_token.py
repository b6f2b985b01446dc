"""Subject tokens: that somebody lets one agent act for them now (RFC 8693 section 2.1). Signed by us.

A person's session hands one out, or an agent for its own token. It is for our token endpoint alone, names who
may act (`may_act`), counts once, and lives for seconds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import jwt
from django.conf import settings

from agents import signing
from agents.oauth import jose

TYPE = "subject+jwt"
MAX_CHARACTERS = 4096
REQUIRED = ("iss", "sub", "aud", "jti", "iat", "exp", "may_act")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a verified subject token says: one of `delegation` and `parent` is there.

    `may_act` is the slug of the agent that may act; `session` the person's, where it came from one.
    """

    id: str
    expires: int
    may_act: str
    delegation: UUID | None
    parent: UUID | None
    session: str


class NotOneError(ValueError):
    """It is no subject token of ours that counts now."""


def sign(*, subject: str, may_act: str, id: UUID, now: datetime, expires: datetime, **link: str) -> str:  # noqa: A002
    """A token; `link` is `delegation` (and `sid`), or `parent`."""
    claims = {
        "iss": settings.ISSUER,
        "aud": settings.ISSUER,
        "sub": subject,
        "jti": str(id),
        "iat": int(now.timestamp()),
        "exp": int(expires.timestamp()),
        "may_act": {"client_id": may_act},
        **link,
    }
    key = signing.key()
    return jwt.encode(claims, key.private, algorithm=signing.ALGORITHM, headers={"typ": TYPE, "kid": key.id})


def read(token: str, *, now: datetime) -> Subject:
    """
    Raises:
        NotOneError: it is not one, was signed by nobody of us, or its time is over.
    """
    try:
        header = jose.read(token, longest=MAX_CHARACTERS).header
    except jose.NotOneError as error:
        raise NotOneError(str(error)) from error
    if header.get("typ") != TYPE or header.get("alg") != signing.ALGORITHM:
        raise NotOneError(f"Its typ is {TYPE} and its alg {signing.ALGORITHM}.")
    key = signing.keys(now=now).get(str(header.get("kid")))
    if key is None:
        raise NotOneError("It names no signing key of this portal.")
    try:
        claims = jwt.decode(
            token,
            key.public,
            algorithms=[signing.ALGORITHM],
            audience=settings.ISSUER,
            issuer=settings.ISSUER,
            options={"require": list(REQUIRED), "strict_aud": True},
        )
    except jwt.PyJWTError as error:
        raise NotOneError("Its signature, issuer, audience or time does not hold.") from error
    return _said(claims)


def _said(claims: dict[str, Any]) -> Subject:
    may_act = claims["may_act"]
    named = may_act.get("client_id") if isinstance(may_act, dict) else None
    delegation, parent = _uuid(claims.get("delegation")), _uuid(claims.get("parent"))
    if not isinstance(named, str) or (delegation is None) == (parent is None):
        raise NotOneError("It does not say who may act, or for what.")
    return Subject(
        str(claims["jti"]), int(claims["exp"]), named, delegation, parent, str(claims.get("sid", ""))
    )


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
