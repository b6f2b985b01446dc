"""An agent that a pipeline may deploy."""

import pytest

from agents.models import Agent, AgentVersion, Person
from governance.services import dossiers, risk
from tests.conftest import ANSWERS
from tests.governance import ready
from tests.governance.story import cast


@pytest.fixture
def deployable(olivia: Person, members: list[Person], analyst: Agent, analyst_version: AgentVersion) -> Agent:
    """The analyst with everything: ready, approved by the board, its evidence bundled."""
    ready.demand_gates()
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    ready.make_ready(analyst, analyst_version, owner=olivia, member=members[0])
    approval = dossiers.submit(actor=olivia, version=analyst_version)
    for member in members:
        cast(member, approval)
    ready.build_bundle(analyst)
    analyst.refresh_from_db()
    return analyst
