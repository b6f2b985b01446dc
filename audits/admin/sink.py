from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audits.admin.base import DialogForm, ReadOnlyAdmin, dialog_action
from audits.admin.reader import actor_of
from audits.admin.rows import row_of
from audits.admin.show import show_foreign, show_label, show_time, show_untrusted, time_column
from audits.models import Entry, SinkCursor
from audits.services import siem

RECEIVER = "the receiver or the network"


class ReplayForm(DialogForm):
    """The input of `siem.replay`."""

    seq = forms.IntegerField(
        min_value=0, label="From entry", help_text="The entry of the ledger to begin with; 0 is the first."
    )


@admin.register(SinkCursor)
class SinkCursorAdmin(ReadOnlyAdmin):
    """Where each SIEM stands. Sinks are named in the settings; nothing secret of them is shown."""

    list_title = "SIEM sinks"
    ledger_kind = "sink"
    empty_text = "No SIEM is told. Name one in COUNTERSIGN_SIEM, for example ocsf+syslog+tls://host:6514."
    list_display = (
        "name", "format_name", "state", "next_seq", "waiting", "oldest", "delivered", "error_short",
    )  # fmt: skip
    search_fields = ("name", "error")
    search_help_text = "Sink, error"
    fieldsets = (
        (None, {"fields": (("name", "state"), ("format_name", "parts"))}),
        ("How far it is", {"fields": (("next_seq", "waiting"), ("oldest", "delivered"))}),
        ("What went wrong", {"fields": (("failing", "retry"), "attempts", "error_full")}),
    )
    actions_detail = ("replay_from",)

    delivered = time_column("delivered_at", "last confirmed")
    failing = time_column("failing_since", "failing since")
    retry = time_column("retry_at", "tried again")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SinkCursor]:
        last = Entry.objects.order_by("-seq").values("seq")[:1]
        oldest = Entry.objects.filter(seq__gte=OuterRef("next_seq")).order_by("seq").values("sealed_at")[:1]
        cursors: QuerySet[SinkCursor] = super().get_queryset(request)
        return cursors.annotate(
            behind=Greatest(Coalesce(Subquery(last), -1) + 1 - F("next_seq"), 0),
            behind_since=Subquery(oldest),
        )

    @admin.display(description="format", ordering="name")
    def format_name(self, cursor: SinkCursor) -> str:
        return {"ocsf": "OCSF 1.7", "cef": "CEF", "json": "JSON"}[cursor.name.partition("+")[0]]

    @admin.display(description="what is sent")
    def parts(self, cursor: SinkCursor) -> str:
        sink = siem.configured().get(cursor.name)
        if sink is None:
            return ""
        return "headers, payloads and names" if sink.payload else "headers alone: no payload and no name"

    @admin.display(description="state")
    def state(self, cursor: SinkCursor) -> SafeString:
        if cursor.name not in siem.configured():
            return show_label("not configured any more", "default")
        return show_label("failing", "danger") if cursor.error else show_label("well", "success")

    @admin.display(description="waiting", ordering="behind")
    def waiting(self, cursor: Any) -> str:
        return f"{cursor.behind:,}"

    @admin.display(description="oldest waits since", ordering="behind_since")
    def oldest(self, cursor: Any) -> SafeString:
        return show_time(cursor.behind_since)

    @admin.display(description="last error")
    def error_short(self, cursor: SinkCursor) -> SafeString:
        return show_foreign(cursor.error, RECEIVER)

    @admin.display(description="last error")
    def error_full(self, cursor: SinkCursor) -> SafeString:
        return show_untrusted(cursor.error, RECEIVER)

    @dialog_action(
        title="Replay from an entry",
        description="The sink is told everything again from this entry of the ledger on. Each record keeps "
        "its id, so that the receiver can tell repetitions. The replay is recorded.",
        submit="Replay",
        permissions=("audits.change_sinkcursor",),
        form_class=ReplayForm,
        icon="replay",
    )
    def replay_from(self, request: HttpRequest, form: Any, object_id: str) -> str:
        cursor = row_of(SinkCursor.objects.all(), object_id)
        seq = form.cleaned_data["seq"]
        siem.replay(actor=actor_of(request), name=cursor.name, seq=seq)
        return f"{cursor.name} is told again from entry {seq} on."
