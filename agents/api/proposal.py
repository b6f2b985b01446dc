"""Writes that an agent wanted and may not do by itself."""

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentName
from agents.choices import ProposalState
from agents.models import ProposedAction
from audits.api.base import Collection, Filter, Item, Shown


class ProposalShown(Shown):
    agent = AgentName(read_only=True)
    arguments = serializers.DictField(read_only=True)

    class Meta:
        model = ProposedAction
        fields = (
            "id",
            "agent",
            "run",
            "finding",
            "function",
            "resource",
            "arguments",
            "digest",
            "state",
            "detail",
            "proposed_at",
            "resolved_at",
        )


class Proposals(Collection[ProposedAction]):
    """Proposed actions. A person asks for write elevation for one, or leaves it."""

    title = "List proposed actions"
    permission, shown = "agents.view_proposedaction", ProposalShown
    filters = {
        "state": Filter(serializers.ChoiceField(ProposalState.choices), "state"),
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "run": Filter(serializers.UUIDField(), "run"),
        "finding": Filter(serializers.UUIDField(), "finding"),
    }

    def rows(self) -> QuerySet[ProposedAction]:
        return ProposedAction.objects.select_related("agent")


class OneProposal(Item[ProposedAction]):
    """A proposed action, exactly as it would be carried out."""

    title = "Read a proposed action"
    permission, shown = "agents.view_proposedaction", ProposalShown

    def rows(self) -> QuerySet[ProposedAction]:
        return ProposedAction.objects.select_related("agent")
