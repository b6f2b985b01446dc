"""What a client proves itself with: a JWT that it signed (RFC 7523 section 3). Pure: no database.

The audience is our issuer and nothing else: an assertion that was made for another server, or for one of
our endpoints, is worth nothing here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt

from agents.oauth import jose
from agents.oauth.errors import invalid_client
from agents.oauth.jwk import SUPPORTED, PublicKey

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MAX_CHARACTERS = 8192
MAX_SECONDS = 60
LEEWAY_SECONDS = 5
MAX_ID = 200
REQUIRED = ("iss", "sub", "aud", "jti", "exp", "iat")
TYPES = frozenset({None, "JWT", "client-authentication+jwt"})


@dataclass(frozen=True, slots=True)
class Assertion:
    """A verified assertion: whose, its id, until when it must not come again, and by which key."""

    client: str
    id: str
    expires: int
    thumbprint: str


def client_named(text: str) -> str:
    """Whom an assertion claims to be from, before anything is verified: to look for that client's keys.

    Raises:
        OAuthError: it is no JWT that could be one of ours.
    """
    claims = _unverified(text).claims
    client = claims.get("iss")
    if not isinstance(client, str) or client != claims.get("sub"):
        raise invalid_client("An assertion's iss and sub are both the client's id.")
    return client


def verify(text: str, *, keys: Iterable[PublicKey], issuer: str, now: datetime) -> Assertion:
    """Check an assertion against the client's live keys.

    Raises:
        OAuthError: signed by none of them, for another audience, too old, too long-lived, or incomplete.
    """
    header = _unverified(text).header
    for key in keys:
        if header.get("alg") not in key.algorithms:
            continue
        try:
            claims = jwt.decode(
                text,
                key.key,
                algorithms=list(key.algorithms),
                audience=issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": list(REQUIRED), "strict_aud": True},
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.PyJWTError as error:
            raise invalid_client(_sentence(error, issuer)) from error
        return _checked(claims, key, now)
    raise invalid_client("The assertion is signed with none of the client's live keys.")


def _checked(claims: Mapping[str, Any], key: PublicKey, now: datetime) -> Assertion:
    issued, expires, identifier = claims["iat"], claims["exp"], claims["jti"]
    if not isinstance(identifier, str) or not 1 <= len(identifier) <= MAX_ID:
        raise invalid_client(f"An assertion's jti is a text of 1 to {MAX_ID} characters.")
    if expires - issued > MAX_SECONDS or issued > now.timestamp() + LEEWAY_SECONDS:
        raise invalid_client(f"An assertion lives for {MAX_SECONDS} seconds at most, from now on.")
    return Assertion(str(claims["sub"]), identifier, int(expires) + LEEWAY_SECONDS, key.thumbprint)


def _unverified(text: str) -> jose.Unverified:
    try:
        found = jose.read(text, longest=MAX_CHARACTERS)
    except jose.NotOneError as error:
        raise invalid_client(f"The assertion is not taken. {error}") from error
    if found.header.get("alg") not in SUPPORTED:
        raise invalid_client(f"An assertion is signed with one of {', '.join(SUPPORTED)}.")
    if found.header.get("typ") not in TYPES:
        raise invalid_client("The assertion's type is not one of a client assertion.")
    return found


def _sentence(error: jwt.PyJWTError, issuer: str) -> str:
    if isinstance(error, jwt.InvalidAudienceError):
        return f"The assertion's aud must be exactly {issuer}."
    if isinstance(error, jwt.ExpiredSignatureError | jwt.ImmatureSignatureError):
        return "The assertion's time is over or has not come."
    if isinstance(error, jwt.MissingRequiredClaimError):
        return f"An assertion needs {', '.join(REQUIRED)}."
    return "The assertion's claims cannot be read."
