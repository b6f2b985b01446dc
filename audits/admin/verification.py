from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from audits.admin.base import AddByService
from audits.admin.reader import actor_of
from audits.admin.recorded import RecordedReading
from audits.admin.show import EMPTY, choice_column, show_list, show_reference, time_column
from audits.admin.sight import as_seen, sight_of
from audits.admin.verify_now import VerifyForm
from audits.choices import Verdict
from audits.models import Verification
from audits.queue import enqueue
from audits.services import verification
from audits.tasks import verify_on_request

COLOURS = {
    Verdict.SOUND: "success",
    Verdict.WRONG: "danger",
    Verdict.UNABLE: "warning",
    Verdict.PENDING: "info",
}


@admin.register(Verification)
class VerificationAdmin(RecordedReading, AddByService):
    """What was verified when, by whom, and what was found."""

    ledger_kind = "verification"
    read_object = "verifications"
    change_form_template = "admin/audits/verification.html"
    add_form = VerifyForm
    add_title = "Verify now"
    add_description = (
        "Recomputed from its bytes in the background; the verdict stands in the list for good, and is an "
        "event. An ordinary machine checks some thousand entries a second."
    )
    add_submit = "Verify now"
    empty_text = "The ledger was not verified yet. It verifies itself every hour; Verify now does it at once."
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

    def has_add_permission(self, request: HttpRequest) -> bool:
        """As for one event: whoever reads the ledger may have it recomputed."""
        return bool(self.has_view_permission(request) and request.user.has_perm("audits.view_event"))

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        row = verification.request(actor=actor_of(request), **form.cleaned_data)
        enqueue(verify_on_request, str(row.pk))
        return row, "It is being verified."

    def ledger_object(self, instance: Verification) -> str:
        return ""

    def story(self, request: HttpRequest, instance: Verification) -> Mapping[str, Any]:
        if instance.verdict == Verdict.PENDING:
            return {"going_on": True, "done": f"{instance.entries:,} of {instance.size:,} entries"}
        if instance.verdict == Verdict.SOUND:
            return {}
        at = f"At {instance.place}: " if instance.place else ""
        return {"alarm": sight_of(instance).text(f"{at}{instance.problem}")}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *arguments: Any, obj: Any = None, **options: Any
    ) -> HttpResponse:
        """A page that follows a verification is fetched whole once the verdict is there."""
        response = super().render_change_form(request, context, *arguments, obj=obj, **options)
        if obj is not None and obj.verdict != Verdict.PENDING and request.headers.get("HX-Request") == "true":
            response.headers["HX-Refresh"] = "true"
        return response

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
        if row.verdict == Verdict.PENDING:
            return f"{row.entries:,} of {row.size:,} so far"
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
