"""Endpoints that functions reach, and their circuit breakers (S0-5, S0-11)."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import ReasonGiven
from agents.choices import BreakerState
from agents.models import Endpoint
from agents.services import breakers, endpoints
from agents.services.endpoints import Figures
from audits.api.base import ChangingItem, Filter, Given, GrowingCollection, Input, Shown, Verb

USUAL = "Null: as the settings say."


class EndpointShown(Shown):
    class Meta:
        model = Endpoint
        fields = (
            "id",
            "name",
            "url",
            "failure_threshold",
            "open_seconds",
            "max_bytes",
            "state",
            "state_reason",
            "state_since",
            "tripped",
            "failures",
            "added_by",
        )


class FiguresOfEndpoint(Input):
    example = {"failure_threshold": 3}

    url = serializers.CharField(max_length=500, required=False, allow_blank=True)
    failure_threshold = serializers.IntegerField(
        min_value=1, max_value=endpoints.MAX_FIGURE, required=False, allow_null=True, help_text=USUAL
    )
    open_seconds = serializers.IntegerField(
        min_value=1, max_value=endpoints.MAX_FIGURE, required=False, allow_null=True, help_text=USUAL
    )
    max_bytes = serializers.IntegerField(
        min_value=1, max_value=endpoints.MAX_FIGURE, required=False, allow_null=True, help_text=USUAL
    )


class EndpointGiven(FiguresOfEndpoint):
    example = {"name": "crm", "url": "https://crm.example.org/api"}

    name = serializers.SlugField(max_length=64)
    url = serializers.CharField(max_length=500)


class Endpoints(GrowingCollection[Endpoint]):
    """Endpoints, with the state of their circuit breakers."""

    title, add_title = "List endpoints", "Name an endpoint"
    permission, adding, item = "agents.view_endpoint", "agents.add_endpoint", "endpoint"
    shown, given = EndpointShown, EndpointGiven
    filters = {"state": Filter(serializers.ChoiceField(BreakerState.choices), "state")}

    def rows(self) -> QuerySet[Endpoint]:
        return Endpoint.objects.all()

    def add(self, given: Given) -> Endpoint:
        name, url = given.pop("name"), given.pop("url")
        return endpoints.add(actor=self.person, name=name, url=url, figures=Figures(**given))

    def names(self, row: Endpoint) -> Mapping[str, Any]:
        return {"name": row.name}


class _One:
    def rows(self) -> QuerySet[Endpoint]:
        return Endpoint.objects.all()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"name": path["name"]}


class OneEndpoint(_One, ChangingItem[Endpoint]):
    """An endpoint: where it is, when its breaker opens, and how that stands."""

    title, change_title = "Read an endpoint", "Change an endpoint"
    permission, shown, given = "agents.view_endpoint", EndpointShown, FiguresOfEndpoint

    def change(self, row: Endpoint, given: Given) -> Endpoint:
        url = given.pop("url", row.url)
        now = {name: getattr(row, name) for name in Figures.__dataclass_fields__}
        return endpoints.change(actor=self.person, endpoint=row, url=url, figures=Figures(**(now | given)))


class Trip(_One, Verb[Endpoint]):
    """Open the circuit breaker by hand: nothing reaches the endpoint until somebody closes it."""

    title = "Open a circuit breaker"
    permission, shown, given = "agents.view_endpoint", EndpointShown, ReasonGiven

    def perform(self, row: Endpoint, given: Given) -> Endpoint:
        return breakers.trip(actor=self.person, endpoint=row, reason=given["reason"])


class Reset(_One, Verb[Endpoint]):
    """Close the circuit breaker by hand: calls go through from now on."""

    title = "Close a circuit breaker"
    permission, shown, given = "agents.view_endpoint", EndpointShown, ReasonGiven

    def perform(self, row: Endpoint, given: Given) -> Endpoint:
        return breakers.reset(actor=self.person, endpoint=row, reason=given["reason"])
