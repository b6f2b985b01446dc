"""What pipelines and people recorded of tests of a version (S1-26). Pipelines have `POST tests`."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import OfAnAgent
from agents.choices import VersionTestKind, VersionTestOutcome
from agents.models import VersionTest
from agents.services import version_tests
from agents.suite_results import LONGEST, MOST_TESTS, SuiteResult
from audits.api.base import Filter, Given, GrowingCollection, Input, Item, Shown


class VersionTestShown(Shown):
    version: Any = serializers.SlugRelatedField(slug_field="label", read_only=True)

    class Meta:
        model = VersionTest
        fields = (
            "id",
            "version",
            "version_digest",
            "kind",
            "suite",
            "outcome",
            "passed",
            "failed",
            "skipped",
            "started_at",
            "ended_at",
            "tool",
            "tool_version",
            "commit",
            "run_id",
            "run_url",
            "report_sha256",
            "document",
            "recorded_by",
            "recorded_at",
        )


def _text(name: str, **options: Any) -> serializers.CharField:
    return serializers.CharField(max_length=LONGEST[name], **options)


def _count() -> serializers.IntegerField:
    return serializers.IntegerField(min_value=0, max_value=MOST_TESTS)


class VersionTestGiven(Input):
    example = {
        "version": "1.0.0",
        "kind": "tabletop",
        "suite": "The model invents an invoice",
        "outcome": "passed",
        "passed": 4,
        "failed": 0,
        "skipped": 0,
        "started_at": "2026-03-01T11:00:00Z",
        "ended_at": "2026-03-01T12:30:00Z",
        "tool": "by hand",
        "run_id": "2026-03-01",
    }

    version = serializers.CharField(max_length=50, help_text="Label.")
    kind = serializers.ChoiceField(VersionTestKind.choices)
    suite = _text("suite")
    outcome = serializers.ChoiceField(VersionTestOutcome.choices)
    passed, failed, skipped = _count(), _count(), _count()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    tool = _text("tool")
    run_id = _text("run_id", help_text="The same run is recorded once.")
    tool_version = _text("tool_version", allow_blank=True, required=False)
    commit = serializers.CharField(max_length=64, allow_blank=True, required=False)
    run_url = _text("run_url", allow_blank=True, required=False)
    report_sha256 = serializers.CharField(max_length=64, allow_blank=True, required=False)


class OfVersionTests(OfAnAgent):
    permission, shown = "agents.view_versiontest", VersionTestShown

    def rows(self) -> QuerySet[VersionTest]:
        return VersionTest.objects.filter(version__agent=self.agent).select_related("version")


class VersionTests(OfVersionTests, GrowingCollection[VersionTest]):
    """Runs of test suites on the versions of an agent. A record never changes; the next run is another."""

    title, add_title = "List the test records of an agent", "Record a test run"
    adding, item, given = "agents.add_versiontest", "version_test", VersionTestGiven
    filters = {
        "version": Filter(serializers.CharField(max_length=50, help_text="Label."), "version__label"),
        "kind": Filter(serializers.ChoiceField(VersionTestKind.choices), "kind"),
        "outcome": Filter(serializers.ChoiceField(VersionTestOutcome.choices), "outcome"),
    }

    def add(self, given: Given) -> VersionTest:
        version = self.agent.versions.filter(label=given.pop("version")).first()
        if version is None:
            raise serializers.ValidationError({"version": ["A version of this label does not exist here."]})
        record, _is_new = version_tests.record(actor=self.actor, version=version, result=SuiteResult(**given))
        return record

    def names(self, row: VersionTest) -> Mapping[str, Any]:
        return {"slug": self.kwargs["slug"], "id": row.pk}


class OneVersionTest(OfVersionTests, Item[VersionTest]):
    """One run of one suite."""

    title = "Read a test record"
