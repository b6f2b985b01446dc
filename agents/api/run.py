"""Runs of the analyst."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentName
from agents.choices import RunReason, RunState
from agents.models import Report, Run
from agents.services import runs
from audits.api.base import Filter, Given, GrowingCollection, Input, Item, Shown


class RunShown(Shown):
    agent = AgentName(read_only=True)
    version: Any = serializers.SlugRelatedField(slug_field="label", read_only=True, allow_null=True)
    caps = serializers.DictField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = Run
        fields = (
            "id",
            "agent",
            "report",
            "version",
            "state",
            "reason",
            "detail",
            "planner",
            "caps",
            "turns",
            "calls",
            "tokens",
            "findings_done",
            "findings_failed",
            "requested_by",
            "queued_at",
            "started_at",
            "ended_at",
        )


class RunGiven(Input):
    example = {"report": "01999999-9999-7999-8999-999999999999"}

    report = serializers.PrimaryKeyRelatedField(queryset=Report.objects.all())


class Runs(GrowingCollection[Run]):
    """Passes of the analyst over reports. A new one waits for a worker."""

    title, add_title = "List runs", "Queue a run"
    permission, item = "agents.view_run", "run"
    shown, given = RunShown, RunGiven
    filters = {
        "state": Filter(serializers.ChoiceField(RunState.choices), "state"),
        "reason": Filter(serializers.ChoiceField(RunReason.choices), "reason"),
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "report": Filter(serializers.UUIDField(), "report"),
    }

    def rows(self) -> QuerySet[Run]:
        return Run.objects.select_related("agent", "version")

    def add(self, given: Given) -> Run:
        return runs.queue(actor=self.actor, report=given["report"])


class OneRun(Item[Run]):
    """A run: how far it came, and why it ended."""

    title = "Read a run"
    permission, shown = "agents.view_run", RunShown

    def rows(self) -> QuerySet[Run]:
        return Run.objects.select_related("agent", "version")
