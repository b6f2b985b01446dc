"""What the board decides on. People vote in the portal; here it is only read (promise 5)."""

from typing import Any, NoReturn

import orjson
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from agents.api.agent import AgentName
from agents.api.person import PersonName
from audits.api.base import Collection, Filter, Item, Nothing, Resource, Shown
from audits.api.problems import Problem, Refused
from governance import selectors
from governance.choices import ApprovalState, ApprovalSubject, Discipline
from governance.models import Approval, Vote


class VoteShown(Shown):
    person = PersonName(read_only=True)

    class Meta:
        model = Vote
        fields = ("person", "discipline", "choice", "comment", "digest", "voted_at")


class RuleShown(serializers.Serializer[Any]):
    """What it takes, frozen with the request."""

    seats = serializers.ListField(child=serializers.ChoiceField(Discipline.choices))
    quorum = serializers.IntegerField()
    veto = serializers.BooleanField()


class TallyShown(serializers.Serializer[Any]):
    """Where the votes stand."""

    approvals = serializers.IntegerField()
    missing_people = serializers.IntegerField()
    missing_seats = serializers.ListField(child=serializers.ChoiceField(Discipline.choices))


class ApprovalShown(Shown):
    agent = AgentName(read_only=True)
    requested_by = PersonName(read_only=True)
    rule = RuleShown(read_only=True)

    class Meta:
        model = Approval
        fields = (
            "id",
            "subject",
            "subject_id",
            "agent",
            "title",
            "digest",
            "revision",
            "rule",
            "requested_by",
            "requested_at",
            "expires_at",
            "state",
            "resolved_at",
            "reason",
        )


class WholeApproval(ApprovalShown):
    content = serializers.SerializerMethodField(help_text="What is decided on; `digest` is over its bytes.")
    content_text = serializers.CharField(
        source="content",
        read_only=True,
        help_text="The exact bytes (RFC 8785), of which `digest` is the SHA-256.",
    )
    tally = serializers.SerializerMethodField()
    votes = VoteShown(many=True, read_only=True)

    class Meta(ApprovalShown.Meta):
        fields = (*ApprovalShown.Meta.fields, "content", "content_text", "tally", "votes")  # type: ignore[assignment]

    def get_content(self, approval: Approval) -> dict[str, Any]:
        content: dict[str, Any] = orjson.loads(approval.content)
        return content

    @extend_schema_field(TallyShown)
    def get_tally(self, approval: Approval) -> dict[str, Any]:
        shown: dict[str, Any] = TallyShown(selectors.tally(approval)).data
        return shown


class Approvals(Collection[Approval]):
    """Requests to the board and to the approvers of elevations."""

    title = "List approvals"
    permission, shown = "governance.view_approval", ApprovalShown
    filters = {
        "state": Filter(serializers.ChoiceField(ApprovalState.choices), "state"),
        "subject": Filter(serializers.ChoiceField(ApprovalSubject.choices), "subject"),
        "subject_id": Filter(serializers.UUIDField(), "subject_id"),
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "digest": Filter(serializers.CharField(max_length=64), "digest"),
    }

    def rows(self) -> QuerySet[Approval]:
        return Approval.objects.select_related("agent", "requested_by")


class OneApproval(Item[Approval]):
    """A request with the content that is decided on, the tally, and the votes."""

    title = "Read an approval"
    permission, shown = "governance.view_approval", WholeApproval

    def rows(self) -> QuerySet[Approval]:
        return Approval.objects.select_related("agent", "requested_by").prefetch_related("votes__person")


class Votes(Resource):
    """There is no voting by API: this address says so to whoever looks for it. A vote is a person's
    signature, by somebody who has just proved in the portal who they are."""

    title = "Voting needs a person"
    shown, given = Nothing, Nothing
    also = (Problem.VOTING_NEEDS_A_PERSON,)

    def post(self, request: Request, **_path: Any) -> NoReturn:  # noqa: ARG002 - the framework's signature
        raise Refused(Problem.VOTING_NEEDS_A_PERSON, "Sign in to the portal and vote on the approval's page.")
