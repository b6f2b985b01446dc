"""Answers of the decision point (promise 6). Asking it is another interface: docs/decision-point.md."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentName
from agents.api.person import USERNAME, PersonName
from agents.choices import Access, ActionOutcome
from audits.api.base import Collection, Filter, Item, Shown
from governance.choices import DecisionReason
from governance.models import Decision


class DecisionShown(Shown):
    agent = AgentName(read_only=True, allow_null=True)
    on_behalf_of = PersonName(read_only=True, allow_null=True)
    enforcement_point: Any = serializers.SlugRelatedField(slug_field="name", read_only=True, allow_null=True)

    outcome = serializers.ChoiceField(
        ActionOutcome.choices, source="outcome.outcome", read_only=True, allow_null=True, default=None,
        help_text="What became of what was allowed; null while nobody has said so.",
    )  # fmt: skip

    class Meta:
        model = Decision
        fields = (
            "id",
            "agent",
            "subject",
            "instance_id",
            "task_id",
            "enforcement_point",
            "on_behalf_of",
            "delegation",
            "act",
            "intent",
            "action",
            "resource",
            "access",
            "allowed",
            "reason",
            "message",
            "requestable",
            "obligations",
            "grant",
            "elevation",
            "credential_seconds",
            "policy_version",
            "decided_at",
            "outcome",
        )


class Decisions(Collection[Decision]):
    """Decisions, each with its reason. The id is the evaluation id."""

    title = "List decisions"
    permission, shown = "governance.view_decision", DecisionShown
    filters = {
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "allowed": Filter(serializers.BooleanField(), "allowed"),
        "reason": Filter(serializers.ChoiceField(DecisionReason.choices), "reason"),
        "access": Filter(serializers.ChoiceField(Access.choices), "access"),
        "task_id": Filter(serializers.UUIDField(), "task_id"),
        "on_behalf_of": Filter(serializers.CharField(max_length=USERNAME), "on_behalf_of__username"),
        "without_outcome": Filter(serializers.BooleanField(), "outcome__isnull"),
        "enforcement_point": Filter(serializers.SlugField(), "enforcement_point__name"),
    }

    def rows(self) -> QuerySet[Decision]:
        return Decision.objects.select_related("agent", "enforcement_point", "on_behalf_of", "outcome")


class OneDecision(Item[Decision]):
    """A decision: who asked for what, and why the answer is as it is."""

    title = "Read a decision"
    permission, shown = "governance.view_decision", DecisionShown

    def rows(self) -> QuerySet[Decision]:
        return Decision.objects.select_related("agent", "enforcement_point", "on_behalf_of", "outcome")
