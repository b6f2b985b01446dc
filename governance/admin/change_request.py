"""Change requests: what a new version changes, how it is watched and undone (S1-24)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, Q
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agents.admin.origins import OWNER_SIDE
from agents.models import AgentVersion
from audits.admin.base import AddByService, ServiceForm
from audits.admin.show import link_column, show_list, time_column, untrusted_column
from governance.admin.who import person_of
from governance.choices import ChangeKind
from governance.models import ChangeRequest
from governance.services import changes


class DescribeForm(ServiceForm):
    """The input of `changes.describe`. What was said before can be said better."""

    version = forms.ModelChoiceField(queryset=AgentVersion.objects.none())
    kinds = forms.MultipleChoiceField(
        label="What changes", choices=ChangeKind.choices, widget=forms.CheckboxSelectMultiple
    )
    summary = forms.CharField(
        label="What and why",
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For somebody who does not know the agent.",
    )
    impact = forms.CharField(
        label="Who notices, and what is at risk", max_length=8000, widget=forms.Textarea(attrs={"rows": 3})
    )
    monitoring_plan = forms.CharField(
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What is watched while it is released, what is too much, and who looks.",
    )
    rollback_plan = forms.CharField(
        max_length=8000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="How it is undone, and what cannot be undone.",
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        person = person_of(self.request)
        versions = AgentVersion.objects.select_related("agent").order_by("agent__name", "-added_at")
        if not person.is_superuser:
            versions = versions.filter(Q(agent__owner=person) | Q(agent__deputies=person)).distinct()
        self.fields["version"].queryset = versions  # type: ignore[attr-defined]


@admin.register(ChangeRequest)
class ChangeRequestAdmin(AddByService):
    """What each successor of an approved version changes."""

    ledger_kind = "change_request"

    add_form = DescribeForm
    add_title = "Describe a change"
    add_description = (
        "A version that follows an approved one is put before the board together with what it changes."
    )
    add_submit = "Save"
    empty_text = "No change was described yet. A version that follows an approved one needs it."
    untrusted_text = OWNER_SIDE
    list_title = "Changes"
    list_display = ("version_name", "agent", "kinds_list", "requester", "requested")
    list_filter = ("agent",)
    list_select_related = ("agent", "version__agent", "requested_by")
    search_fields = ("summary", "version__label", "agent__name", "agent__slug")
    search_help_text = "Summary, version, agent"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("agent_link", "version_link"),
                    ("kinds_list", "requested"),
                    "requester",
                    "summary_text",
                    "impact_text",
                )
            },
        ),
        ("Watching and undoing it", {"fields": ("monitoring_text", "rollback_text")}),
    )
    history_origins = dict.fromkeys(("summary", "impact", "monitoring_plan", "rollback_plan"), OWNER_SIDE)

    agent_link = link_column("agent", "agent")
    version_link = link_column("version", "version")
    requested = time_column("requested_at", "described")
    summary_text = untrusted_column("summary", OWNER_SIDE, "what and why")
    impact_text = untrusted_column("impact", OWNER_SIDE, "who notices, and what is at risk")
    monitoring_text = untrusted_column("monitoring_plan", OWNER_SIDE, "monitoring plan")
    rollback_text = untrusted_column("rollback_plan", OWNER_SIDE, "rollback plan")

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        change = changes.describe(actor=person_of(request), **form.cleaned_data)
        return change, f"Described. Version {change.version.label} can be put before the board now."

    @admin.display(description="version", ordering="version__label")
    def version_name(self, change: ChangeRequest) -> str:
        return str(change)

    @admin.display(description="changes")
    def kinds_list(self, change: ChangeRequest) -> SafeString:
        return show_list([ChangeKind(kind).label for kind in change.kinds])

    @admin.display(description="described by", ordering="requested_by__username")
    def requester(self, change: ChangeRequest) -> str:
        return str(change.requested_by)
