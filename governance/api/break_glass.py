"""Broken glass (S4-2). Breaking it and reviewing it needs a person at the portal; here it is only read."""

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentName
from agents.api.person import PersonName
from audits.api.base import Collection, Filter, Item, Shown
from governance.models import BreakGlass


class GlassShown(Shown):
    agent = AgentName(read_only=True)
    person = PersonName(read_only=True)
    reviewed_by = PersonName(read_only=True, allow_null=True)

    class Meta:
        model = BreakGlass
        fields = (
            "id",
            "elevation",
            "agent",
            "person",
            "reason",
            "digest",
            "broken_at",
            "review_due_at",
            "reviewed_at",
            "reviewed_by",
            "is_justified",
            "review",
            "locked_at",
        )


class Glasses(Collection[BreakGlass]):
    """Writes that one person opened alone, in an emergency."""

    title = "List broken glass"
    permission, shown = "governance.view_breakglass", GlassShown
    filters = {
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "is_justified": Filter(serializers.BooleanField(), "is_justified"),
    }

    def rows(self) -> QuerySet[BreakGlass]:
        return _glasses()


class OneGlass(Item[BreakGlass]):
    """A broken glass, and what its review found."""

    title = "Read a broken glass"
    permission, shown = "governance.view_breakglass", GlassShown

    def rows(self) -> QuerySet[BreakGlass]:
        return _glasses()


def _glasses() -> QuerySet[BreakGlass]:
    return BreakGlass.objects.select_related("agent", "person", "reviewed_by")
