"""Grants that nobody uses in full, and proposals to shrink them. Deciding needs the owner's side."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from agents.api.person import PersonName
from audits.api import paging
from audits.api.base import Collection, Filter, Given, Input, Item, Nothing, Rows, Shown, Verb
from governance import shrinking
from governance.api.grant import GrantShown
from governance.choices import ShrinkKind, ShrinkState
from governance.models import Grant, Shrinking
from governance.services import shrinkings

DAYS = serializers.IntegerField(
    min_value=shrinking.MIN_DAYS,
    max_value=shrinking.MAX_DAYS,
    required=False,
    help_text=f"So far back is looked; {shrinking.DAYS} where none are given.",
)


class ShrinkShown(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(ShrinkKind.choices)
    resource = serializers.CharField(help_text="What would be left; empty where nothing.")


class UnusedGrantShown(GrantShown):
    proposal: Any = serializers.SerializerMethodField(
        help_text="What it could shrink to; null where what was allowed before it is still covered by it."
    )

    class Meta(GrantShown.Meta):
        fields = (*GrantShown.Meta.fields, "proposal")

    @extend_schema_field(ShrinkShown(allow_null=True))
    def get_proposal(self, grant: Grant) -> dict[str, Any] | None:
        left = self.context["view"].could.get(grant.pk)
        return dict(ShrinkShown(left).data) if left else None


class UnusedGrants(Collection[Grant]):
    """Standing grants that were not used for long, or on one resource alone of those that they are for."""

    title = "List unused grants"
    permission, shown = "governance.view_grant", UnusedGrantShown
    filters = {"agent": Filter(serializers.SlugField(), "agent__slug")}

    def query_fields(self) -> "dict[str, serializers.Field[Any, Any, Any, Any]]":
        return super().query_fields() | {"days": DAYS}

    @property
    def days(self) -> int:
        days: int = self.asked.get("days", shrinking.DAYS)
        return days

    def rows(self) -> QuerySet[Grant]:
        return shrinking.idle(days=self.days).select_related("agent")

    def page(self, *, size: int, cursor: str) -> paging.Page[Grant]:
        found = super().page(size=size, cursor=cursor)
        grants: Sequence[Grant] = found.rows
        self.could = shrinking.proposals(grants, days=self.days)
        return found


class ShrinkingShown(Shown):
    proposed_by = PersonName(read_only=True)
    decided_by = PersonName(read_only=True, allow_null=True)

    class Meta:
        model = Shrinking
        fields = (
            "id",
            "grant",
            "kind",
            "resource",
            "days",
            "replayed",
            "state",
            "proposed_by",
            "proposed_at",
            "decided_by",
            "decided_at",
            "reason",
            "made",
        )


class OfShrinkings(Rows[Shrinking]):
    permission, shown = "governance.view_shrinking", ShrinkingShown

    def rows(self) -> QuerySet[Shrinking]:
        return Shrinking.objects.select_related("grant__agent", "proposed_by", "decided_by")


class Shrinkings(OfShrinkings, Collection[Shrinking]):
    """Proposals to end or narrow grants, those that are decided too."""

    title = "List proposals to shrink grants"
    filters = {
        "state": Filter(serializers.ChoiceField(ShrinkState.choices), "state"),
        "grant": Filter(serializers.UUIDField(), "grant"),
        "agent": Filter(serializers.SlugField(), "grant__agent__slug"),
    }


class OneShrinking(OfShrinkings, Item[Shrinking]):
    """A proposal to shrink a grant, with what was replayed."""

    title = "Read a proposal to shrink a grant"


class ShrinkGiven(Input):
    days = DAYS
    example = {"days": 90}


class ProposalToShrink(Verb[Grant]):
    """Proposes to end a grant, or to narrow it to the one resource that it was used on. Nothing changes
    before the owner's side confirms it."""

    title = "Propose to shrink a grant"
    permission, shown, given, done = "governance.view_grant", ShrinkingShown, ShrinkGiven, 201

    def rows(self) -> QuerySet[Grant]:
        return Grant.objects.select_related("agent")

    def perform(self, row: Grant, given: Given) -> Shrinking:
        return shrinkings.propose(actor=self.person, grant=row, **given)


class ConfirmationOfShrinking(OfShrinkings, Verb[Shrinking]):
    """Shrinks the grant, at once, after one more replay. It takes access away, so a token may."""

    title, given = "Confirm that a grant shrinks", Nothing

    def perform(self, row: Shrinking, given: Given) -> Shrinking:  # noqa: ARG002 - the base's signature
        shrinkings.carry_out(actor=self.person, proposal=row)
        return self.rows().get(pk=row.pk)
