"""Freezing by token: stopping is never harder than it must be. Letting it go on takes people."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentName, all_agents
from agents.api.person import PersonName
from agents.models import Agent, AgentInstance, Person
from audits.api.base import Filter, Given, GrowingCollection, Input, Item, Resource, Shown, Verb
from governance.choices import ContainmentLevel, ContainmentState
from governance.models import Containment
from governance.services import containments


class ContainmentShown(Shown):
    agent = AgentName(read_only=True, allow_null=True)
    instance = serializers.CharField(
        source="agent_instance.spiffe_id",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="SPIFFE id; null: no single copy.",
    )
    person = PersonName(read_only=True, allow_null=True)
    begun_by = PersonName(read_only=True)

    class Meta:
        model = Containment
        fields = (
            "id",
            "level",
            "agent",
            "instance",
            "person",
            "reason",
            "state",
            "begun_by",
            "begun_at",
            "ended_at",
        )


class FreezeGiven(Input):
    """Why: it is recorded."""

    example = {"reason": "It opens tickets that nobody asked for."}

    reason = serializers.CharField(max_length=containments.MAX_REASON)


class ContainmentGiven(FreezeGiven):
    example = {"level": "everything", "reason": "Tokens were found in a public log."}

    level = serializers.ChoiceField(ContainmentLevel.choices)
    agent = serializers.SlugRelatedField(
        slug_field="slug", queryset=Agent.objects.all(), required=False, help_text="For the level agent."
    )
    instance = serializers.SlugRelatedField(
        slug_field="spiffe_id",
        queryset=AgentInstance.objects.select_related("agent"),
        required=False,
        help_text="SPIFFE id, for the level instance.",
    )
    owner = serializers.SlugRelatedField(
        slug_field="username",
        queryset=Person.objects.all(),
        required=False,
        help_text="Username, for the level owner.",
    )


class OfContainments(Resource):
    permission, shown = "governance.view_containment", ContainmentShown

    def rows(self) -> QuerySet[Containment]:
        return Containment.objects.select_related("agent", "agent_instance", "person", "begun_by")


class Containments(OfContainments, GrowingCollection[Containment]):
    """What is frozen, and what was. One person freezes; two people lift that, in the portal."""

    title, add_title = "List containments", "Freeze an agent, a copy, an owner's agents or everything"
    adding, item = "governance.add_containment", "containment"
    given = ContainmentGiven
    filters = {
        "state": Filter(serializers.ChoiceField(ContainmentState.choices), "state"),
        "level": Filter(serializers.ChoiceField(ContainmentLevel.choices), "level"),
        "agent": Filter(serializers.SlugField(), "agent__slug"),
    }

    def add(self, given: Given) -> Containment:
        return containments.freeze(actor=self.person, **given)


class OneContainment(OfContainments, Item[Containment]):
    """One containment: what was frozen, by whom, why, and whether it still is."""

    title = "Read a containment"


class FreezeAgent(Verb[Agent]):
    """Freezes an agent, at once: it does nothing until two people have lifted that in the portal."""

    title = "Freeze an agent"
    permission, shown, given = "agents.view_agent", ContainmentShown, FreezeGiven

    def rows(self) -> QuerySet[Agent]:
        return all_agents()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slug": path["slug"]}

    def perform(self, row: Agent, given: Given) -> Containment:
        return containments.freeze_agent(actor=self.person, agent=row, reason=given["reason"])
