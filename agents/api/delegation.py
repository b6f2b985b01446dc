"""Which agents act for whom. Giving and ending it is for people at the portal, never for a token."""

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentName
from agents.api.person import USERNAME, PersonName
from agents.models import Delegation
from audits.api.base import Collection, Filter, Item, Resource, Shown


class DelegationShown(Shown):
    person = PersonName(read_only=True)
    agent = AgentName(read_only=True)

    class Meta:
        model = Delegation
        fields = (
            "id",
            "person",
            "agent",
            "actions",
            "resources",
            "purpose",
            "data_scope",
            "may_pass_on",
            "starts_at",
            "ends_at",
            "ended_at",
            "ended_by",
            "end_reason",
        )


class OfDelegations(Resource):
    permission, shown = "agents.view_delegation", DelegationShown

    def rows(self) -> QuerySet[Delegation]:
        return Delegation.objects.select_related("person", "agent")


class Delegations(OfDelegations, Collection[Delegation]):
    """Which agents act for whom, those that do no more too."""

    title = "List delegations"
    filters = {
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "person": Filter(serializers.CharField(max_length=USERNAME), "person__username"),
    }


class OneDelegation(OfDelegations, Item[Delegation]):
    """That an agent acts for a person."""

    title = "Read a delegation"
