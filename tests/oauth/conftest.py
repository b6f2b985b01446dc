"""Agents beside the analyst, approved and running elsewhere, and one that hands on to the next."""

from collections.abc import Callable

import pytest

from agents.analyst import provenance
from agents.choices import DependencyKind
from agents.models import Agent, Person
from agents.services import dependencies, register
from audits.actor import Actor
from governance.services import dossiers, enforcement_points, risk
from tests.conftest import ANSWERS
from tests.governance.story import cast
from tests.oauth.client import Copy, provisioned


@pytest.fixture
def copy(active_analyst: Agent, olivia: Person) -> Copy:
    return provisioned(olivia, active_analyst)


@pytest.fixture
def gateway() -> str:
    """The credential of an enforcement point."""
    return enforcement_points.add(actor=Actor.system("test"), name="crm-gateway")[1]


@pytest.fixture
def another(olivia: Person, daniel: Person, members: list[Person]) -> Callable[[str], Copy]:
    """A copy of another approved agent, with the functions and the grants of the analyst."""

    def approved(slug: str) -> Copy:
        agent = register.register_agent(
            actor=olivia,
            slug=slug,
            name=slug,
            purpose="Looks up what others need.",
            business_unit="Security operations",
            owner=olivia,
            deputies=[daniel],
            data_categories=["vulnerability reports"],
        )
        version = register.add_version(
            actor=olivia, agent=agent, label="1.0.0", provenance=provenance.current()
        )
        risk.assess(actor=olivia, agent=agent, answers=ANSWERS)
        approval = dossiers.submit(actor=olivia, version=version)
        for member in members:
            approval.refresh_from_db()
            if approval.state == "pending":
                cast(member, approval)
        agent.refresh_from_db()
        return provisioned(olivia, agent)

    return approved


def calls(owner: Person, copy: Copy, other: Copy) -> None:
    """The register says that one agent calls the other."""
    dependencies.add(
        actor=owner,
        agent=copy.instance.agent,
        kind=DependencyKind.CALLS,
        target=other.instance.agent,
        purpose="It looks things up.",
    )
