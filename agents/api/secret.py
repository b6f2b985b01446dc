"""Secrets by reference (S2-11): where they are, who may use them, when they are rotated; never their values.

What widens who gets a secret, or moves it to another place, asks for a fresh proof of who does it: that is
done in the portal.
"""

from collections.abc import Mapping
from typing import Any

from django.db.models import Prefetch, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agents import secret_selectors
from agents.api.agent import AgentName, ReasonGiven
from agents.api.person import PersonName
from agents.choices import ROTATE_ON, Rotator
from agents.models import Person, SecretLease, SecretReference, SecretRotation, SecretUse
from agents.services import secret_references, secret_rotations, secrets
from audits.api.base import Collection, Filter, Given, GrowingCollection, Input, Item, Nothing, Shown, Verb

PERMISSION = "agents.view_secretreference"
SLUG = Filter(serializers.SlugField(), "secret__slug")


class SecretUseShown(Shown):
    agent = AgentName(read_only=True)

    class Meta:
        model = SecretUse
        fields = ("id", "agent", "action", "resource", "allowed_at", "allowed_by")


class SecretShown(Shown):
    owner = PersonName(read_only=True)
    rotate_on: Any = serializers.ListField(child=serializers.CharField(), read_only=True)
    uses_since_rotation = serializers.IntegerField(source="uses", read_only=True)
    allowed = serializers.SerializerMethodField(help_text="Which agents may use it for what, now.")
    next_rotation = serializers.SerializerMethodField(help_text="When its time is over; null: not by time.")

    class Meta:
        model = SecretReference
        fields = (
            "id",
            "slug",
            "uri",
            "purpose",
            "owner",
            "rotator",
            "rotate_days",
            "rotate_uses",
            "rotate_on",
            "overlap_hours",
            "allowed",
            "next_rotation",
            "rotated_at",
            "breached_at",
            "uses_since_rotation",
            "last_used_at",
            "added_at",
            "added_by",
            "ended_at",
        )

    @extend_schema_field(SecretUseShown(many=True))
    def get_allowed(self, secret: Any) -> Any:
        live = [use for use in secret.allowed.all() if use.ended_at is None]
        return SecretUseShown(live, many=True).data

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_next_rotation(self, secret: SecretReference) -> Any:
        due = secret_selectors.next_rotation(secret)
        return serializers.DateTimeField().to_representation(due) if due else None


class RotationShown(Shown):
    secret: Any = serializers.SlugRelatedField(slug_field="slug", read_only=True)

    class Meta:
        model = SecretRotation
        fields = (
            "id",
            "secret",
            "reason",
            "rotator",
            "state",
            "asked_at",
            "asked_by",
            "due_at",
            "error",
            "from_version",
            "to_version",
            "rotated_at",
            "rotated_by",
            "overlap_until",
            "ended_at",
        )


class LeaseShown(Shown):
    secret: Any = serializers.SlugRelatedField(slug_field="slug", read_only=True)
    agent = AgentName(read_only=True)

    class Meta:
        model = SecretLease
        fields = (
            "id",
            "secret",
            "agent",
            "decision_id",
            "task_id",
            "action",
            "resource",
            "version",
            "handed_out",
            "leased_at",
            "expires_at",
            "ended_at",
            "end_reason",
        )


class SecretGiven(Input):
    """Where a secret is. Its value has no place here."""

    example = {
        "slug": "crm-api-key",
        "uri": "aws-sm://ai-agents/crm#api_key",
        "purpose": "Reads customers.",
        "owner": "olivia",
        "rotate_days": 90,
    }

    slug = serializers.SlugField(max_length=50)
    uri = serializers.CharField(max_length=500, help_text="For example vault://mount/path#field.")
    purpose = serializers.CharField(max_length=10_000)
    owner = serializers.SlugRelatedField(
        slug_field="username", queryset=Person.objects.all(), help_text="Username."
    )
    rotator = serializers.ChoiceField(Rotator.choices, required=False)
    rotate_days = serializers.IntegerField(min_value=1, max_value=3650, required=False, allow_null=True)
    rotate_uses = serializers.IntegerField(min_value=1, max_value=10**9, required=False, allow_null=True)
    rotate_on = serializers.ListField(
        child=serializers.ChoiceField([event.value for event in ROTATE_ON]), max_length=2, required=False
    )
    overlap_hours = serializers.IntegerField(min_value=0, max_value=720, required=False)


class BreachGiven(Input):
    example = {"what": "It was in a log that left the house."}

    what = serializers.CharField(max_length=4000, help_text="What happened; never the secret itself.")


class LeasesEnded(serializers.Serializer[Any]):
    ended = serializers.IntegerField()


def _secrets() -> QuerySet[SecretReference]:
    live = SecretUse.objects.filter(ended_at__isnull=True).select_related("agent")
    return SecretReference.objects.select_related("owner").prefetch_related(Prefetch("allowed", live))


class _OfSecrets(Item[SecretReference]):
    permission = PERMISSION

    def rows(self) -> QuerySet[SecretReference]:
        return _secrets()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slug": path["slug"]}


class Secrets(GrowingCollection[SecretReference]):
    """References to secrets, those that have ended too. Which agents may use one is said in the portal."""

    title, add_title = "List references to secrets", "Add a reference to a secret"
    permission, adding, item = PERMISSION, "agents.add_secretreference", "secret_reference"
    shown, given = SecretShown, SecretGiven
    filters = {"owner": Filter(serializers.CharField(max_length=150), "owner__username")}

    def rows(self) -> QuerySet[SecretReference]:
        return _secrets()

    def add(self, given: Given) -> SecretReference:
        slug = given.pop("slug")
        return secret_references.add(actor=self.actor, slug=slug, facts=secret_references.Facts(**given))

    def names(self, row: SecretReference) -> Mapping[str, Any]:
        return {"slug": row.slug}


class OneSecret(_OfSecrets):
    """A reference to a secret."""

    title, shown = "Read a reference to a secret", SecretShown


class RotationNow(_OfSecrets, Verb[SecretReference]):
    """The portal writes another value where it can; otherwise the owner is asked to."""

    title, shown, given = "Rotate a secret", RotationShown, Nothing

    def perform(self, row: SecretReference, given: Given) -> SecretRotation:  # noqa: ARG002 - Verb's
        return secret_rotations.rotate(actor=self.actor, secret=row)


class Breach(_OfSecrets, Verb[SecretReference]):
    """Nobody gets it until it is rotated; its leases end, and the old version with the rotation."""

    title, shown, given = "Declare a secret breached", RotationShown, BreachGiven

    def perform(self, row: SecretReference, given: Given) -> SecretRotation:
        return secret_rotations.declare_breached(actor=self.actor, secret=row, what=given["what"])


class EndOfLeases(_OfSecrets, Verb[SecretReference]):
    """Whoever holds it has to ask again."""

    title, shown, given = "End the leases of a secret", LeasesEnded, Nothing

    def perform(self, row: SecretReference, given: Given) -> Mapping[str, int]:  # noqa: ARG002 - Verb's
        return {"ended": secrets.end_leases_of_secret(actor=self.actor, secret=row)}


class EndOfSecret(_OfSecrets, Verb[SecretReference]):
    """Nobody gets it any more. Its store keeps it."""

    title, shown, given = "End a reference to a secret", SecretShown, ReasonGiven

    def perform(self, row: SecretReference, given: Given) -> SecretReference:
        return secret_references.end(actor=self.actor, secret=row, reason=given["reason"])


class Leases(Collection[SecretLease]):
    """Who was given which secret, by which decision, until when."""

    title, permission, shown = "List leases of secrets", "agents.view_secretlease", LeaseShown
    filters = {"secret": SLUG, "agent": Filter(serializers.SlugField(), "agent__slug")}

    def rows(self) -> QuerySet[SecretLease]:
        return SecretLease.objects.select_related("secret", "agent")


class Rotations(Collection[SecretRotation]):
    """Rotations of secrets: asked for, done, and over."""

    title, permission, shown = "List rotations of secrets", "agents.view_secretrotation", RotationShown
    filters = {"secret": SLUG}

    def rows(self) -> QuerySet[SecretRotation]:
        return SecretRotation.objects.select_related("secret")
