"""What is proved with a key: who a client is (RFC 7523), and who holds a token (DPoP, RFC 9449)."""

import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from countersign_client import keys
from countersign_client.keys import Key

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
PROOF_TYPE = "dpop+jwt"
PROOF_SECONDS = 60
LEEWAY_SECONDS = 5
MAX_PROOF_CHARACTERS = 8192
MAX_ID_CHARACTERS = 200


class ProofError(ValueError):
    """The proof does not hold; the message says why."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds: by which key, its id, and until when it must not come again."""

    thumbprint: str
    id: str
    expires: float


def assertion(key: Key, *, client_id: str, audience: str) -> str:
    """A new client assertion. It counts once."""
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "jti": secrets.token_urlsafe(16),
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    }
    return _signed(key, {"typ": "JWT"}, claims)


def proof(key: Key, *, method: str, url: str, access_token: str = "") -> str:
    """A new DPoP proof for one request; `url` is the request's, without query and fragment."""
    claims = {"htm": method, "htu": url, "jti": secrets.token_urlsafe(16), "iat": int(time.time())}
    if access_token:
        claims["ath"] = digest(access_token)
    return _signed(key, {"typ": PROOF_TYPE, "jwk": key.public_jwk}, claims)


def verify(text: str, *, method: str, url: str, access_token: str) -> Proof:
    """Check a proof that came with a token (RFC 9449 section 4.3). That it came once, the caller sees to.

    Raises:
        ProofError: with what is wrong.
    """
    header, claims, message, signature = _parts(text)
    try:
        public = keys.public_key(header.get("jwk"))
    except ValueError as error:
        raise ProofError(str(error)) from error
    if header.get("typ") != PROOF_TYPE or header.get("alg") != keys.algorithm_of(public) or "crit" in header:
        raise ProofError("The proof's header is not that of a DPoP proof.")
    if not keys.is_signed(public, message, signature):
        raise ProofError("The proof's signature does not hold.")
    if (claims.get("htm"), claims.get("htu")) != (method, url):
        raise ProofError(f"The proof is not for {method} {url}.")
    ath = claims.get("ath")
    if not isinstance(ath, str) or not hmac.compare_digest(ath.encode(), digest(access_token).encode()):
        raise ProofError("The proof is not for this token.")
    expires = _issued(claims) + PROOF_SECONDS + LEEWAY_SECONDS
    return Proof(keys.thumbprint(keys.jwk_of(public)), _id(claims), expires)


def digest(access_token: str) -> str:
    """The `ath` of a token (RFC 9449 section 4.2)."""
    return keys.encode(hashlib.sha256(access_token.encode()).digest())


def _signed(key: Key, header: dict[str, Any], claims: dict[str, Any]) -> str:
    parts = ({"alg": key.algorithm, **header}, claims)
    message = ".".join(keys.encode(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{message}.{keys.encode(key.sign(message.encode()))}"


def _parts(text: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    if len(text) > MAX_PROOF_CHARACTERS:
        raise ProofError(f"A proof has {MAX_PROOF_CHARACTERS} characters at most.")
    try:
        head, body, signature = text.split(".")
        header, claims = (json.loads(keys.decode(part)) for part in (head, body))
        raw = keys.decode(signature)
    except (ValueError, RecursionError) as error:
        raise ProofError("The proof is no signed JWT.") from error
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise ProofError("The proof is no signed JWT.")
    return header, claims, f"{head}.{body}".encode(), raw


def _issued(claims: dict[str, Any]) -> float:
    issued = claims.get("iat")
    if not isinstance(issued, int | float) or isinstance(issued, bool):
        raise ProofError("The proof's iat is no number of seconds.")
    if not -LEEWAY_SECONDS <= time.time() - issued <= PROOF_SECONDS:
        raise ProofError(f"The proof was not made within the last {PROOF_SECONDS} seconds.")
    return issued


def _id(claims: dict[str, Any]) -> str:
    found = claims.get("jti")
    if not isinstance(found, str) or not 1 <= len(found) <= MAX_ID_CHARACTERS:
        raise ProofError(f"The proof's jti is no text of 1 to {MAX_ID_CHARACTERS} characters.")
    return found
