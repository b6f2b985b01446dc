"""An agent somewhere else: its keys, its assertions, its proofs, and what it asks for."""

import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.test import Client

from agents.models import Agent, AgentInstance, Delegation, Person
from agents.oauth.assertion import TYPE
from agents.services import copies, delegations, exchange
from tests.governance.story import LOOKUP, TICKET, version_of
from tests.signing_in import proof

TOKEN, REVOKE, INTROSPECT = "/oauth/token", "/oauth/revoke", "/oauth/introspect"
CRM = "https://crm.example.org"


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def public(key: Any) -> dict[str, str]:
    algorithm = jwt.get_algorithm_by_name("ES256")
    found: dict[str, str] = algorithm.to_jwk(key.public_key(), as_dict=True)
    return found


def encoded(claims: dict[str, Any], key: Any, headers: dict[str, Any], algorithm: str = "ES256") -> str:
    return jwt.encode(claims, key, algorithm=algorithm, headers=headers)


@dataclass
class Copy:
    """A provisioned copy with its private key."""

    instance: AgentInstance
    key: Any = field(default_factory=new_key)

    def assertion(self, *, by: Any = None, without: tuple[str, ...] = (), **changes: Any) -> str:
        now = int(time.time())
        claims = {
            "iss": self.instance.spiffe_id,
            "sub": self.instance.spiffe_id,
            "aud": settings.ISSUER,
            "jti": str(uuid4()),
            "iat": now,
            "exp": now + 60,
        } | changes
        kept = {name: value for name, value in claims.items() if name not in without}
        return encoded(kept, by or self.key, {"typ": "JWT"})

    def proof(
        self, *, by: Any = None, url: str = "", headers: dict[str, Any] | None = None, **changes: Any
    ) -> str:
        key = by or self.key
        claims = {
            "htm": "POST",
            "htu": url or f"{settings.ISSUER}{TOKEN}",
            "jti": str(uuid4()),
            "iat": int(time.time()),
        } | changes
        return encoded(claims, key, {"typ": "dpop+jwt", "jwk": public(key)} | (headers or {}))


def provisioned(actor: Person, agent: Agent, **more: Any) -> Copy:
    key = new_key()
    instance = copies.provision(
        actor=actor, agent=agent, version=version_of(agent), jwk=public(key), days=more.pop("days", 30)
    )
    return Copy(instance, key)


def task(action: str = LOOKUP[0], on: str = LOOKUP[1], **changes: Any) -> dict[str, Any]:
    return {
        "type": "agent_task",
        "actions": [action],
        "locations": [CRM],
        "identifier": on,
        "intent": "Find out what the vulnerability means.",
    } | changes


def a_write(on: str) -> dict[str, Any]:
    return task(TICKET, on, intent="Track the fix.")


def ask(client: Client, copy: Copy, wanted: Any = None, *, proof: str = "", **form: Any) -> Any:
    """The answer of the token endpoint."""
    fields = {
        "grant_type": "client_credentials",
        "client_assertion_type": TYPE,
        "client_assertion": copy.assertion() if "client_assertion" not in form else "",
        "authorization_details": json.dumps([wanted or task()]),
    } | form
    return _post(client, TOKEN, fields, {"DPoP": proof} if proof else {})


def _post(client: Client, path: str, fields: dict[str, Any], headers: dict[str, str]) -> Any:
    body = urlencode({name: value for name, value in fields.items() if value is not None})
    return client.post(path, body, content_type="application/x-www-form-urlencoded", headers=headers)


def introspect(client: Client, token: str, credential: str) -> Any:
    return _post(client, INTROSPECT, {"token": token}, {"Authorization": f"Bearer {credential}"})


def revoke(client: Client, copy: Copy, token: str) -> Any:
    fields = {"client_assertion_type": TYPE, "client_assertion": copy.assertion(), "token": token}
    return _post(client, REVOKE, fields, {})


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


# --- Token exchange (RFC 8693) --------------------------------------------------------------------------
def let(person: Person, agent: Agent, **changes: Any) -> Delegation:
    """The person lets the agent look vulnerabilities up for them."""
    given: dict[str, Any] = {
        "actions": [LOOKUP[0], TICKET],
        "resources": [LOOKUP[1], "finding/{id}"],
        "purpose": "Answer my tickets.",
        "data_scope": ["vulnerability reports"],
        "days": 7,
        "authentication": proof(person),
    } | changes
    return delegations.give(actor=person, agent=agent, **given)


def handed_out(delegation: Delegation) -> str:
    """A subject token from the person's session."""
    person = delegation.person
    return exchange.hand_out(actor=person, delegation=delegation, authentication=proof(person)).token


def trade(client: Client, copy: Copy, subject: str, wanted: Any = None, **form: Any) -> Any:
    """The answer to an exchange of a subject token; with a proof, unless another is given."""
    fields: dict[str, Any] = {
        "grant_type": exchange.GRANT,
        "subject_token": subject,
        "subject_token_type": exchange.JWT,
        "proof": copy.proof(),
    } | form
    return ask(client, copy, wanted, **fields)


def hand_on(client: Client, copy: Copy, token: str, to: Agent, **form: Any) -> Any:
    """The answer to an agent that lets another one act under its token."""
    fields: dict[str, Any] = {
        "grant_type": exchange.GRANT,
        "subject_token": token,
        "subject_token_type": exchange.ACCESS_TOKEN,
        "requested_token_type": exchange.JWT,
        "audience": to.slug,
        "authorization_details": None,
        "proof": copy.proof(),
    } | form
    return ask(client, copy, **fields)
