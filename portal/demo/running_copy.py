"""A copy of an agent that runs elsewhere, played: its key is made here and forgotten with the story."""

import base64
import hashlib
import json
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from agents.models import AgentInstance
from agents.oauth import dpop
from agents.oauth.details import TYPE as TASK
from agents.services.clients import Shown
from agents.services.tokens import Asked

ALGORITHM = "ES256"


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """The half that the portal is given, as a JWK."""
    return jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)


@dataclass(frozen=True, slots=True)
class RunningCopy:
    """What such a copy sends: assertions (RFC 7523), proofs of its key (RFC 9449), one task (RFC 9396)."""

    instance: AgentInstance
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    def asks(self, action: str, resource: str, *, at: str, intent: str) -> Asked:
        """A request for a token that is bound to its key; `at` is where it will be shown."""
        endpoint = f"{settings.ISSUER}/oauth/token"
        task = {
            "type": TASK,
            "actions": [action],
            "identifier": resource,
            "locations": [at],
            "intent": intent,
        }
        return Asked(
            shown=Shown(assertion=self._assertion()),
            details=json.dumps([task]),
            proof=self.proof(endpoint),
            url=endpoint,
        )

    def proof(self, url: str, token: str = "") -> str:
        """Of one request; with the token's digest where a token comes with it."""
        claims: dict[str, Any] = {"htm": "POST", "htu": url, "jti": str(uuid4()), "iat": int(time.time())}
        if token:
            digest = hashlib.sha256(token.encode()).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return self._signed(claims, {"typ": dpop.TYPE, "jwk": public(self.key)})

    def _assertion(self) -> str:
        name, now = self.instance.spiffe_id, int(time.time())
        claims = {"iss": name, "sub": name, "aud": settings.ISSUER, "jti": str(uuid4()), "iat": now}
        return self._signed(claims | {"exp": now + 60}, {"typ": "JWT"})

    def _signed(self, claims: dict[str, Any], headers: dict[str, Any]) -> str:
        return jwt.encode(claims, self.key, algorithm=ALGORITHM, headers=headers)
