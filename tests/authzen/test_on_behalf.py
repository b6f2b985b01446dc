"""An enforcement point says for whom an agent acts (`context.on_behalf_of`): both must be allowed (S2-1)."""

from typing import Any

import pytest

from agents.models import Agent, Person
from agents.services import delegations
from governance.models import Decision
from tests.authzen.asking import EVALUATION, SEARCH, Asker
from tests.governance.story import elevate, resource, start_instance
from tests.oauth.client import let

pytestmark = pytest.mark.django_db


@pytest.fixture
def question(active_analyst: Agent) -> dict[str, Any]:
    return {
        "subject": {"type": "agent_instance", "id": start_instance(active_analyst).spiffe_id},
        "action": {"name": "get_vulnerability_info"},
        "resource": {"type": "endpoint", "id": "nvd"},
    }


def reason(asker: Asker, question: dict[str, Any], whom: Any) -> str:
    answer = asker.ask(EVALUATION, {**question, "context": {"on_behalf_of": whom}})
    return str(answer["context"]["reason"])


def test_the_persons_word_counts_too(
    asker: Asker, question: dict[str, Any], oscar: Person, active_analyst: Agent
) -> None:
    assert reason(asker, question, "oscar") == "delegation_missing"
    given = let(oscar, active_analyst)
    for whom in ("oscar", str(oscar.pk), {"type": "person", "id": str(oscar.pk)}):
        assert reason(asker, question, whom) == "allowed_by_grant"
    decision = Decision.objects.latest("decided_at")
    assert (decision.on_behalf_of, decision.delegation) == (oscar, given)
    assert decision.act == {"sub": question["subject"]["id"]}
    delegations.end(actor=oscar.actor, delegation=given)
    assert reason(asker, question, "oscar") == "delegation_ended"


@pytest.mark.parametrize("whom", ["nobody", "", 7, [], {}, {"id": None}, True])
def test_for_somebody_whom_nobody_knows_nothing_is_done(
    asker: Asker, question: dict[str, Any], whom: Any
) -> None:
    assert reason(asker, question, whom) == "delegation_missing"


def test_who_has_left_lets_nobody_act(
    asker: Asker, question: dict[str, Any], oscar: Person, active_analyst: Agent
) -> None:
    let(oscar, active_analyst)
    Person.objects.filter(pk=oscar.pk).update(is_active=False)
    assert reason(asker, question, "oscar") == "person_not_active"


def test_what_the_agent_may_not_the_person_cannot_give(
    asker: Asker, question: dict[str, Any], oscar: Person, active_analyst: Agent
) -> None:
    let(oscar, active_analyst)
    other = {**question, "resource": {"type": "endpoint", "id": "crm"}}
    assert reason(asker, other, "oscar") == "function_not_in_manifest"


def test_a_write_for_somebody_takes_their_word_before_it_takes_a_use(
    asker: Asker, question: dict[str, Any], oscar: Person, olivia: Person, members: list[Person]
) -> None:
    agent, on = Agent.objects.get(), resource()
    elevation = elevate(olivia, agent, on, members[:2])
    ticket = {
        **question,
        "action": {"name": "open_ticket"},
        "resource": {"type": "finding", "id": on.partition("/")[2]},
    }
    let(oscar, agent, resources=["finding/7"])
    assert reason(asker, ticket, "oscar") == "delegation_exceeded"
    elevation.refresh_from_db()
    assert elevation.used == 0
    let(oscar, agent, resources=[on])
    assert reason(asker, ticket, "oscar") == "allowed_by_elevation"
    elevation.refresh_from_db()
    assert elevation.used == 1


def test_a_search_takes_it_into_account(
    asker: Asker, question: dict[str, Any], oscar: Person, active_analyst: Agent
) -> None:
    body = {**question, "subject": {"type": "agent"}}
    assert asker.ask(f"{SEARCH}subject", body)["results"]
    body["context"] = {"on_behalf_of": "oscar"}
    assert not asker.ask(f"{SEARCH}subject", body)["results"]
    let(oscar, active_analyst)
    assert asker.ask(f"{SEARCH}subject", body)["results"]
