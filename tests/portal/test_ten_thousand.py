"""A register of ten thousand agents: the pages people open all day ask the database the same few questions.

`QUERIES` is what each page costs, whatever the register holds. A page that needs more fails here, and so does
one that needs fewer, until its number is put right.
"""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.utils import timezone

from agents import accountability, dependency_map
from agents.models import Agent, AgentVersion, Dependency, Person, ThirdParty, Tool
from governance.models import Approval, RiskAssessment, RiskClass
from tests.portal.pages import address, page, queries

FEW, MANY = 10, 10_000
QUERIES = {
    "/admin/": 45,
    "/admin/waiting/": 29,
    "/admin/agents/agent/": 9,
    "/admin/agents/agent/?q=5": 9,
    "/admin/agents/agent/?owner__named=owner-5": 9,
    "/admin/agents/agentversion/": 7,
    "/admin/agents/agentversion/?agent__named=owner-5": 7,
    "/admin/governance/approval/": 9,
    "/admin/governance/approval/?waiting=all": 9,
    "/admin/governance/riskassessment/": 8,
    "/admin/agents/dependency/": 7,
    "/admin/agents/dependency/?q=owner-5": 7,
    "/admin/agents/dependency/add/": 11,
    "/admin/agents/tool/": 7,
    "/admin/agents/thirdparty/": 7,
    "/admin/agents/thirdparty/?standing=overdue": 7,
    "/admin/dependency-map/": 12,
    "/admin/dependency-map/?agent=agent-owner-5&steps=3": 27,
}


def grow(until: int) -> None:
    """Agents with everything that the lists show of them, past the services: what is measured is reading."""
    numbers = range(Agent.objects.count(), until)
    owners = Person.objects.bulk_create(
        Person(username=f"owner-{number}", last_name=f"Owner {number}") for number in numbers
    )
    agents = Agent.objects.bulk_create(
        Agent(
            slug=f"agent-{owner.username}",
            name=f"Agent of {owner.last_name}",
            purpose="Helps.",
            business_unit="Security",
            owner=owner,
        )
        for owner in owners
    )
    work_on(agents)
    surround(agents)


def work_on(agents: list[Agent]) -> None:
    low = RiskClass.objects.earliest("minimum_score")
    versions = AgentVersion.objects.bulk_create(
        AgentVersion(
            agent=agent,
            label="1.0.0",
            model_provider="countersign",
            model_name="embedded",
            prompt_digest="a" * 64,
            tool_manifest=[],
            digest="b" * 64,
            added_by=agent.owner,
        )
        for agent in agents
    )
    RiskAssessment.objects.bulk_create(
        RiskAssessment(
            agent=agent, answers={}, score=1, risk_class=low, computed="low", assessed_by="person/x"
        )
        for agent in agents
    )
    Approval.objects.bulk_create(
        Approval(
            subject="agent_version",
            subject_id=version.pk,
            agent=version.agent,
            title=f"Version of {version.agent}",
            content="{}",
            digest="c" * 64,
            rule={"seats": [], "quorum": 1, "veto": True},
            excluded=[],
            requested_by=version.added_by,
            expires_at=timezone.now(),
        )
        for version in versions
    )


def surround(agents: list[Agent]) -> None:
    """Each calls three agents, a tool and a third party; every tenth creates the next."""
    by = {"added_by": "person/x", "jurisdictions": ["DE"]}
    third_parties = ThirdParty.objects.bulk_create(
        ThirdParty(slug=each.slug, name=each.name, provides="x", assess_again_by=timezone.now(), **by)
        for each in agents
    )
    tools = Tool.objects.bulk_create(
        Tool(slug=each.slug, name=each.name, kind="api", endpoint="x", provider=each, **by)
        for each in third_parties
    )
    Dependency.objects.bulk_create(
        Dependency(agent=agents[number], kind=kind, purpose="x", added_by="person/x", **{column: target})
        for number in range(len(agents))
        for kind, column, target in leads_to(number, agents, tools[number], third_parties[number])
    )


def leads_to(
    number: int, agents: list[Agent], tool: Tool, third_party: ThirdParty
) -> Iterator[tuple[str, str, object]]:
    for other in {(number * factor + 1) % len(agents) for factor in (2, 3, 5)} - {number}:
        yield "calls", "to_agent", agents[other]
    yield "calls", "to_tool", tool
    yield "calls", "to_third_party", third_party
    if number % 10:
        yield "creates", "to_agent", agents[number - 1]


def costs(client: Client) -> dict[str, int]:
    return {where: queries(client, where) for where in QUERIES}


@pytest.mark.django_db
def test_pages_ask_no_more_of_ten_thousand_agents(client: Client, ada: Person) -> None:
    client.force_login(ada)
    grow(FEW)
    assert costs(client) == QUERIES
    grow(MANY)
    assert Dependency.objects.count() > 5 * MANY
    assert costs(client) == QUERIES
    one = Agent.objects.get(slug=f"agent-owner-{MANY // 2}")
    assert len(page(client, f"/admin/agents/agent/?owner__named={one.owner.username}")) < 100_000
    drawn = dependency_map.of_register()
    assert (len(drawn.nodes), drawn.left_out > 5 * MANY - dependency_map.EDGES) == (300, True)
    chain = accountability.of(one)
    assert [creator.steps for creator in chain.creators] == list(range(1, 10))
    assert (len(chain.reached), chain.more) == (accountability.REACHED, True)
    page(client, address(one))
