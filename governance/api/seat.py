"""Seats on the board (S1-2). Assigning and ending one needs a person at the portal."""

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.person import PersonName
from audits.api.base import Collection, Filter, Shown
from governance.choices import Discipline
from governance.models import Seat


class SeatShown(Shown):
    person = PersonName(read_only=True)

    class Meta:
        model = Seat
        fields = ("id", "person", "discipline", "starts_at", "ends_at")


class Seats(Collection[Seat]):
    """Seats on the governance board, those that have ended too."""

    title = "List seats"
    permission, shown = "governance.view_seat", SeatShown
    filters = {"discipline": Filter(serializers.ChoiceField(Discipline.choices), "discipline")}

    def rows(self) -> QuerySet[Seat]:
        return Seat.objects.select_related("person")
