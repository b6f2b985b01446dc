"""Access tokens as we make them: RFC 9068 (`at+jwt`), ES256. Signed and read in this one place."""

from typing import Any

import jwt
from django.conf import settings
from django.utils import timezone

from agents import signing
from agents.choices import CredentialRefusal
from agents.errors import CredentialError
from agents.oauth import jose

TYPE = "at+jwt"
MAX_CHARACTERS = 8192
REQUIRED = ("iss", "sub", "aud", "jti", "iat", "exp", "scope", "authorization_details", "epoch", "prv")
REFUSALS: tuple[tuple[type[jwt.PyJWTError], CredentialRefusal], ...] = (
    (jwt.InvalidSignatureError, CredentialRefusal.SIGNATURE),
    (jwt.ExpiredSignatureError, CredentialRefusal.EXPIRED),
    (jwt.ImmatureSignatureError, CredentialRefusal.EXPIRED),
    (jwt.InvalidAudienceError, CredentialRefusal.AUDIENCE),
    (jwt.InvalidIssuerError, CredentialRefusal.ISSUER),
    (jwt.InvalidAlgorithmError, CredentialRefusal.ALGORITHM),
    (jwt.MissingRequiredClaimError, CredentialRefusal.CLAIMS),
    (jwt.InvalidTokenError, CredentialRefusal.MALFORMED),
)


def sign(claims: dict[str, Any]) -> str:
    key = signing.key()
    return jwt.encode(claims, key.private, algorithm=signing.ALGORITHM, headers={"typ": TYPE, "kid": key.id})


def read(token: str, *, audience: str | None) -> dict[str, Any]:
    """The claims of a token that we signed and whose time is now.

    Args:
        audience: for whom it must be; None where the caller looks at `aud` itself.

    Raises:
        CredentialError: with the reason.
    """
    key = _key_of(token)
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.public,
            algorithms=[signing.ALGORITHM],
            audience=audience,
            issuer=settings.ISSUER,
            options={
                "require": list(REQUIRED),
                "strict_aud": audience is not None,
                "verify_aud": audience is not None,
            },
        )
    except jwt.PyJWTError as error:
        raise CredentialError(_refusal_for(error)) from error
    return claims


def _key_of(token: str) -> signing.SigningKey:
    try:
        header = jose.read(token, longest=MAX_CHARACTERS).header
    except jose.NotOneError as error:
        raise CredentialError(CredentialRefusal.MALFORMED) from error
    if header.get("typ") != TYPE:
        raise CredentialError(CredentialRefusal.TYPE)
    if header.get("alg") != signing.ALGORITHM:
        raise CredentialError(CredentialRefusal.ALGORITHM)
    key = signing.keys(now=timezone.now()).get(str(header.get("kid")))
    if key is None:
        raise CredentialError(CredentialRefusal.KEY)
    return key


def _refusal_for(error: jwt.PyJWTError) -> CredentialRefusal:
    return next(
        (refusal for kind, refusal in REFUSALS if isinstance(error, kind)), CredentialRefusal.MALFORMED
    )
