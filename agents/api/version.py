"""The builds of an agent, with where they come from (S1-11)."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents import tool_manifest
from agents.api.agent import AgentName, OfAnAgent
from agents.api.person import PersonName
from agents.choices import Access
from agents.models import AgentVersion
from agents.provenance import Provenance
from agents.services import register
from audits.api.base import Given, GrowingCollection, Input, Item, Shown

SHA256 = r"^[0-9a-f]{64}$"
LABEL = r"^[^/]*[^/.][^/]*$"
MOST_FUNCTIONS = 200


class VersionShown(Shown):
    agent = AgentName(read_only=True)
    added_by = PersonName(read_only=True)
    tool_manifest = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = AgentVersion
        fields = (
            "id",
            "agent",
            "label",
            "digest",
            "model_provider",
            "model_name",
            "model_version",
            "prompt_digest",
            "tool_manifest",
            "code_commit",
            "data_snapshot",
            "image_digest",
            "added_by",
            "added_at",
            "submitted_at",
        )


class FunctionGiven(Input):
    """A function of the manifest; `parameters` is a JSON schema."""

    name = serializers.CharField(max_length=100)
    access = serializers.ChoiceField(Access.choices)
    resource = serializers.CharField(
        max_length=300, help_text="A template, for example finding/{finding_id}."
    )
    description = serializers.CharField(max_length=4000, allow_blank=True, default="")
    parameters = serializers.DictField(default=tool_manifest.no_parameters)


class VersionGiven(Input):
    example = {
        "label": "2.0.0",
        "model_provider": "example",
        "model_name": "example-large",
        "model_version": "2026-03-01",
        "prompt_digest": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "tool_manifest": [
            {
                "name": "get_invoice",
                "access": "read",
                "resource": "invoices/{number}",
                "description": "Reads one invoice.",
                "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
            }
        ],
        "code_commit": "0123456789abcdef0123456789abcdef01234567",
        "data_snapshot": "",
        "image_digest": "",
    }

    label = serializers.RegexField(  # type: ignore[assignment]
        LABEL, max_length=50, help_text="For example 1.4.0; without a slash."
    )
    model_provider = serializers.CharField(max_length=100)
    model_name = serializers.CharField(max_length=100)
    model_version = serializers.CharField(max_length=100, allow_blank=True, default="")
    prompt_digest = serializers.RegexField(SHA256, help_text="SHA-256 of the system prompt, in hex.")
    tool_manifest = FunctionGiven(many=True, max_length=MOST_FUNCTIONS)  # type: ignore[call-arg]
    code_commit = serializers.CharField(max_length=64, allow_blank=True, default="")
    data_snapshot = serializers.CharField(max_length=200, allow_blank=True, default="")
    image_digest = serializers.CharField(max_length=100, allow_blank=True, default="")


class Versions(OfAnAgent, GrowingCollection[AgentVersion]):
    """The builds of an agent. One runs only once the board has approved it."""

    title, add_title = "List the versions of an agent", "Add a version"
    permission, item = "agents.view_agentversion", "version"
    shown, given = VersionShown, VersionGiven

    def rows(self) -> QuerySet[AgentVersion]:
        return AgentVersion.objects.filter(agent=self.agent).select_related("agent", "added_by")

    def add(self, given: Given) -> AgentVersion:
        label = given.pop("label")
        functions = [dict(function) for function in given.pop("tool_manifest")]
        provenance = Provenance(**given, tool_manifest=functions)
        return register.add_version(actor=self.person, agent=self.agent, label=label, provenance=provenance)

    def names(self, row: AgentVersion) -> Mapping[str, Any]:
        return {"slug": row.agent.slug, "label": row.label}


class OneVersion(OfAnAgent, Item[AgentVersion]):
    """A build of an agent, with its provenance."""

    title = "Read a version"
    permission, shown = "agents.view_agentversion", VersionShown

    def rows(self) -> QuerySet[AgentVersion]:
        return AgentVersion.objects.filter(agent=self.agent).select_related("agent", "added_by")

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"label": path["label"]}
