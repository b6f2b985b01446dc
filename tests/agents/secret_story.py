"""A secret in a real store, an agent that may use it for one call, and what that call is."""

from pathlib import Path
from typing import Any

from django.conf import LazySettings

from agents.choices import Rotator
from agents.models import Agent, Person, SecretReference
from agents.services import secret_references
from agents.services.secrets import Task
from audits.actor import Actor
from tests.governance.story import LOOKUP

OPERATOR = Actor.system("test-operator")
CANARY = "canary-7d1b04-value"
CALL = Task(action=LOOKUP[0], resource=LOOKUP[1], intent="Find out what the vulnerability means.")


def facts(owner: Person, uri: str, **changes: Any) -> secret_references.Facts:
    given: dict[str, Any] = {"uri": uri, "purpose": "Asks NVD.", "owner": owner}
    return secret_references.Facts(**(given | changes))


def file_secret(
    owner: Person, settings: LazySettings, folder: Path, *, slug: str = "nvd-key", **changes: Any
) -> SecretReference:
    """A secret in a file: what needs no server."""
    settings.SECRETS_DIR = str(folder)
    (folder / slug).write_text(CANARY)
    return secret_references.add(
        actor=OPERATOR, slug=slug, facts=facts(owner, f"file://{folder}/{slug}", **changes)
    )


def vault_secret(owner: Person, path: str, **changes: Any) -> SecretReference:
    """A secret in OpenBao, which the portal rotates."""
    given = facts(owner, f"vault://secret/{path}#key", **({"rotator": Rotator.PORTAL} | changes))
    return secret_references.add(actor=OPERATOR, slug=path, facts=given)


def allowed(secret: SecretReference, agent: Agent) -> SecretReference:
    secret_references.allow(
        actor=OPERATOR, secret=secret, agent=agent, action=CALL.action, resource=CALL.resource
    )
    return secret
