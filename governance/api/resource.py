"""The resource catalogue (S2-4), kept by stewards: what roles of agents speak of."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import ReasonGiven, texts
from agents.api.person import PersonName
from agents.models import Person
from audits.api.base import ChangingItem, Filter, Given, GrowingCollection, Input, Shown, Verb
from governance.choices import Operation, ResourceKind, Sensitivity
from governance.models import Resource
from governance.services import resources
from governance.services.resources import Facts


class ResourceShown(Shown):
    owner = PersonName(read_only=True)
    operations = texts(read_only=True)
    data_categories = texts(read_only=True)

    class Meta:
        model = Resource
        fields = (
            "id",
            "name",
            "title",
            "kind",
            "type",
            "identifier",
            "operations",
            "sensitivity",
            "personal_data",
            "data_categories",
            "owner",
            "added_by",
            "added_at",
            "ended_at",
        )


class FactsOfResource(Input):
    example = {"sensitivity": "restricted"}

    title = serializers.CharField(max_length=200)
    kind = serializers.ChoiceField(ResourceKind.choices)
    operations: Any = serializers.ListField(
        child=serializers.ChoiceField(Operation.choices), min_length=1, max_length=len(Operation)
    )
    sensitivity = serializers.ChoiceField(Sensitivity.choices)
    owner = serializers.SlugRelatedField(
        slug_field="username", queryset=Person.objects.all(), help_text="User name of who answers for it."
    )
    personal_data = serializers.BooleanField(required=False, help_text="Whether it holds personal data.")
    data_categories = texts("What it holds.", max_length=100, required=False)


class ResourceGiven(FactsOfResource):
    example = {
        "name": "sales_database",
        "title": "Sales",
        "kind": "database",
        "type": "table",
        "identifier": "sales/{table}",
        "operations": ["read"],
        "sensitivity": "confidential",
        "owner": "olivia",
    }

    name = serializers.SlugField(max_length=64)
    type = serializers.SlugField(max_length=49, help_text="The first part of its reference.")
    identifier = serializers.CharField(max_length=250, help_text="The rest; {name} stands for one part.")


def _resources() -> QuerySet[Resource]:
    return Resource.objects.select_related("owner")


class Resources(GrowingCollection[Resource]):
    """Resources, those that have ended too."""

    title, add_title = "List resources", "Enter a resource"
    permission, adding, item = "governance.view_resource", "governance.add_resource", "resource"
    shown, given = ResourceShown, ResourceGiven
    filters = {
        "kind": Filter(serializers.ChoiceField(ResourceKind.choices), "kind"),
        "sensitivity": Filter(serializers.ChoiceField(Sensitivity.choices), "sensitivity"),
        "type": Filter(serializers.SlugField(), "type"),
        "owner": Filter(serializers.CharField(), "owner__username"),
    }

    def rows(self) -> QuerySet[Resource]:
        return _resources()

    def add(self, given: Given) -> Resource:
        names = {key: given.pop(key) for key in ("name", "type", "identifier")}
        return resources.add(actor=self.person, **names, facts=Facts(**given))

    def names(self, row: Resource) -> Mapping[str, Any]:
        return {"slug": row.name}


class OneResource(ChangingItem[Resource]):
    """A resource: what can be done on it, how sensitive it is, who answers for it."""

    title, change_title = "Read a resource", "Change a resource"
    permission, shown, given = "governance.view_resource", ResourceShown, FactsOfResource

    def rows(self) -> QuerySet[Resource]:
        return _resources()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"name": path["slug"]}

    def change(self, row: Resource, given: Given) -> Resource:
        return resources.change(actor=self.person, resource=row, facts=replace(Facts.of(row), **given))


class EndOfResource(Verb[Resource]):
    """It leaves the catalogue, once no role speaks of it."""

    title = "End a resource"
    permission, shown, given = "governance.view_resource", ResourceShown, ReasonGiven

    def rows(self) -> QuerySet[Resource]:
        return _resources()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"name": path["slug"]}

    def perform(self, row: Resource, given: Given) -> Resource:
        return resources.end(actor=self.person, resource=row, reason=given["reason"])
