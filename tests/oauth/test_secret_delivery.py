"""A copy elsewhere, or its sidecar, gets the secret that its token names; nobody else, nothing else, once."""

import base64
import hashlib
import json
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import LazySettings
from django.test import Client

from agents.analyst import provenance
from agents.api.oauth import FORM
from agents.models import Agent, AgentVersion, Person, SecretLease
from agents.services import lifecycle, register, secret_delivery, secret_references
from audits.choices import Action
from audits.models import Event
from governance.models import DecisionOutcome
from tests.agents.secret_story import CANARY, OPERATOR, file_secret
from tests.oauth.certificates import PROXY, XFCC, in_the_mesh, made, xfcc
from tests.oauth.client import TOKEN, Copy, ask, new_key, provisioned, task

pytestmark = pytest.mark.django_db
PATH = "/access/v1/secrets"
READ_SECRET = {
    "name": "read_secret",
    "access": "read",
    "resource": "secret/{name}",
    "description": "Reads a secret that it was allowed to use.",
    "parameters": {"type": "object", "properties": {}},
}


@pytest.fixture
def analyst_version(olivia: Person, analyst: Agent) -> AgentVersion:
    """A version whose manifest says that it reads secrets: the board sees that."""
    current = provenance.current()
    asks = replace(current, tool_manifest=[*current.tool_manifest, READ_SECRET])
    return register.add_version(actor=olivia, agent=analyst, label="1.0.0", provenance=asks)


@pytest.fixture
def copy(active_analyst: Agent, settings: LazySettings, tmp_path: Path) -> Copy:
    secret = file_secret(active_analyst.owner, settings, tmp_path, slug="crm")
    secret_references.allow(
        actor=OPERATOR, secret=secret, agent=active_analyst, action="read_secret", resource="secret/crm"
    )
    file_secret(active_analyst.owner, settings, tmp_path, slug="other")
    return provisioned(active_analyst.owner, active_analyst)


def token(client: Client, copy: Copy, name: str = "crm", *, bound: bool = True, **changes: Any) -> str:
    wanted = task("read_secret", f"secret/{name}", locations=[secret_delivery.address()], **changes)
    answered = ask(client, copy, wanted, proof=copy.proof() if bound else "")
    assert answered.status_code == 200, answered.content
    return str(answered.json()["access_token"])


def get(client: Client, copy: Copy, given: str, **proof: Any) -> Any:
    ath = base64.urlsafe_b64encode(hashlib.sha256(given.encode()).digest()).rstrip(b"=").decode()
    made = copy.proof(**({"url": secret_delivery.address(), "ath": ath} | proof))
    return client.post(PATH, headers={"Authorization": f"DPoP {given}", "DPoP": made})


def test_a_copy_gets_the_secret_that_its_token_names_once(client: Client, copy: Copy) -> None:
    given = token(client, copy)
    answered = get(client, copy, given)
    assert answered.status_code == 200, answered.content
    assert answered.json() == {"name": "crm", "value": CANARY}
    assert answered.headers["Cache-Control"] == "no-store"
    lease = SecretLease.objects.get()
    assert (lease.instance, lease.handed_out, lease.action) == (copy.instance, True, "read_secret")
    again = get(client, copy, given)
    assert (again.status_code, CANARY in again.content.decode()) == (401, False)
    assert SecretLease.objects.count() == 1


def test_what_became_of_both_decisions_is_told(client: Client, copy: Copy) -> None:
    """That on the token, and that at the reading: nobody but the portal could tell."""
    get(client, copy, token(client, copy))
    get(client, copy, token(client, copy, "other"))
    told = DecisionOutcome.objects.order_by("pk").values_list("decision__resource", "outcome", "reported_by")
    assert list(told) == [
        (resource, outcome, copy.instance.actor.ref)
        for resource, outcome in (("secret/crm", "executed"), ("secret/other", "denied"))
        for _decision in ("token", "reading")
    ]


@pytest.mark.parametrize(
    "proof", [{"by": new_key()}, {"ath": "x"}, {"url": "https://elsewhere.example/x"}, {"htm": "GET"}]
)
def test_a_stolen_token_is_worth_nothing(client: Client, copy: Copy, proof: dict[str, Any]) -> None:
    given = token(client, copy)
    answered = get(client, copy, given, **proof)
    assert answered.status_code == 401
    assert answered.headers["WWW-Authenticate"].startswith("DPoP error=")
    assert not SecretLease.objects.exists()
    assert get(client, copy, given).status_code == 200  # the thief did not use it up


def test_a_token_without_a_key_or_for_another_place_is_not_taken(client: Client, copy: Copy) -> None:
    assert get(client, copy, token(client, copy, bound=False)).status_code == 401
    elsewhere = ask(client, copy, task("read_secret", "secret/crm"), proof=copy.proof()).json()
    assert get(client, copy, elsewhere["access_token"]).status_code == 401
    assert get(client, copy, "no.token.at-all").status_code == 401
    assert Event.objects.filter(action=Action.CREDENTIAL_REFUSED).count() == 3


def test_a_copy_of_a_mesh_gets_it_with_its_certificate(
    client: Client, active_analyst: Agent, copy: Copy, settings: LazySettings
) -> None:
    """The token is bound to the certificate (RFC 8705), and nobody without it gets anything."""
    settings.CLIENT_CERTIFICATE = "xfcc"
    settings.TRUSTED_PROXIES = [ip_network(PROXY)]
    workload = in_the_mesh(active_analyst.owner, active_analyst)
    held = {XFCC: xfcc(made(workload.spiffe_id))}
    wanted = task("read_secret", "secret/crm", locations=[secret_delivery.address()])
    form = {
        "grant_type": "client_credentials",
        "client_id": workload.spiffe_id,
        "authorization_details": json.dumps([wanted]),
    }
    given = client.post(TOKEN, urlencode(form), content_type=FORM, headers=held, REMOTE_ADDR=PROXY).json()[
        "access_token"
    ]
    bearer = {"Authorization": f"Bearer {given}"}
    stolen = {XFCC: xfcc(made(workload.spiffe_id))}
    for headers, address in ((bearer, PROXY), (bearer | stolen, PROXY), (bearer | held, "203.0.113.9")):
        assert client.post(PATH, headers=headers, REMOTE_ADDR=address).status_code == 401
    answered = client.post(PATH, headers=bearer | held, REMOTE_ADDR=PROXY)
    assert (answered.status_code, answered.json()["value"]) == (200, CANARY), answered.content


def test_without_a_use_the_decision_alone_gives_nothing(client: Client, copy: Copy) -> None:
    answered = get(client, copy, token(client, copy, "other"))
    assert (answered.status_code, answered.json()["error"]) == (403, "denied")
    assert not SecretLease.objects.exists()


def test_another_action_is_no_reading_of_secrets(client: Client, copy: Copy) -> None:
    wanted = task(locations=[secret_delivery.address()])
    given = ask(client, copy, wanted, proof=copy.proof()).json()["access_token"]
    assert get(client, copy, given).status_code == 401


def test_a_stopped_agent_gets_nothing_for_its_token(client: Client, copy: Copy) -> None:
    given = token(client, copy)
    lifecycle.retire(actor=copy.instance.agent.owner, agent=copy.instance.agent, reason="Enough.")
    answered = get(client, copy, given)
    assert (answered.status_code, CANARY in answered.content.decode()) == (401, False)


def test_how_it_is_asked(client: Client, copy: Copy) -> None:
    assert client.get(PATH).status_code == 405
    assert client.post(PATH).status_code == 401
    bearer = client.post(PATH, headers={"Authorization": f"Bearer {token(client, copy)}"})
    assert bearer.status_code == 401
