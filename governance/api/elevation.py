"""Write elevation (S1-9): a token may ask for it and end it; people approve it, in the portal."""

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentName
from agents.api.person import PersonName
from agents.models import Agent, ProposedAction
from audits.api.base import Filter, Given, GrowingCollection, Input, Item, Shown, Verb
from governance.choices import ElevationEnd, ElevationState
from governance.models import Elevation
from governance.services import elevations

LONGEST_INTENT = 4000


class ElevationShown(Shown):
    agent = AgentName(read_only=True)
    requested_by = PersonName(read_only=True)
    asked_by = serializers.CharField(
        source="asked_by.spiffe_id",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="The copy of the agent that asked by itself; null where a person asked.",
    )

    class Meta:
        model = Elevation
        fields = (
            "id",
            "agent",
            "proposal",
            "action",
            "resource",
            "intent",
            "minutes",
            "uses",
            "latest_end",
            "revision",
            "used",
            "requested_by",
            "asked_by",
            "requested_at",
            "state",
            "starts_at",
            "ends_at",
            "ended_at",
            "end_reason",
        )


class ElevationGiven(Input):
    example = {
        "agent": "vulnerability-analyst",
        "action": "open_ticket",
        "resource": "finding/01999999-9999-7999-8999-999999999999",
        "intent": "Open the ticket that the analyst proposed.",
        "minutes": 10,
        "uses": 1,
    }

    agent = serializers.SlugRelatedField(slug_field="slug", queryset=Agent.objects.all())
    action = serializers.CharField(
        max_length=100, help_text="A function of the approved version that writes."
    )
    resource = serializers.CharField(
        max_length=300, help_text="One, or a class of them: the manifest's template with * for each place."
    )
    intent = serializers.CharField(
        max_length=LONGEST_INTENT, help_text="What it is for; the approvers read it."
    )
    minutes = serializers.IntegerField(min_value=1, max_value=10_000)
    uses = serializers.IntegerField(min_value=1, max_value=elevations.MAX_USES)
    latest_end = serializers.DateTimeField(
        required=False, help_text="It ends then, however many minutes are left."
    )
    proposal = serializers.PrimaryKeyRelatedField(queryset=ProposedAction.objects.all(), required=False)


class RevisionGiven(Input):
    example = {
        "revision": 1,
        "resource": "finding/01999999-9999-7999-8999-999999999999",
        "intent": "Open the ticket that the analyst proposed.",
        "minutes": 5,
        "uses": 1,
    }

    revision = serializers.IntegerField(min_value=1, help_text="The one that this edits.")
    resource = serializers.CharField(max_length=300)
    intent = serializers.CharField(max_length=LONGEST_INTENT)
    minutes = serializers.IntegerField(min_value=1, max_value=10_000)
    uses = serializers.IntegerField(min_value=1, max_value=elevations.MAX_USES)
    latest_end = serializers.DateTimeField(required=False, allow_null=True)


class Elevations(GrowingCollection[Elevation]):
    """Write elevations. Asking for one opens nothing: the approvers of the risk class decide, in the
    portal."""

    title, add_title = "List write elevations", "Ask for write elevation"
    permission, adding, item = "governance.view_elevation", "governance.add_elevation", "elevation"
    shown, given = ElevationShown, ElevationGiven
    filters = {
        "state": Filter(serializers.ChoiceField(ElevationState.choices), "state"),
        "end_reason": Filter(serializers.ChoiceField(ElevationEnd.choices), "end_reason"),
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "proposal": Filter(serializers.UUIDField(), "proposal"),
    }

    def rows(self) -> QuerySet[Elevation]:
        return _elevations()

    def add(self, given: Given) -> Elevation:
        return elevations.request(actor=self.person, **given)


class OneElevation(Item[Elevation]):
    """A write elevation: its limits, how much of it is used, how it ended."""

    title = "Read a write elevation"
    permission, shown = "governance.view_elevation", ElevationShown

    def rows(self) -> QuerySet[Elevation]:
        return _elevations()


class Revision(Verb[Elevation]):
    """Words a pending request anew. Votes on the wording before are void: it is asked for again."""

    title = "Revise a write elevation"
    permission, shown, given = "governance.view_elevation", ElevationShown, RevisionGiven

    def rows(self) -> QuerySet[Elevation]:
        return _elevations()

    def perform(self, row: Elevation, given: Given) -> Elevation:
        return elevations.revise(actor=self.person, elevation=row, **given)


class Revocation(Verb[Elevation]):
    """Ends a write elevation at once, or withdraws one that nobody has decided yet."""

    title = "End a write elevation"
    permission, shown = "governance.view_elevation", ElevationShown

    def rows(self) -> QuerySet[Elevation]:
        return _elevations()

    def perform(self, row: Elevation, given: Given) -> Elevation:  # noqa: ARG002 - the base's signature
        return elevations.end(actor=self.actor, elevation=row, reason=ElevationEnd.REVOKED)


def _elevations() -> QuerySet[Elevation]:
    return Elevation.objects.select_related("agent", "requested_by", "asked_by__agent")
