"""Tools: the systems that agents depend on."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.dependency_sections import USED_BY
from agents.admin.dependency_shown import show_concerns, show_ended, show_jurisdictions
from agents.admin.fields import EndForm, RowField, WordsField
from agents.admin.origins import STEWARDS
from agents.admin.who import person_of, show_who
from agents.choices import LABELS, ToolKind
from agents.models import ThirdParty, Tool
from agents.services import tools
from audits.admin.base import ActionVariant, AddByService, DialogForm, ServiceForm, dialog_action
from audits.admin.references import is_uuid
from audits.admin.rows import row_of
from audits.admin.show import choice_column, link_column, show_list, time_column, untrusted_column


class FactsFields(forms.Form):
    """The input of `tools.Facts`."""

    name = forms.CharField(max_length=200)
    kind = forms.ChoiceField(choices=ToolKind.choices)
    endpoint = forms.CharField(max_length=500, help_text="Its address, or the name of the resource.")
    provider = RowField(
        ThirdParty.objects.filter(ended_at=None),
        required=False,
        help_text="The slug of the third party that runs it; empty: we do.",
    )
    jurisdictions = WordsField(
        label="Where it processes data",
        help_text="Country codes with commas: DE, US. EU for the Union, ZZ while it is not known.",
    )
    data_categories = WordsField(required=False, help_text="What it holds, with commas.")

    @property
    def facts(self) -> tools.Facts:
        given = {name: self.cleaned_data[name] for name in tools.Facts.__dataclass_fields__}
        return tools.Facts(**given | {"kind": ToolKind(given["kind"])})


class AddToolForm(FactsFields, ServiceForm):
    """The input of `tools.add`."""

    field_order = ("slug",)
    slug = forms.CharField(max_length=50, help_text="Stable name: small letters, digits and hyphens.")


class ChangeToolForm(FactsFields, DialogForm):
    """The input of `tools.change`, as it is now."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        found = (
            Tool.objects.select_related("provider").filter(pk=self.object_id)
            if is_uuid(self.object_id)
            else []
        )
        for tool in found:
            self.initial.update({name: getattr(tool, name) for name in FactsFields.base_fields})


@admin.register(Tool)
class ToolAdmin(AddByService):
    """Systems that agents depend on, ours or a third party's."""

    ledger_kind = "tool"
    empty_text = "No tool yet. Add the APIs, databases, queues and models that agents depend on."
    untrusted_text = "What is said of tools are the words of stewards."
    add_form = AddToolForm
    add_title = "Add a tool"
    add_description = (
        "A system that agents depend on. What a version may call is a function, in its manifest."
    )
    list_display = ("name", "kind_label", "provider_link", "concerns", "jurisdiction_list", "data", "state")
    list_filter = ("kind", ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("provider",)
    search_fields = ("name", "slug", "endpoint", "provider__name", "provider__slug")
    search_help_text = "Name, address, provider"
    fieldsets = (
        (None, {"fields": (("name", "slug"), ("kind_label", "state"), "endpoint_text")}),
        ("Where and whose", {"fields": (("provider_link", "concerns"), ("jurisdiction_list", "data"))}),
        ("In the register", {"fields": (("adder", "added"),)}),
    )
    sections = (USED_BY,)
    history_origins = {"endpoint": STEWARDS}
    actions_detail = ("change_facts", "end_tool")

    kind_label = choice_column("kind", LABELS)
    provider_link = link_column("provider", "provider")
    endpoint_text = untrusted_column("endpoint", STEWARDS, "endpoint")
    added = time_column("added_at", "added")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Tool]":
        found: QuerySet[Tool] = super().get_queryset(request)
        return found.select_related("provider")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        found = self.get_object(request, str(object_id))
        if found is None or found.ended_at is not None:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        made = tools.add(actor=person_of(request), slug=form.cleaned_data["slug"].strip(), facts=form.facts)
        return made, f"{made} is in the register."

    @dialog_action(
        title="Change",
        description="What the register says from now on. What it said before stays in its history.",
        submit="Save",
        permissions=["agents.change_tool"],
        form_class=ChangeToolForm,
        icon="edit",
    )
    def change_facts(self, request: HttpRequest, form: Any, object_id: str) -> str:
        tools.change(actor=person_of(request), tool=row_of(Tool.objects.all(), object_id), facts=form.facts)
        return "Changed."

    @dialog_action(
        title="End",
        description="Nothing new depends on it from now on. What does already stays, until it is ended too.",
        submit="End",
        permissions=["agents.change_tool"],
        form_class=EndForm,
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def end_tool(self, request: HttpRequest, form: Any, object_id: str) -> str:
        tools.end(
            actor=person_of(request),
            tool=row_of(Tool.objects.all(), object_id),
            reason=form.cleaned_data["reason"],
        )
        return "Ended."

    @admin.display(description="overdue")
    def concerns(self, tool: Tool) -> SafeString:
        return show_concerns(tool.provider)

    @admin.display(description="jurisdictions")
    def jurisdiction_list(self, tool: Tool) -> SafeString:
        return show_jurisdictions(tool)

    @admin.display(description="data categories")
    def data(self, tool: Tool) -> SafeString:
        return show_list(tool.data_categories)

    @admin.display(description="state", ordering="ended_at")
    def state(self, tool: Tool) -> SafeString:
        return show_ended(tool)

    @admin.display(description="added by")
    def adder(self, tool: Tool) -> str:
        return show_who(tool.added_by)
