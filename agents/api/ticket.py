"""Tickets of the built-in tracker."""

from django.db.models import QuerySet
from rest_framework import serializers

from agents.choices import Severity, TicketState
from agents.models import Ticket, TicketNote
from audits.api.base import Collection, Filter, Item, Shown


class NoteShown(Shown):
    class Meta:
        model = TicketNote
        fields = ("text", "noted_by", "noted_at")


class TicketShown(Shown):
    notes = NoteShown(many=True, read_only=True)

    class Meta:
        model = Ticket
        fields = (
            "id",
            "number",
            "finding",
            "title",
            "body",
            "severity",
            "state",
            "opened_by",
            "opened_at",
            "notes",
        )


class Tickets(Collection[Ticket]):
    """Tickets, each with its notes."""

    title = "List tickets"
    permission, shown = "agents.view_ticket", TicketShown
    filters = {
        "state": Filter(serializers.ChoiceField(TicketState.choices), "state"),
        "severity": Filter(serializers.ChoiceField(Severity.choices), "severity"),
        "finding": Filter(serializers.UUIDField(), "finding"),
    }

    def rows(self) -> QuerySet[Ticket]:
        return Ticket.objects.prefetch_related("notes")


class OneTicket(Item[Ticket]):
    """A ticket with its notes."""

    title = "Read a ticket"
    permission, shown = "agents.view_ticket", TicketShown

    def rows(self) -> QuerySet[Ticket]:
        return Ticket.objects.prefetch_related("notes")
