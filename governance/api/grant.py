"""What agents may do now, and what they might."""

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentName, texts
from agents.choices import Access
from audits.api.base import Collection, Filter, Item, Shown
from governance.models import Grant


class GrantShown(Shown):
    agent = AgentName(read_only=True)
    conditions = texts(read_only=True)

    class Meta:
        model = Grant
        fields: tuple[str, ...] = (
            "id",
            "agent",
            "action",
            "resource",
            "access",
            "elevation",
            "approval",
            "assignment",
            "exception",
            "conditions",
            "starts_at",
            "ends_at",
        )


class Grants(Collection[Grant]):
    """Grants, those that have ended too."""

    title = "List grants"
    permission, shown = "governance.view_grant", GrantShown
    filters = {
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "access": Filter(serializers.ChoiceField(Access.choices), "access"),
        "elevation": Filter(serializers.UUIDField(), "elevation"),
        "approval": Filter(serializers.UUIDField(), "approval"),
        "assignment": Filter(serializers.UUIDField(), "assignment"),
    }

    def rows(self) -> QuerySet[Grant]:
        return Grant.objects.select_related("agent")


class OneGrant(Item[Grant]):
    """A grant, with the approval that it comes from."""

    title = "Read a grant"
    permission, shown = "governance.view_grant", GrantShown

    def rows(self) -> QuerySet[Grant]:
        return Grant.objects.select_related("agent")
