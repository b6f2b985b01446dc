"""Agents that were found running without an entry, and those who claim them (S4-2)."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents import entry
from agents.api.agent import AgentShown, all_agents
from agents.choices import AgentState
from agents.models import Agent, Person
from agents.services import discovery
from audits.api.base import Given, GrowingCollection, Input, Verb


class DiscoveryGiven(Input):
    example = {
        "slug": "mail-summariser",
        "name": "Mail summariser",
        "found_by": "Export of the CASB",
        "evidence": "Forty people let it read their mail.",
    }

    slug = serializers.SlugField(max_length=50)
    name = serializers.CharField(max_length=200)
    found_by = serializers.CharField(max_length=200, help_text="What found it.")
    evidence = serializers.CharField(max_length=entry.MAX_TEXT, help_text="What was found, and where.")


class Discoveries(GrowingCollection[Agent]):
    """Agents that were found and nobody has claimed yet. Who reports one answers for it until then; it has
    no access."""

    title, add_title = "List discovered agents", "Report a discovered agent"
    permission, adding, item = "agents.view_agent", "agents.add_agent", "agent"
    shown, given = AgentShown, DiscoveryGiven

    def rows(self) -> QuerySet[Agent]:
        return all_agents().filter(state=AgentState.DISCOVERED)

    def add(self, given: Given) -> Agent:
        return discovery.discover(actor=self.person, **given)

    def names(self, row: Agent) -> Mapping[str, Any]:
        return {"slug": row.slug}


class ClaimGiven(Input):
    example = {"owner": "olivia", "purpose": "Summarises mails.", "business_unit": "Sales"}

    owner = serializers.SlugRelatedField(
        slug_field="username", queryset=Person.objects.all(), help_text="Username: who answers for it."
    )
    purpose = serializers.CharField(max_length=entry.MAX_TEXT)
    business_unit = serializers.CharField(max_length=200)
    problem_class = serializers.CharField(max_length=64, required=False)


class Claim(Verb[Agent]):
    """Its new owner, or an administrator, says who answers for what was found: it becomes a draft."""

    title = "Claim a discovered agent"
    permission, shown, given = "agents.view_agent", AgentShown, ClaimGiven

    def rows(self) -> QuerySet[Agent]:
        return all_agents()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slug": path["slug"]}

    def perform(self, row: Agent, given: Given) -> Agent:
        discovery.claim(actor=self.person, agent=row, **given)
        return all_agents().get(pk=row.pk)
