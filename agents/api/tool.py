"""Tools that agents depend on, ours or a third party's, kept by stewards (S1-21, S1-22)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import ReasonGiven, texts
from agents.choices import ToolKind
from agents.models import ThirdParty, Tool
from agents.services import tools
from agents.services.tools import Facts
from audits.api.base import ChangingItem, Filter, Given, GrowingCollection, Input, Shown, Verb


class ToolShown(Shown):
    provider: Any = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)
    data_categories = texts(read_only=True)
    jurisdictions = texts(read_only=True)

    class Meta:
        model = Tool
        fields = (
            "id",
            "slug",
            "name",
            "kind",
            "endpoint",
            "provider",
            "data_categories",
            "jurisdictions",
            "added_by",
            "added_at",
            "ended_at",
        )


class FactsOfTool(Input):
    example = {"endpoint": "https://tickets.example.org/v2"}

    name = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(ToolKind.choices)
    endpoint = serializers.CharField(max_length=500, help_text="Its address, or the name of the resource.")
    jurisdictions = texts("ISO 3166-1 alpha-2, or EU.", max_length=100)
    provider = serializers.SlugRelatedField(
        slug_field="slug",
        queryset=ThirdParty.objects.all(),
        required=False,
        allow_null=True,
        help_text="Slug of the third party that runs it; without one we do.",
    )
    data_categories = texts("What it holds.", max_length=100, required=False)


class ToolGiven(FactsOfTool):
    example = {
        "slug": "ticket-system",
        "name": "Ticket system",
        "kind": "api",
        "endpoint": "https://tickets.example.org",
        "jurisdictions": ["DE"],
        "data_categories": ["tickets"],
    }

    slug = serializers.SlugField(max_length=50)


def _tools() -> QuerySet[Tool]:
    return Tool.objects.select_related("provider")


class Tools(GrowingCollection[Tool]):
    """Tools, those that have ended too."""

    title, add_title = "List tools", "Enter a tool"
    permission, adding, item = "agents.view_tool", "agents.add_tool", "tool"
    shown, given = ToolShown, ToolGiven
    filters = {
        "kind": Filter(serializers.ChoiceField(ToolKind.choices), "kind"),
        "provider": Filter(serializers.SlugField(), "provider__slug"),
    }

    def rows(self) -> QuerySet[Tool]:
        return _tools()

    def add(self, given: Given) -> Tool:
        return tools.add(actor=self.person, slug=given.pop("slug"), facts=Facts(**given))

    def names(self, row: Tool) -> Mapping[str, Any]:
        return {"slug": row.slug}


class OneTool(ChangingItem[Tool]):
    """A tool: where it is, who runs it, what it holds."""

    title, change_title = "Read a tool", "Change a tool"
    permission, shown, given = "agents.view_tool", ToolShown, FactsOfTool

    def rows(self) -> QuerySet[Tool]:
        return _tools()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slug": path["slug"]}

    def change(self, row: Tool, given: Given) -> Tool:
        return tools.change(actor=self.person, tool=row, facts=replace(Facts.of(row), **given))


class EndOfTool(Verb[Tool]):
    """Nothing new depends on it from now on. What depends on it says so until that is ended too."""

    title = "End a tool"
    permission, shown, given = "agents.view_tool", ToolShown, ReasonGiven

    def rows(self) -> QuerySet[Tool]:
        return _tools()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slug": path["slug"]}

    def perform(self, row: Tool, given: Given) -> Tool:
        return tools.end(actor=self.person, tool=row, reason=given["reason"])
