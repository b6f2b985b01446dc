"""Proof that whoever asks holds a key: DPoP (RFC 9449). Pure: no database.

A token that is bound to the key's thumbprint (`cnf.jkt`) is worth nothing to whoever steals it.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jwt

from agents.oauth import jose
from agents.oauth.errors import OAuthError, invalid_dpop_proof
from agents.oauth.jwk import SUPPORTED, PublicKey, UnusableKeyError

TYPE = "dpop+jwt"
MAX_CHARACTERS = 8192
MAX_AGE_SECONDS = 60
LEEWAY_SECONDS = 5
MAX_ID = 200


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified proof: by which key, its id, and until when it must not come again."""

    thumbprint: str
    id: str
    expires: int


def verify(text: str, *, method: str, url: str, now: datetime, access_token: str = "") -> Proof:
    """Check a proof for this request (RFC 9449 section 4.3).

    Args:
        url: of the request, without query and fragment.
        access_token: the token that comes with the request, whose digest the proof must carry.

    Raises:
        OAuthError: `invalid_dpop_proof`, with what is wrong.
    """
    header = _header(text)
    try:
        key = PublicKey(header["jwk"])
    except (KeyError, UnusableKeyError) as error:
        raise invalid_dpop_proof(f"The proof's jwk is not taken. {error}") from error
    if header.get("alg") not in key.algorithms:
        raise invalid_dpop_proof("The proof's alg does not fit its key.")
    claims = _claims(text, key)
    _check_request(claims, method=method, url=url, access_token=access_token)
    issued = claims["iat"]
    if not -LEEWAY_SECONDS <= now.timestamp() - issued <= MAX_AGE_SECONDS:
        raise invalid_dpop_proof(f"A proof is made for one request, {MAX_AGE_SECONDS} seconds ago at most.")
    return Proof(key.thumbprint, claims["jti"], int(issued) + MAX_AGE_SECONDS + LEEWAY_SECONDS)


def _header(text: str) -> Mapping[str, Any]:
    try:
        header = jose.read(text, longest=MAX_CHARACTERS, brings={"jwk"}).header
    except jose.NotOneError as error:
        raise invalid_dpop_proof(f"The proof is not taken. {error}") from error
    if header.get("typ") != TYPE:
        raise invalid_dpop_proof(f"The proof's typ is not {TYPE}.")
    if header.get("alg") not in SUPPORTED:
        raise invalid_dpop_proof(f"A proof is signed with one of {', '.join(SUPPORTED)}.")
    return header


def _claims(text: str, key: PublicKey) -> Mapping[str, Any]:
    options: Any = {"verify_iat": False, "verify_exp": False, "verify_nbf": False, "verify_aud": False}
    try:
        claims: Mapping[str, Any] = jwt.decode(
            text, key.key, algorithms=list(key.algorithms), options=options
        )
    except jwt.PyJWTError as error:
        raise invalid_dpop_proof("The proof's signature does not hold.") from error
    identifier, issued = claims.get("jti"), claims.get("iat")
    if not isinstance(identifier, str) or not 1 <= len(identifier) <= MAX_ID:
        raise invalid_dpop_proof(f"A proof's jti is a text of 1 to {MAX_ID} characters.")
    if not jose.is_moment(issued):
        raise invalid_dpop_proof("A proof's iat is a number of seconds.")
    return claims


def _check_request(claims: Mapping[str, Any], *, method: str, url: str, access_token: str) -> None:
    if claims.get("htm") != method:
        raise invalid_dpop_proof(f"The proof's htm is not {method}.")
    said = claims.get("htu")
    if not isinstance(said, str) or said.partition("#")[0].partition("?")[0] != url:
        raise invalid_dpop_proof(f"The proof's htu is not {url}.")
    if not access_token:
        return
    digest = jwt.utils.base64url_encode(hashlib.sha256(access_token.encode()).digest()).decode()
    if not isinstance(claims.get("ath"), str) or not hmac.compare_digest(claims["ath"], digest):
        raise invalid_dpop_proof("The proof's ath is not the digest of the access token.")


__all__ = ["OAuthError", "Proof", "verify"]
