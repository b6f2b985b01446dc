"""Freezing, asking and confirming, as the people of the tests do it."""

from typing import Any

from django.db import connection

from agents.analyst import provenance
from agents.models import (
    Agent,
    AgentInstance,
    Person,
)
from agents.services import instances
from audits.models.base import new_id
from governance.models import Containment, Unfreeze
from governance.services import containments, unfreezing
from tests.agents.conftest import SYSTEM
from tests.signing_in import proof

WHY = "It opens tickets that nobody asked for."
SAFE = "The prompt was mended and tested."


def freeze(person: Person, agent: Agent) -> Containment:
    return containments.freeze_agent(actor=person, agent=agent, reason=WHY)


def ask_back(person: Person, containment: Containment, **more: Any) -> Unfreeze:
    return unfreezing.request(
        actor=person,
        containment=containment,
        reason=SAFE,
        authentication=more.pop("authentication", proof(person)),
    )


def confirm(person: Person, unfreeze: Unfreeze, **more: Any) -> Unfreeze:
    return unfreezing.confirm(
        actor=person,
        unfreeze=unfreeze,
        digest=more.pop("digest", unfreeze.digest),
        authentication=more.pop("authentication", proof(person)),
    )


def begin(agent: Agent) -> AgentInstance:
    """A copy, as the portal starts it for a run."""
    return instances.start(actor=SYSTEM, agent=agent, running=provenance.current(), task=new_id())


def now(agent: Agent) -> Agent:
    return Agent.objects.get(pk=agent.pk)


def execute(statement: str, *values: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values or None)
