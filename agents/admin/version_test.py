"""What the tests of versions came to; most records come from CI, some from a person."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin.who import show_who
from agents.choices import LABELS, VersionTestKind, VersionTestOutcome
from agents.models import AgentDocument, AgentVersion, Person, VersionTest
from agents.services import version_tests
from agents.suite_results import SuiteResult
from audits.admin.base import AddByService, Section, ServiceForm
from audits.admin.show import (
    EMPTY,
    choice_column,
    digest_column,
    foreign_column,
    link_column,
    show_choice,
    show_foreign,
    show_link,
    show_time,
    time_column,
)

PIPELINE = "who recorded the test"


def show_counts(test: VersionTest) -> str:
    return f"{test.passed} passed, {test.failed} failed, {test.skipped} skipped"


TESTS = Section(
    name="tests",
    title="Test records",
    model=VersionTest,
    rows=lambda version: version.tests.all(),
    columns={
        "Test": lambda test: show_link(test, test.get_kind_display()),
        "Suite": lambda test: show_foreign(test.suite, PIPELINE),
        "Outcome": lambda test: show_choice(test, "outcome", LABELS),
        "Tests": show_counts,
        "Ran": lambda test: show_time(test.ended_at),
        "Recorded": lambda test: show_time(test.recorded_at),
    },
    empty="No test of it is recorded. A pipeline records them over the API; a person can as well.",
    per_page=5,
)
TESTS_OF_AGENT = Section(
    name="tests",
    title="Test records",
    model=VersionTest,
    rows=lambda agent: VersionTest.objects.filter(version__agent=agent).select_related("version"),
    columns={"Version": lambda test: test.version.label, **TESTS.columns},
    empty="No test of its versions is recorded.",
    per_page=5,
)


class RecordForm(ServiceForm):
    """The input of `version_tests.record`, as a person fills it in."""

    version = forms.ModelChoiceField(
        queryset=AgentVersion.objects.select_related("agent").order_by("agent__name", "-added_at"),
        empty_label=None,
    )
    kind = forms.ChoiceField(choices=VersionTestKind)
    suite = forms.CharField(max_length=200, help_text="What was run or played, for example tabletop/2026-03.")
    outcome = forms.ChoiceField(choices=VersionTestOutcome)
    passed = forms.IntegerField(min_value=0, initial=1, help_text="Tests or scenarios that passed.")
    failed = forms.IntegerField(min_value=0, initial=0)
    skipped = forms.IntegerField(min_value=0, initial=0)
    started_at = forms.DateTimeField(label="Started, in UTC", initial=timezone.now)
    ended_at = forms.DateTimeField(label="Ended, in UTC", initial=timezone.now)
    tool = forms.CharField(max_length=100, help_text="What ran it; people, for an exercise.")
    run_id = forms.CharField(
        label="Name of the run", max_length=200, help_text="Unique among those of the version and the kind."
    )
    run_url = forms.URLField(label="Link to the run", max_length=500, required=False, assume_scheme="https")
    document = forms.ModelChoiceField(
        queryset=AgentDocument.objects.defer("content").select_related("agent"),
        required=False,
        help_text="The report, attached to the agent.",
    )


@admin.register(VersionTest)
class VersionTestAdmin(AddByService):
    """Test records (S1-26): which suite ran on which version, and what came of it."""

    ledger_kind = "test"
    list_title = "Test records"
    empty_text = "No test is recorded yet. Give a pipeline a credential, and let it record what it runs."
    untrusted_text = "Suites, tools and names of runs are the words of those who recorded them."
    add_form = RecordForm
    add_title = "Record a test"
    add_description = (
        "For exercises and tests that no pipeline runs. A record does not change: the next run is recorded."
    )
    add_submit = "Record"
    list_display = ("suite_text", "kind_name", "version_link", "outcome_label", "counts", "ended", "recorded")
    list_filter = ("outcome", "kind")
    list_select_related = ("version__agent",)
    search_fields = ("suite", "run_id", "commit", "version__label", "version__agent__slug", "report_sha256")
    search_help_text = "Suite, run, commit, version, agent, digest of the report"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("version_link", "outcome_label"),
                    ("kind_name", "suite_text"),
                    ("counts", "tool_text"),
                    ("started", "ended"),
                )
            },
        ),
        (
            "Where it comes from",
            {
                "fields": (
                    ("run_text", "run_link"),
                    ("commit_full", "document_link"),
                    "report_full",
                    "version_full",
                    ("recorder", "recorded"),
                )
            },
        ),
    )

    version_link = link_column("version", "version")
    document_link = link_column("document", "report")
    outcome_label = choice_column("outcome", LABELS, "outcome")
    suite_text = foreign_column("suite", PIPELINE, "suite")
    run_text = foreign_column("run_id", PIPELINE, "run")
    started = time_column("started_at", "started")
    ended = time_column("ended_at", "ran")
    recorded = time_column("recorded_at", "recorded")
    commit_full = digest_column("commit", "commit", full=True)
    report_full = digest_column("report_sha256", "report, SHA-256", full=True)
    version_full = digest_column("version_digest", "provenance that was tested, SHA-256", full=True)

    def get_list_display_links(self, request: HttpRequest, list_display: Any) -> list[str]:
        return ["suite_text"]

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        given = dict(form.cleaned_data)
        version, document = given.pop("version"), given.pop("document")
        person = request.user
        assert isinstance(person, Person)  # noqa: S101 - the admin lets nobody else in
        test, new = version_tests.record(
            actor=person.actor, version=version, result=SuiteResult(**given), document=document
        )
        return test, "Recorded." if new else "This run was recorded already; nothing changed."

    @admin.display(description="kind", ordering="kind")
    def kind_name(self, test: VersionTest) -> str:
        return test.get_kind_display()

    @admin.display(description="tests")
    def counts(self, test: VersionTest) -> str:
        return show_counts(test)

    @admin.display(description="tool")
    def tool_text(self, test: VersionTest) -> SafeString:
        return show_foreign(f"{test.tool} {test.tool_version}".strip(), PIPELINE)

    @admin.display(description="link to the run")
    def run_link(self, test: VersionTest) -> SafeString:
        if not test.run_url:
            return EMPTY
        return format_html(
            '<a class="cs-link" href="{0}" rel="noopener noreferrer nofollow" target="_blank">{0}'
            '<span class="sr-only"> (opens in a new window)</span></a>',
            test.run_url,
        )

    @admin.display(description="recorded by")
    def recorder(self, test: VersionTest) -> str:
        return show_who(test.recorded_by)
