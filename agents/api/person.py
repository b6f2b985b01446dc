"""People, and the person of the token."""

from typing import Any

from django.contrib.auth.models import Group
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.models import ApiToken, Person
from agents.services import people
from audits.api.base import Filter, Given, GrowingCollection, Input, Item, Resource, Shown, Verb

USERNAME = 150


class PersonName(Shown):
    """A person where something else is told."""

    name = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = Person
        fields = ("id", "username", "name")


class PersonShown(Shown):
    groups: Any = serializers.SlugRelatedField(slug_field="name", many=True, read_only=True)

    class Meta:
        model = Person
        fields = (
            "id",
            "username",
            "first_name",
            "last_name",
            "email",
            "groups",
            "is_active",
            "is_superuser",
            "date_joined",
            "last_login",
        )


class PersonGiven(Input):
    """Nobody becomes an administrator this way, and nobody gets a password."""

    example = {
        "username": "nora",
        "first_name": "Nora",
        "last_name": "Newcomer",
        "email": "nora@example.org",
        "groups": ["Owners"],
    }

    username = serializers.CharField(max_length=USERNAME)
    first_name = serializers.CharField(max_length=USERNAME)
    last_name = serializers.CharField(max_length=USERNAME)
    email = serializers.EmailField()
    groups = serializers.SlugRelatedField(
        slug_field="name", many=True, queryset=Group.objects.all(), required=False
    )


class TokenShown(Shown):
    class Meta:
        model = ApiToken
        fields = ("id", "name", "scope", "prefix", "created_at", "expires_at", "last_used_at")


class MeShown(serializers.Serializer[Any]):
    person = PersonShown(read_only=True)
    token = TokenShown(read_only=True)


class People(GrowingCollection[Person]):
    """The people who sign in. Who is added comes by an identity provider, or by a link that an
    administrator makes in the portal."""

    title, add_title = "List people", "Add a person"
    permission, adding, item = "agents.view_person", "agents.add_person", "person"
    shown, given = PersonShown, PersonGiven
    filters = {
        "username": Filter(serializers.CharField(max_length=USERNAME), "username"),
        "is_active": Filter(serializers.BooleanField(), "is_active"),
    }

    def rows(self) -> QuerySet[Person]:
        return Person.objects.prefetch_related("groups")

    def add(self, given: Given) -> Person:
        groups = [group.name for group in given.pop("groups", [])]
        return people.add_person(actor=self.actor, password=None, groups=groups, **given)


class OnePerson(Item[Person]):
    """A person."""

    title = "Read a person"
    permission, shown = "agents.view_person", PersonShown

    def rows(self) -> QuerySet[Person]:
        return Person.objects.prefetch_related("groups")


class Deactivation(Verb[Person]):
    """Nobody signs in as this person any more; the agents that they own lose all access at once."""

    title = "Deactivate a person"
    permission, shown = "agents.view_person", PersonShown

    def rows(self) -> QuerySet[Person]:
        return Person.objects.all()

    def perform(self, row: Person, given: Given) -> Person:  # noqa: ARG002 - the base's signature
        people.deactivate(actor=self.actor, person=row)
        return row


class Reactivation(Deactivation):
    """The person may sign in again, and the agents that they own may act as approved."""

    title = "Reactivate a person"

    def perform(self, row: Person, given: Given) -> Person:  # noqa: ARG002 - as above
        people.reactivate(actor=self.actor, person=row)
        return row


class Me(Resource):
    """Whose token it is, and what it may do."""

    title = "Read who you are"
    shown = MeShown

    def get(self, request: Request) -> Response:
        return self.present({"person": self.person, "token": request.auth})
