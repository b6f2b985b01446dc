from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from django.conf import settings as product

from agents.models import Agent, AgentInstance, Person
from agents.services import copies
from audits.actor import Actor
from countersign_client import EnforcementPoint, Portal
from countersign_client.agent import Agent as Caller
from countersign_client.keys import Key
from governance.services import enforcement_points
from tests.client.carrying import ToDjango
from tests.governance.story import version_of


@pytest.fixture(params=["ES256", "EdDSA"])
def key(request: Any, tmp_path: Path) -> Key:
    """From a file, as an agent has it."""
    made = (
        ec.generate_private_key(ec.SECP256R1())
        if request.param == "ES256"
        else ed25519.Ed25519PrivateKey.generate()
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "agent.pem"
    path.write_bytes(made.private_bytes(*form))
    loaded = Key.load(path)
    assert loaded.algorithm == request.param
    return loaded


@pytest.fixture
def portal() -> Portal:
    return Portal(product.ISSUER, transport=ToDjango())


@pytest.fixture
def instance(key: Key, active_analyst: Agent, olivia: Person) -> AgentInstance:
    """A copy of the analyst that runs elsewhere, with that key."""
    return copies.provision(
        actor=olivia, agent=active_analyst, version=version_of(active_analyst), jwk=key.public_jwk, days=1
    )


@pytest.fixture
def caller(portal: Portal, instance: AgentInstance, key: Key) -> Caller:
    return Caller(portal, client_id=instance.spiffe_id, key=key)


@pytest.fixture
def point(portal: Portal, db: None) -> EnforcementPoint:
    _, credential = enforcement_points.add(actor=Actor.system("test"), name="crm")
    return EnforcementPoint(portal, credential=credential)
