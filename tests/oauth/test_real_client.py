"""A client that somebody else wrote, unmodified (requests-oauth2client), against the token endpoint."""

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client
from jwskate import Jwk
from requests.adapters import BaseAdapter
from requests_oauth2client import DPoPToken, OAuth2Client, PrivateKeyJwt
from requests_oauth2client.exceptions import AccessDenied, InvalidClient, InvalidRequest

from agents.models import Agent, Person
from agents.services import copies, delegations, exchange
from audits.actor import Actor
from governance.services import enforcement_points
from tests.governance.story import elevate, resource, version_of
from tests.oauth.client import CRM, a_write, handed_out, introspect, let, task

ISSUER = "https://portal.example.org"


class ToDjango(BaseAdapter):
    """Carries the client's requests to the portal without a socket."""

    def send(self, request: requests.PreparedRequest, *_more: Any, **_options: Any) -> requests.Response:
        parts = urlsplit(str(request.url))
        body = request.body or b""
        answer = Client().generic(
            str(request.method),
            parts.path,
            body if isinstance(body, bytes) else str(body).encode(),
            content_type=str(request.headers.get("Content-Type", "")),
            headers={name: str(value) for name, value in request.headers.items() if name != "Content-Length"},
        )
        response = requests.Response()
        response.status_code = answer.status_code
        response._content = answer.content
        response.headers.update(dict(answer.headers))
        response.request, response.url = request, str(request.url)
        return response

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def client(active_analyst: Agent, olivia: Person, settings: Any) -> OAuth2Client:
    """As its documentation says: the discovery document, and a private key."""
    settings.ISSUER = ISSUER
    key = Jwk.generate(alg="ES256").with_kid_thumbprint()
    public = {name: key.public_jwk()[name] for name in ("kty", "crv", "x", "y")}
    copy = copies.provision(
        actor=olivia, agent=active_analyst, version=version_of(active_analyst), jwk=public, days=1
    )
    session = requests.Session()
    session.mount("https://", ToDjango())
    return OAuth2Client.from_discovery_endpoint(
        f"{ISSUER}/.well-known/oauth-authorization-server",
        issuer=ISSUER,
        auth=PrivateKeyJwt(copy.spiffe_id, key, aud=ISSUER),
        session=session,
    )


@pytest.mark.django_db
def test_it_discovers_asks_introspects_and_revokes(client: OAuth2Client) -> None:
    token = client.client_credentials(authorization_details=json.dumps([task()]))
    assert token.token_type == "Bearer"
    assert token.expires_in
    gateway = enforcement_points.add(actor=Actor.system("test"), name="crm")[1]
    assert introspect(Client(), str(token.access_token), gateway).json()["active"]
    assert client.revoke_access_token(str(token.access_token))
    assert not introspect(Client(), str(token.access_token), gateway).json()["active"]


@pytest.mark.django_db
def test_it_proves_its_key_for_a_write(
    client: OAuth2Client, olivia: Person, active_analyst: Agent, members: list[Person]
) -> None:
    on = resource()
    elevate(olivia, active_analyst, on, members[:2])
    token = client.client_credentials(dpop=True, authorization_details=json.dumps([a_write(on)]))
    assert isinstance(token, DPoPToken)


@pytest.mark.django_db
def test_it_exchanges_a_persons_token(client: OAuth2Client, oscar: Person, active_analyst: Agent) -> None:
    delegation = let(oscar, active_analyst)
    wanted: dict[str, Any] = {"authorization_details": json.dumps([task()]), "resource": CRM}
    token = client.token_exchange(
        subject_token=handed_out(delegation), subject_token_type=exchange.JWT, dpop=True, **wanted
    )
    assert isinstance(token, DPoPToken)
    gateway = enforcement_points.add(actor=Actor.system("test"), name="crm")[1]
    told = introspect(Client(), str(token.access_token), gateway).json()
    assert (told["active"], told["sub"]) == (True, str(oscar.pk))
    assert told["cnf"]["jkt"] == token.dpop_key.dpop_jkt
    delegations.end(actor=oscar.actor, delegation=delegation)
    assert not introspect(Client(), str(token.access_token), gateway).json()["active"]
    with pytest.raises(InvalidRequest):
        client.token_exchange(subject_token="nonsense", subject_token_type=exchange.JWT, dpop=True, **wanted)


@pytest.mark.django_db
def test_it_reads_our_refusals(client: OAuth2Client) -> None:
    with pytest.raises(AccessDenied, match="elevation"):
        client.client_credentials(dpop=True, authorization_details=json.dumps([a_write(resource())]))
    stranger = PrivateKeyJwt("spiffe://nobody", Jwk.generate(alg="ES256").with_kid_thumbprint(), aud=ISSUER)
    nobody = OAuth2Client(str(client.token_endpoint), auth=stranger, session=client.session)
    with pytest.raises(InvalidClient):
        nobody.client_credentials(authorization_details=json.dumps([task()]))
