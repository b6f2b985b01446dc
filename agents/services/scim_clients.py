"""Provisioning clients: who may tell over SCIM who works here, and with which credential."""

from agents import permissions
from agents.models import ScimClient
from agents.services.machines import Machines
from audits.actor import Actor

CLIENTS = Machines(
    model=ScimClient,
    kind="scim_client",
    noun="a provisioning client",
    prefix="csscim",
    against=permissions.why_not_manage_scim_clients,
)


def add(*, actor: Actor, name: str) -> tuple[ScimClient, str]:
    """Register a provisioning client; errors as for `Machines.add`."""
    return CLIENTS.add(actor=actor, name=name)


def rotate(*, actor: Actor, client: ScimClient) -> str:
    """Give it another credential; errors as for `Machines.rotate`."""
    return CLIENTS.rotate(actor=actor, machine=client)


def revoke(*, actor: Actor, client: ScimClient) -> ScimClient:
    """End it; errors as for `Machines.revoke`."""
    return CLIENTS.revoke(actor=actor, machine=client)


def authenticate(*, actor: Actor, credential: str) -> ScimClient | None:
    """The client whose live credential this is; None, and recorded, where there is none."""
    return CLIENTS.authenticate(actor=actor, credential=credential)


def actor_of(client: ScimClient) -> Actor:
    """The client as the ledger names it."""
    return Actor.system(f"scim-{client.name}")
