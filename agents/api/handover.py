"""Offers to own an agent (S4-2). Offering and accepting give an agent away: people do that in the portal."""

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentName
from agents.api.person import USERNAME, PersonName
from agents.choices import HandoverState
from agents.models import Handover
from agents.services import handovers
from audits.api.base import Collection, Filter, Given, Input, Item, Resource, Shown, Verb

LONGEST_REASON = 4000


class HandoverShown(Shown):
    agent = AgentName(read_only=True)
    before = PersonName(read_only=True)
    to = PersonName(read_only=True)
    offered_by = PersonName(read_only=True)

    class Meta:
        model = Handover
        fields = (
            "id",
            "agent",
            "before",
            "to",
            "keep_as_deputy",
            "note",
            "offered_by",
            "offered_at",
            "expires_at",
            "state",
            "ended_at",
            "reason",
        )


class NoGiven(Input):
    reason = serializers.CharField(max_length=LONGEST_REASON, allow_blank=True, required=False)


class OfHandovers(Resource):
    permission, shown = "agents.view_handover", HandoverShown

    def rows(self) -> QuerySet[Handover]:
        return Handover.objects.select_related("agent", "before", "to", "offered_by")


class Handovers(OfHandovers, Collection[Handover]):
    """Offers of agents to new owners, those that are over too."""

    title = "List handovers"
    filters = {
        "state": Filter(serializers.ChoiceField(HandoverState.choices), "state"),
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "to": Filter(serializers.CharField(max_length=USERNAME, help_text="Username."), "to__username"),
    }


class OneHandover(OfHandovers, Item[Handover]):
    """An offer to own an agent."""

    title = "Read a handover"


class Withdrawal(OfHandovers, Verb[Handover]):
    """Takes an offer back: the agent stays with its owner."""

    title = "Withdraw a handover"

    def perform(self, row: Handover, given: Given) -> Handover:  # noqa: ARG002 - the base's signature
        handovers.withdraw(actor=self.person, handover=row)
        return self.rows().get(pk=row.pk)


class Declining(OfHandovers, Verb[Handover]):
    """Says no to an offer: the agent stays with its owner."""

    title, given = "Decline a handover", NoGiven

    def perform(self, row: Handover, given: Given) -> Handover:
        handovers.decline(actor=self.person, handover=row, **given)
        return self.rows().get(pk=row.pk)
