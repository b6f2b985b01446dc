"""Releases (S1-18). A token takes a version back; giving it a larger share needs a person at the portal."""

from typing import Any, NoReturn

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request

from agents.api.agent import AgentName, OfAnAgent, ReasonGiven
from audits.api.base import Collection, Filter, Given, Item, Nothing, Resource, Shown, Verb
from audits.api.problems import Problem, Refused
from governance.choices import ReleaseState
from governance.models import Release
from governance.services import releases

PERMISSION = "governance.view_release"


class ReleaseShown(Shown):
    agent = AgentName(read_only=True)
    version: Any = serializers.SlugRelatedField(slug_field="label", read_only=True)
    previous: Any = serializers.SlugRelatedField(slug_field="label", read_only=True)
    steps = serializers.ListField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = Release
        fields = (
            "id",
            "agent",
            "version",
            "approval",
            "previous",
            "previous_digest",
            "steps",
            "percent",
            "state",
            "started_at",
            "step_at",
            "ended_at",
            "reason",
        )


class WholeRelease(ReleaseShown):
    why_not_promoted = serializers.SerializerMethodField(
        help_text="What the promotion gate says now; empty where it may go on, or is over."
    )

    class Meta(ReleaseShown.Meta):
        fields = (*ReleaseShown.Meta.fields, "why_not_promoted")  # type: ignore[assignment]

    def get_why_not_promoted(self, release: Release) -> list[str]:
        return releases.why_not_promote(release) if release.state == ReleaseState.UNDER_WAY else []


def _releases() -> QuerySet[Release]:
    return Release.objects.select_related("agent", "version", "previous")


class Releases(OfAnAgent, Collection[Release]):
    """How the versions of an agent that the board approved came to their tasks."""

    title = "List the releases of an agent"
    permission, shown = PERMISSION, ReleaseShown
    filters = {"state": Filter(serializers.ChoiceField(ReleaseState.choices), "state")}

    def rows(self) -> QuerySet[Release]:
        return _releases().filter(agent=self.agent)


class OneRelease(Item[Release]):
    """A release: its share, and what stands against the next one."""

    title = "Read a release"
    permission, shown = PERMISSION, WholeRelease

    def rows(self) -> QuerySet[Release]:
        return _releases()


class Rollback(Verb[Release]):
    """Takes a version back, at once: every task belongs to the version before it again."""

    title = "Roll a release back"
    permission, shown, given = PERMISSION, WholeRelease, ReasonGiven

    def rows(self) -> QuerySet[Release]:
        return _releases()

    def perform(self, row: Release, given: Given) -> Release:
        releases.roll_back(actor=self.person, release=row, reason=given["reason"])
        return _releases().get(pk=row.pk)


class Promotion(Resource):
    """There is no promoting by API: this address says so to whoever looks for it. A promotion gives a
    version more to do, by somebody who has just proved in the portal who they are."""

    title = "Promoting needs a person"
    shown, given = Nothing, Nothing
    also = (Problem.NEEDS_A_PERSON,)

    def post(self, request: Request, **_path: Any) -> NoReturn:  # noqa: ARG002 - the framework's signature
        raise Refused(Problem.NEEDS_A_PERSON, "Sign in to the portal and promote on the release's page.")
