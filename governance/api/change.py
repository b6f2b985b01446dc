"""What a version changes (S1-24): the board votes on it, so it is written before that."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.agent import OfAnAgent
from agents.api.person import PersonName
from agents.models import AgentVersion
from audits.api.base import Given, Input, Item, Shown
from governance.choices import ChangeKind
from governance.models import ChangeRequest
from governance.services import changes

LONGEST_TEXT = 20_000


class ChangeRequestShown(Shown):
    version: Any = serializers.SlugRelatedField(slug_field="label", read_only=True)
    kinds = serializers.ListField(child=serializers.ChoiceField(ChangeKind.choices), read_only=True)
    requested_by = PersonName(read_only=True)

    class Meta:
        model = ChangeRequest
        fields = (
            "id",
            "version",
            "kinds",
            *changes.TEXTS,
            "requested_by",
            "requested_at",
        )


class ChangeRequestGiven(Input):
    example = {
        "kinds": ["model"],
        "summary": "A newer model, which reads tables.",
        "impact": "Whoever reads its answers; they may be wrong in other ways.",
        "monitoring_plan": "Answers that people correct; more than one in twenty is too much.",
        "rollback_plan": "Roll the release back; nothing stays behind.",
    }

    kinds = serializers.ListField(child=serializers.ChoiceField(ChangeKind.choices), max_length=20)
    summary = serializers.CharField(max_length=LONGEST_TEXT)
    impact = serializers.CharField(max_length=LONGEST_TEXT)
    monitoring_plan = serializers.CharField(max_length=LONGEST_TEXT)
    rollback_plan = serializers.CharField(max_length=LONGEST_TEXT)


class Change(OfAnAgent, Item[AgentVersion]):
    """What a version changes, how it is watched and undone. It stands once the board is at it."""

    title, change_title = "Read what a version changes", "Say what a version changes"
    permission, shown, given = "governance.view_changerequest", ChangeRequestShown, ChangeRequestGiven

    def rows(self) -> QuerySet[AgentVersion]:
        return AgentVersion.objects.filter(agent=self.agent).select_related(
            "agent", "change_request__requested_by"
        )

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"label": path["label"]}

    def get(self, request: Request, **path: Any) -> Response:  # noqa: ARG002 - the framework's signature
        version = self.row(self.rows(), **self.named(path))
        described = getattr(version, "change_request", None)
        if described is None:
            raise Http404
        return self.present(described)

    def put(self, request: Request, **path: Any) -> Response:  # noqa: ARG002 - as above
        version = self.row(self.rows(), **self.named(path))
        given: Given = self.take()
        return self.present(changes.describe(actor=self.person, version=version, **given))
