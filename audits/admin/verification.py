from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audits.admin.recorded import RecordedReading
from audits.admin.show import EMPTY, choice_column, show_list, show_reference, time_column
from audits.admin.sight import as_seen, sight_of
from audits.choices import Verdict
from audits.models import Verification

COLOURS = {Verdict.SOUND: "success", Verdict.WRONG: "danger", Verdict.UNABLE: "warning"}


@admin.register(Verification)
class VerificationAdmin(RecordedReading):
    """What was verified when, by whom, and what was found."""

    ledger_kind = "verification"
    read_object = "verifications"
    change_form_template = "admin/audits/verification.html"
    empty_text = (
        "The ledger was not verified yet. It verifies itself every hour; "
        "`manage.py ledger verify` does it now."
    )
    list_display = ("began", "kind_name", "verdict_label", "what", "range_text", "problem_text", "by_whom")
    list_filter = ("verdict", "kind")
    sortable_by = ()
    fieldsets = (
        (None, {"fields": (("kind_name", "verdict_label"), ("what", "range_text"), "by_whom")}),
        ("What was found", {"fields": ("place_text", "problem_text", "warnings_text")}),
        ("When", {"fields": (("began", "ended"), "event_link")}),
    )

    verdict_label = choice_column("verdict", COLOURS, "verdict")
    began = time_column("started_at", "started")
    ended = time_column("ended_at", "ended")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Verification]:
        rows: QuerySet[Verification] = super().get_queryset(request)
        return as_seen(rows, request)

    def ledger_object(self, instance: Verification) -> str:
        return ""

    def story(self, request: HttpRequest, instance: Verification) -> Mapping[str, Any]:
        if instance.verdict == Verdict.SOUND:
            return {}
        at = f"At {instance.place}: " if instance.place else ""
        return {"alarm": sight_of(instance).text(f"{at}{instance.problem}")}

    @admin.display(description="what")
    def kind_name(self, row: Verification) -> str:
        return row.get_kind_display()

    @admin.display(description="subject")
    def what(self, row: Verification) -> SafeString:
        return sight_of(row).reference(row.subject) if row.subject else EMPTY

    @admin.display(description="entries")
    def range_text(self, row: Verification) -> str:
        if not row.entries:
            return ""
        return f"{row.entries:,} of {row.first:,} to {row.size - 1:,}"

    @admin.display(description="place")
    def place_text(self, row: Verification) -> str:
        return sight_of(row).text(row.place)

    @admin.display(description="problem")
    def problem_text(self, row: Verification) -> str:
        return sight_of(row).text(row.problem)

    @admin.display(description="warnings")
    def warnings_text(self, row: Verification) -> SafeString:
        return show_list([sight_of(row).text(warning) for warning in row.warnings])

    @admin.display(description="by")
    def by_whom(self, row: Verification) -> SafeString:
        return sight_of(row).reference(row.by)

    @admin.display(description="event")
    def event_link(self, row: Verification) -> SafeString:
        return show_reference(f"event/{row.event}", full=True) if row.event else EMPTY
