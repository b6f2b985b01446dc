"""What the gates look at, gathered from the records: in a constant number of queries."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.analyst import provenance
from agents.choices import VersionTestKind
from agents.models import Agent, AgentVersion, Person
from agents.services import register
from governance import gate_facts, gates
from governance.choices import Gate, RiskLevel
from governance.models import RiskClass
from governance.services import risk
from tests.conftest import ANSWERS
from tests.governance import ready


@pytest.fixture
def assessed(olivia: Person, analyst: Agent, analyst_version: AgentVersion) -> AgentVersion:
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    return analyst_version


@pytest.mark.django_db
def test_a_new_agent_is_told_what_is_missing(analyst: Agent, assessed: AgentVersion) -> None:
    assert ready.unmet(analyst, assessed) == {
        Gate.RISK_ASSESSMENT,
        Gate.TESTING,
        Gate.MONITORING,
        Gate.DATA_PROTECTIONS,
        Gate.RUNBOOKS,
        Gate.COMPLIANCE_EVIDENCE,
        Gate.POST_DEPLOYMENT,
    }


@pytest.mark.django_db
@pytest.mark.parametrize("level", RiskLevel.values)
def test_what_is_made_ready_is_ready(
    level: str, olivia: Person, sasha: Person, analyst: Agent, assessed: AgentVersion
) -> None:
    row = analyst.risk_assessments.get()
    analyst.risk_assessments.filter(pk=row.pk).update(risk_class=level, computed=level)
    ready.make_ready(analyst, assessed, owner=olivia, member=sasha)
    expected = {Gate.PROVENANCE} if level == RiskLevel.HIGH else set()  # the analyst's build pins no image
    assert ready.unmet(analyst, assessed) == expected


@pytest.mark.django_db
def test_a_test_of_an_equal_build_counts(
    olivia: Person, sasha: Person, analyst: Agent, assessed: AgentVersion
) -> None:
    ready.make_ready(analyst, assessed, owner=olivia, member=sasha)
    from_here = provenance.current()
    same = register.add_version(actor=olivia, agent=analyst, label="1.0.1", provenance=from_here)
    other = register.add_version(
        actor=olivia, agent=analyst, label="2", provenance=replace(from_here, model_version="2")
    )
    assert ready.result_of(Gate.TESTING, analyst, same).met
    assert not ready.result_of(Gate.TESTING, analyst, other).met


@pytest.mark.django_db
def test_gathering_costs_a_constant_number_of_queries(
    olivia: Person, sasha: Person, analyst: Agent, assessed: AgentVersion
) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            gates.evaluate(gate_facts.gather(agent, assessed))
        return len(captured)

    agent = Agent.objects.select_related("owner").get(pk=analyst.pk)
    before = cost()
    ready.make_ready(analyst, assessed, owner=olivia, member=sasha)
    for _ in range(20):
        ready.record(olivia.actor, assessed, "functional")
    agent = Agent.objects.select_related("owner").get(pk=analyst.pk)
    assert cost() == before <= 14


@pytest.mark.django_db
def test_a_changed_class_asks_for_more(
    olivia: Person, sasha: Person, analyst: Agent, assessed: AgentVersion
) -> None:
    ready.make_ready(analyst, assessed, owner=olivia, member=sasha)
    RiskClass.objects.update(tests=[VersionTestKind.DATA_POISONING.value])
    assert ready.unmet(analyst, assessed) == {Gate.TESTING}
