"""Cases: which evidence belongs to a matter (S1-16)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from audits.admin.base import ActionVariant, AddByService, DialogForm, Section, ServiceForm, dialog_action
from audits.admin.periods import moment
from audits.admin.reader import actor_of
from audits.admin.recorded import NamedReading
from audits.admin.references import is_uuid
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
from audits.choices import CaseState
from audits.models import Case, Hold
from audits.services import cases

COLOURS = {CaseState.OPEN: "info", CaseState.CLOSED: "default"}
SUBJECTS = "One reference a line, for example agent/0197…, as on the pages of the ledger. Empty: everything."


def subjects_field() -> forms.CharField:
    return forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 4}), help_text=SUBJECTS)


class OpenCaseForm(ServiceForm):
    """The input of `cases.open_case`."""

    name = forms.CharField(max_length=200)
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    subjects = subjects_field()
    since = moment("From", "Empty: from the start.")
    until = moment("To", "Empty: to the end.")


class AmendCaseForm(DialogForm):
    """The input of `cases.amend`, as the case is now."""

    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 3}))
    subjects = subjects_field()
    since = moment("From", "Empty: from the start.")
    until = moment("To", "Empty: to the end.")
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        case = Case.objects.filter(pk=self.object_id).first() if is_uuid(self.object_id) else None
        if case:
            self.initial |= {
                "description": case.description,
                "subjects": "\n".join(case.subjects),
                "since": case.since,
                "until": case.until,
            }


class CloseCaseForm(DialogForm):
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))


HOLDS = Section(
    name="holds",
    title="Legal holds on this case",
    model=Hold,
    rows=lambda case: case.holds.all(),
    columns={
        "Hold": show_link,
        "State": lambda hold: show_label("live", "warning") if hold.is_live else show_label("released"),
        "Placed": lambda hold: show_time(hold.placed_at),
    },
    empty="None. Place one to keep what the case is about from being erased, redacted or pruned.",
)


@admin.register(Case)
class CaseAdmin(NamedReading, AddByService):
    """Matters that evidence belongs to."""

    ledger_kind = "case"
    read_object = "cases"
    add_form = OpenCaseForm
    add_title = "Open a case"
    add_description = "A case says which streams a matter is about. A legal hold and a bundle can follow it."
    add_submit = "Open case"
    empty_text = "No case yet. Open one for a dispute, an incident or an inquiry."
    list_display = ("name", "state_label", "subject_list", "opened", "closed")
    list_filter = ("state",)
    search_fields = ("name", "description")
    search_help_text = "Name, description"
    fieldsets = (
        (None, {"fields": (("name", "state_label"), "description", "subject_list")}),
        ("Events", {"fields": (("from_time", "to_time"),)}),
        ("Who and when", {"fields": (("opener", "opened"), "closed")}),
    )
    sections = (HOLDS,)
    actions_detail = ("amend", "close")

    state_label = choice_column("state", COLOURS)
    opened = time_column("opened_at", "opened")
    closed = time_column("closed_at", "closed")
    opener = reference_column("opened_by", "opened by", full=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Case]:
        found: QuerySet[Case] = super().get_queryset(request)
        return found

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        case = self.get_object(request, str(object_id))
        if case is None or case.state != CaseState.OPEN:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        chosen = dict(form.cleaned_data)
        case = cases.open_case(
            actor=actor_of(request), **(chosen | {"subjects": chosen["subjects"].splitlines()})
        )
        return case, f"The case {case} is open."

    @dialog_action(
        title="Amend",
        description="Change what the case is about. While a legal hold rests on it, it can only grow.",
        submit="Amend",
        permissions=["audits.change_case"],
        form_class=AmendCaseForm,
        icon="edit",
    )
    def amend(self, request: HttpRequest, form: Any, object_id: str) -> str:
        chosen = form.cleaned_data
        cases.amend(
            actor=actor_of(request),
            case=self._case(request, object_id),
            description=chosen["description"],
            subjects=chosen["subjects"].splitlines(),
            since=chosen["since"],
            until=chosen["until"],
            reason=chosen["reason"],
        )
        return "Amended."

    @dialog_action(
        title="Close",
        description="The matter is over. A closed case stays on record and is not opened again.",
        submit="Close case",
        permissions=["audits.change_case"],
        form_class=CloseCaseForm,
        icon="task_alt",
        variant=ActionVariant.DANGER,
    )
    def close(self, request: HttpRequest, form: Any, object_id: str) -> str:
        case = self._case(request, object_id)
        cases.close(actor=actor_of(request), case=case, reason=form.cleaned_data["reason"])
        return "Closed."

    def _case(self, request: HttpRequest, object_id: str) -> Case:
        case: Case = row_of(self.get_queryset(request), object_id)
        return case

    @admin.display(description="about")
    def subject_list(self, case: Case) -> SafeString | str:
        shown = ((show_reference(subject),) for subject in case.subjects)
        return format_html_join(" ", "{}", shown) or "Everything"

    @admin.display(description="from")
    def from_time(self, case: Case) -> SafeString | str:
        return show_time(case.since) if case.since else "The start"

    @admin.display(description="to")
    def to_time(self, case: Case) -> SafeString | str:
        return show_time(case.until) if case.until else "The end"
