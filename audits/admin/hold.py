"""Legal holds: what they cover is neither erased nor redacted nor pruned (S1-16)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from audits.admin.base import ActionVariant, AddByService, DialogForm, ServiceForm, dialog_action
from audits.admin.periods import moment
from audits.admin.reader import actor_of
from audits.admin.recorded import NamedReading
from audits.admin.rows import row_of
from audits.admin.show import (
    choice_column,
    reference_column,
    show_label,
    show_link,
    show_reference,
    show_time,
    time_column,
)
from audits.choices import CaseState, HoldScope
from audits.models import Case, Hold
from audits.services import holds


class PlaceForm(ServiceForm):
    """The input of `holds.place`."""

    title = forms.CharField(max_length=200)
    scope = forms.ChoiceField(choices=HoldScope.choices, label="Covers")
    subject = forms.CharField(
        required=False,
        max_length=200,
        help_text="For a person or an agent: person/<id> or agent/<id>, as on the pages of the ledger.",
    )
    case = forms.ModelChoiceField(
        queryset=Case.objects.filter(state=CaseState.OPEN), required=False, help_text="For a hold on a case."
    )
    since = moment("From", "By the time of the event; empty: from the start.")
    until = moment("To", "Empty: to the end.")
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}))


class ReleaseForm(DialogForm):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))


@admin.register(Hold)
class HoldAdmin(NamedReading, AddByService):
    """Legal holds, live and released."""

    list_title = "Legal holds"
    read_object = "holds"
    ledger_kind = "hold"
    add_form = PlaceForm
    add_title = "Place a legal hold"
    add_description = (
        "What the hold covers is neither erased nor redacted nor pruned, from now until a second person "
        "releases it."
    )
    add_submit = "Place hold"
    empty_text = "No legal hold. Place one to keep evidence from being erased, redacted or pruned."
    list_display = ("title", "state", "covers_text", "placed", "placer")
    list_filter = (("released_at", admin.EmptyFieldListFilter), "scope")
    list_select_related = ("case",)
    search_fields = ("title", "subject", "reason", "case__name")
    search_help_text = "Title, subject, reason, case"
    fieldsets = (
        (None, {"fields": (("title", "state"), "reason")}),
        ("What it covers", {"fields": (("scope_name", "covers_text"), ("from_time", "to_time"))}),
        ("Placed", {"fields": (("placer", "placed"),)}),
        ("Released", {"fields": (("releaser", "released"), "release_reason")}),
    )
    actions_detail = ("release",)

    scope_name = choice_column("scope", {}, "covers")
    placed = time_column("placed_at", "placed")
    placer = reference_column("placed_by", "placed by", full=True)
    released = time_column("released_at", "released")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        hold = self.get_object(request, str(object_id))
        if hold is None or not hold.is_live:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        hold = holds.place(actor=actor_of(request), **form.cleaned_data)
        return hold, f"The legal hold {hold} is placed. A second person releases it."

    @dialog_action(
        title="Release",
        description="What it covers follows its retention again. Whoever placed it cannot release it.",
        submit="Release",
        permissions=["audits.change_hold"],
        form_class=ReleaseForm,
        icon="lock_open",
        variant=ActionVariant.DANGER,
    )
    def release(self, request: HttpRequest, form: Any, object_id: str) -> str:
        hold = row_of(self.get_queryset(request), object_id)
        holds.release(actor=actor_of(request), hold=hold, reason=form.cleaned_data["reason"])
        return "Released."

    @admin.display(description="state", ordering="released_at")
    def state(self, hold: Hold) -> SafeString:
        return show_label("live", "warning") if hold.is_live else show_label("released", "default")

    @admin.display(description="about")
    def covers_text(self, hold: Hold) -> SafeString | str:
        if hold.case:
            return show_link(hold.case)
        return show_reference(hold.subject) if hold.subject else "Everybody"

    @admin.display(description="released by")
    def releaser(self, hold: Hold) -> SafeString | str:
        return show_reference(hold.released_by, full=True) if hold.released_by else ""

    @admin.display(description="from")
    def from_time(self, hold: Hold) -> SafeString | str:
        since = hold.reach[1]
        return show_time(since) if since else "The start"

    @admin.display(description="to")
    def to_time(self, hold: Hold) -> SafeString | str:
        until = hold.reach[2]
        return show_time(until) if until else "The end"
