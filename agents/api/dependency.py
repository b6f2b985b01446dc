"""What an agent interacts with, calls or creates (S1-21, S4-3)."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentName, OfAnAgent, ReasonGiven, texts
from agents.choices import DependencyKind
from agents.models import Agent, Dependency, ThirdParty, Tool
from agents.services import dependencies
from audits.api.base import ChangingItem, Filter, Given, GrowingCollection, Input, Shown, Verb

LONGEST_PURPOSE = 20_000


class DependencyShown(Shown):
    agent = AgentName(read_only=True)
    to_agent: Any = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)
    to_tool: Any = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)
    to_third_party: Any = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)
    data_categories = texts(read_only=True)

    class Meta:
        model = Dependency
        fields = (
            "id",
            "agent",
            "kind",
            "to_agent",
            "to_tool",
            "to_third_party",
            "purpose",
            "data_categories",
            "added_by",
            "added_at",
            "ended_at",
        )


def _slug(rows: "QuerySet[Any]") -> Any:
    return serializers.SlugRelatedField(slug_field="slug", queryset=rows, required=False)


class TargetGiven(Input):
    """Where it leads: the slug of exactly one of these."""

    agent = _slug(Agent.objects.all())
    tool = _slug(Tool.objects.all())
    third_party = _slug(ThirdParty.objects.all())

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError("Name exactly one agent, tool or third party.")
        return attrs


class PurposeGiven(Input):
    example = {"purpose": "Opens tickets for what it finds.", "data_categories": ["findings"]}

    purpose = serializers.CharField(max_length=LONGEST_PURPOSE)
    data_categories = texts("What flows.", max_length=100, required=False)


class DependencyGiven(PurposeGiven):
    example = {
        "kind": "calls",
        "target": {"tool": "ticket-system"},
        "purpose": "Opens tickets for what it finds.",
        "data_categories": ["findings"],
    }

    kind = serializers.ChoiceField(DependencyKind.choices)
    target = TargetGiven()


class OfDependencies(OfAnAgent):
    permission, shown = "agents.view_dependency", DependencyShown

    def rows(self) -> QuerySet[Dependency]:
        return Dependency.objects.filter(agent=self.agent).select_related(
            "agent", "to_agent", "to_tool", "to_third_party"
        )


class Dependencies(OfDependencies, GrowingCollection[Dependency]):
    """What an agent depends on, what it no longer does too."""

    title, add_title = "List the dependencies of an agent", "Enter a dependency"
    adding, item = "agents.add_dependency", "dependency"
    given = DependencyGiven
    filters = {"kind": Filter(serializers.ChoiceField(DependencyKind.choices), "kind")}

    def add(self, given: Given) -> Dependency:
        (target,) = given.pop("target").values()
        return dependencies.add(actor=self.person, agent=self.agent, target=target, **given)

    def names(self, row: Dependency) -> Mapping[str, Any]:
        return {"slug": row.agent.slug, "id": row.pk}


class OneDependency(OfDependencies, ChangingItem[Dependency]):
    """A dependency. Where it leads does not change: end it, and enter another one."""

    title, change_title = "Read a dependency", "Say anew what a dependency is for"
    given = PurposeGiven

    def change(self, row: Dependency, given: Given) -> Dependency:
        said = {"purpose": row.purpose, "data_categories": row.data_categories} | given
        return dependencies.change(actor=self.person, dependency=row, **said)


class EndOfDependency(OfDependencies, Verb[Dependency]):
    """The agent does not depend on it any more. The row stays, with its end."""

    title, given = "End a dependency", ReasonGiven

    def perform(self, row: Dependency, given: Given) -> Dependency:
        return dependencies.end(actor=self.person, dependency=row, reason=given["reason"])
