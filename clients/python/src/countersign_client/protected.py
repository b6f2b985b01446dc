"""Protecting an HTTP API: what a request must bring to be carried out, and what is said where it does not.

Needs the extra `keys` (cryptography).
"""

import hmac
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from countersign_client import proofs
from countersign_client.errors import CountersignError, Refused, Stale, Unreachable
from countersign_client.feed import Feed
from countersign_client.point import EnforcementPoint
from countersign_client.proofs import Proof, ProofError

WRITES = "agent:write"
UNAUTHORIZED, FORBIDDEN, UNAVAILABLE = 401, 403, 503


class NotCarriedOut(CountersignError):
    """The request is answered with this status and these headers, and nothing happens."""

    def __init__(self, status: int, message: str, *, error: str = "", scheme: str = "Bearer") -> None:
        super().__init__(message)
        self.status = status
        said = f' error="{error}"' if error else ' realm="countersign"'
        self.headers = {"WWW-Authenticate": f"{scheme}{said}"} if status == UNAUTHORIZED else {}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and under which recorded decision (empty where the portal does not say)."""

    agent: str
    instance: str
    evaluation_id: str
    intent: str
    claims: Mapping[str, Any]


class Seen:
    """Ids of proofs, each taken once (RFC 9449 section 11.1). Thread-safe; for one process."""

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def take(self, proof: Proof) -> bool:
        """Whether it came for the first time."""
        now = time.time()
        with self._lock:
            self._until = {at: until for at, until in self._until.items() if until > now}
            if (proof.thumbprint, proof.id) in self._until:
                return False
            self._until[proof.thumbprint, proof.id] = proof.expires
            return True


class ProtectedAPI:
    """One API, by the address that tokens name as their audience.

    Args:
        feed: where given, nothing that writes is carried out while the feed is stale.
    """

    def __init__(self, point: EnforcementPoint, *, audience: str, feed: Feed | None = None) -> None:
        self.point = point
        self.audience = audience
        self.feed = feed
        self._seen = Seen()

    def admit(
        self,
        headers: Mapping[str, str],
        *,
        method: str,
        url: str,
        action: str,
        resource: str,
        writes: bool,
        certificate: str = "",
    ) -> Caller:
        """Who may have this request carried out.

        Args:
            url: of the request as its caller sees it, without query and fragment.
            action: what carrying it out means, in the words of the approved manifest; resource: `type/id`.
            certificate: `x5t#S256` (RFC 8705 section 3.1) of the client certificate of its TLS connection.

        Raises:
            NotCarriedOut: nobody; with the answer to give.
        """
        scheme, token = _token(headers)
        claims = self._claims(token, writes=writes)
        key = _key_to_prove(claims, scheme=scheme, writes=writes, certificate=certificate)
        if key:
            self._check_proof(headers, key, token=token, method=method, url=url)
        detail = _detail(claims, action=action, resource=resource, audience=self.audience)
        if writes and WRITES not in str(claims.get("scope", "")).split():
            raise NotCarriedOut(FORBIDDEN, "The token is not for writing.", error="insufficient_scope")
        return Caller(
            agent=str(claims.get("client_id", "")),
            instance=str(claims.get("sub", "")),
            evaluation_id=str(claims.get("evaluation_id", "")),
            intent=str(detail.get("intent", "")),
            claims=claims,
        )

    def _claims(self, token: str, *, writes: bool) -> Mapping[str, Any]:
        """What the portal says of the token now. Without an answer nothing is carried out."""
        try:
            if writes and self.feed is not None:
                self.feed.require_fresh()
            claims = self.point.introspect(token)
        except (Unreachable, Refused, Stale) as error:
            raise NotCarriedOut(UNAVAILABLE, f"It cannot be decided now: {error}") from error
        if claims.get("active") is not True or claims.get("aud") != self.audience:
            raise NotCarriedOut(UNAUTHORIZED, "The token counts for nothing here.", error="invalid_token")
        return claims

    def _check_proof(
        self, headers: Mapping[str, str], bound: str, *, token: str, method: str, url: str
    ) -> None:
        """A token that is bound to a key is worth nothing without a proof of it."""
        try:
            proof = proofs.verify(_header(headers, "DPoP"), method=method, url=url, access_token=token)
        except ProofError as error:
            raise _unproved(str(error)) from error
        if not hmac.compare_digest(proof.thumbprint, bound) or not self._seen.take(proof):
            raise _unproved("The proof is of another key, or has come before.")


def _key_to_prove(claims: Mapping[str, Any], *, scheme: str, writes: bool, certificate: str) -> str:
    """The thumbprint of the key that is still to be proved; a write is bound to one, or to a certificate.

    What else a token may be bound to is not known here, and so not proved (RFC 7800 section 3.1).
    """
    said = claims.get("cnf", {})
    bound = dict(said) if isinstance(said, Mapping) else {"": said}
    key, held = bound.pop("jkt", None), bound.pop("x5t#S256", None)
    if bound or (held is not None and not _same(held, certificate)):
        raise NotCarriedOut(
            UNAUTHORIZED,
            "It is bound to another certificate, or to what is not known.",
            error="invalid_token",
        )
    if key is None and scheme == "Bearer" and (held is not None or not writes):
        return ""
    if not isinstance(key, str) or scheme != "DPoP":
        raise _unproved("The token must be bound to a key and come with a proof of it (DPoP).")
    return key


def _same(said: object, proved: str) -> bool:
    return isinstance(said, str) and bool(proved) and hmac.compare_digest(said.encode(), proved.encode())


def _token(headers: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, token = _header(headers, "Authorization").partition(" ")
    known = {"bearer": "Bearer", "dpop": "DPoP"}.get(scheme.lower())
    if known is None or not token.strip():
        raise NotCarriedOut(UNAUTHORIZED, "Send a token.", scheme="DPoP")
    return known, token.strip()


def _header(headers: Mapping[str, str], name: str) -> str:
    return next((value for said, value in headers.items() if said.lower() == name.lower()), "")


def _detail(claims: Mapping[str, Any], *, action: str, resource: str, audience: str) -> Mapping[str, Any]:
    """The task of the token, if it is exactly this one."""
    details = claims.get("authorization_details")
    for detail in details if isinstance(details, list) else []:
        named = (detail.get("actions"), detail.get("identifier"), detail.get("locations"))
        if named == ([action], resource, [audience]):
            return dict(detail)
    message = f"The token is not for {action} on {resource}."
    raise NotCarriedOut(FORBIDDEN, message, error="insufficient_scope")


def _unproved(message: str) -> NotCarriedOut:
    return NotCarriedOut(UNAUTHORIZED, message, error="invalid_dpop_proof", scheme="DPoP")
