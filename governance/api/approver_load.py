"""How much approvers have to decide, and how they do (S4-2)."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.person import PersonName
from audits.api.base import Resource
from audits.api.problems import Problem, Refused
from governance import approver_load


class LoadShown(serializers.Serializer[Any]):
    person = PersonName(read_only=True)
    seat = serializers.CharField()
    pending = serializers.IntegerField(help_text="Requests that wait for this person's vote.")
    decided_week = serializers.IntegerField()
    decided_month = serializers.IntegerField()
    approved_percent = serializers.IntegerField(allow_null=True)
    dwell_seconds = serializers.FloatField(
        allow_null=True, help_text="Median of the time from opening the page to the vote, in 30 days."
    )
    quick = serializers.IntegerField(help_text="Votes sooner than anybody reads.")
    unopened = serializers.IntegerField(help_text="Votes on pages that were never opened before.")


class LoadsShown(serializers.Serializer[Any]):
    results = LoadShown(many=True)


class ApproverLoad(Resource):
    """The approvers with what waits for them, what they decided, and how long they looked at it."""

    title = "Read the approvers' load"
    permission, shown = "governance.view_vote", LoadsShown

    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        if not self.may_see():
            raise Refused(Problem.DENIED, "This person may not see this page in the portal either.")
        return self.present({"results": approver_load.loads()})
