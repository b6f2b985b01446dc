"""How long events are kept (S3-7), and which segments of the ledger went for it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from audits.admin.base import AddByService, DialogForm, ServiceForm, dialog_action
from audits.admin.reader import actor_of
from audits.admin.recorded import RecordedReading
from audits.admin.rows import row_of
from audits.admin.show import show_digest, show_reference, time_column
from audits.admin.sight import PERMISSION
from audits.defaults import DEFAULT_RULE
from audits.models import RetentionRule, Tombstone
from audits.services import pruning, retention

SHOWN = 20


def days_field() -> forms.IntegerField:
    return forms.IntegerField(min_value=1, max_value=retention.LONGEST_DAYS)


class AddRuleForm(ServiceForm):
    """The input of `retention.change` for another framework."""

    framework = forms.CharField(
        max_length=64, help_text="As events name it: PCI DSS, pci-dss and PCI_DSS are one."
    )
    days = days_field()
    source = forms.CharField(max_length=300, help_text="Where the figure comes from.")
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))


class ChangeRuleForm(DialogForm):
    """The input of `retention.change`, as the rule is now."""

    days = days_field()
    source = forms.CharField(max_length=300)
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if rule := RetentionRule.objects.filter(pk=self.object_id).first():
            self.initial |= {"days": rule.days, "source": rule.source, "note": rule.note}


@admin.register(RetentionRule)
class RetentionRuleAdmin(RecordedReading, AddByService):
    """The rules, and below them what could be pruned now."""

    list_title = "Retention"
    read_object = "retention"
    list_before_template = "admin/retention.html"
    ledger_kind = "retention"
    add_form = AddRuleForm
    add_title = "Add a rule of retention"
    add_description = (
        "An event is kept for the longest of its frameworks' rules; a legal hold keeps it longer."
    )
    add_submit = "Add rule"
    empty_text = "The rules come with the database: run `manage.py migrate`."
    list_display = ("framework_name", "days", "source")
    search_fields = ("framework", "source")
    search_help_text = "Framework, source"
    fieldsets = ((None, {"fields": (("framework_name", "days"), "source", "note")}),)
    actions_detail = ("set_rule",)

    def address_of(self, name: str) -> str:
        return reverse("admin:audits_retentionrule_change", args=[name])

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        # What keeps a segment is said with the titles of holds: for those who may read them.
        if request.user.has_perms(["audits.view_hold", PERMISSION]):
            shown = {"candidates": list(pruning.candidates(limit=SHOWN)), "shown": SHOWN}
            extra_context = {**shown, **(extra_context or {})}
        return super().changelist_view(request, extra_context)

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        rule = retention.change(actor=actor_of(request), **form.cleaned_data)
        return rule, f"Events of {rule} are kept for {rule.days} days."

    @dialog_action(
        title="Change",
        description="From now on, for events of the past too. A shorter rule lets segments go earlier.",
        submit="Change",
        permissions=["audits.change_retentionrule"],
        form_class=ChangeRuleForm,
        icon="edit",
    )
    def set_rule(self, request: HttpRequest, form: Any, object_id: str) -> str:
        rule = row_of(RetentionRule.objects.all(), object_id)
        chosen = form.cleaned_data
        retention.change(
            actor=actor_of(request),
            framework=rule.framework,
            days=chosen["days"],
            source=chosen["source"],
            note=chosen["note"],
            reason=chosen["reason"],
        )
        return "Changed."

    @admin.display(description="framework", ordering="framework")
    def framework_name(self, rule: RetentionRule) -> str:
        return "Every other event" if rule.framework == DEFAULT_RULE else rule.framework


@admin.register(Tombstone)
class TombstoneAdmin(RecordedReading):
    """Segments of the ledger that were pruned. Their roots stay, and all else goes on fitting them."""

    list_title = "Pruned segments"
    read_object = "tombstones"
    empty_text = "Nothing was pruned. The page of retention shows what could be."
    list_display = ("segment", "pruned", "explained_by")
    fieldsets = ((None, {"fields": (("segment", "pruned"), "root_full", "explained_by")}),)

    pruned = time_column("pruned_at", "pruned")

    @admin.display(description="entries", ordering="low")
    def segment(self, tombstone: Tombstone) -> str:
        return f"{tombstone.low:,} to {tombstone.high - 1:,}"

    @admin.display(description="root of the segment")
    def root_full(self, tombstone: Tombstone) -> SafeString:
        return show_digest(bytes(tombstone.root).hex(), full=True)

    @admin.display(description="explained by")
    def explained_by(self, tombstone: Tombstone) -> SafeString:
        return show_reference(f"event/{tombstone.by}")
