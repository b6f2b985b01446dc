"""The resource catalogue (S2-4): what roles speak of."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.fields import EndForm, WordsField
from agents.admin.narrowing import ByName
from agents.admin.origins import STEWARDS
from agents.admin.who import person_of, show_who
from agents.models import Person
from audits.admin.base import ActionVariant, DialogForm, ServiceForm, dialog_action
from audits.admin.references import is_uuid
from audits.admin.rows import row_of
from audits.admin.show import (
    choice_column,
    link_column,
    show_label,
    show_list,
    show_reference,
    time_column,
    untrusted_column,
)
from governance.admin.file_pages import FilePages
from governance.choices import LABELS, Operation, ResourceKind, Sensitivity
from governance.models import Resource
from governance.resource_files import FORMATS
from governance.services import resource_importing, resources


class FactsFields(forms.Form):
    """The input of `resources.Facts`."""

    title = forms.CharField(max_length=200, help_text="What it is, in words.")
    kind = forms.ChoiceField(choices=ResourceKind.choices)
    operations = forms.MultipleChoiceField(
        choices=Operation.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text="What can be done on it. Roles may give no more.",
    )
    sensitivity = forms.ChoiceField(choices=Sensitivity.choices)
    personal_data = forms.BooleanField(required=False, help_text="Whether it holds personal data.")
    data_categories = WordsField(required=False, help_text="What it holds, with commas.")
    owner = forms.ModelChoiceField(
        queryset=Person.objects.filter(is_active=True).order_by("username"),
        empty_label=None,
        help_text="The person who answers for it.",
    )

    @property
    def facts(self) -> resources.Facts:
        given = {name: self.cleaned_data[name] for name in resources.Facts.__dataclass_fields__}
        return resources.Facts(
            **given
            | {
                "kind": ResourceKind(given["kind"]),
                "sensitivity": Sensitivity(given["sensitivity"]),
                "operations": [Operation(value) for value in given["operations"]],
            }
        )


class AddResourceForm(FactsFields, ServiceForm):
    """The input of `resources.add`."""

    field_order = ("name", "type", "identifier")
    name = forms.CharField(max_length=64, help_text="As roles call it, for example sales_database.")
    type = forms.CharField(max_length=49, help_text="The first part of its reference, for example table.")
    identifier = forms.CharField(
        max_length=250,
        help_text="The rest of it, for example sales; {name} stands for one part: sales/{table}.",
    )


class ChangeResourceForm(FactsFields, DialogForm):
    """The input of `resources.change`, as it is now."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        found = Resource.objects.filter(pk=self.object_id) if is_uuid(self.object_id) else []
        for resource in found:
            self.initial.update({name: getattr(resource, name) for name in FactsFields.base_fields})
            self.initial["owner"] = resource.owner_id


@admin.register(Resource)
class ResourceAdmin(FilePages):
    """Tables, endpoints, paths and networks, with their sensitivity and owners."""

    ledger_kind = "resource"
    list_title = "Resources"
    files = resource_importing
    formats = FORMATS
    file_stem = "resources"
    empty_text = "No resource yet. Add the tables, endpoints and paths that roles of agents speak of."
    untrusted_text = "What is said of resources are the words of stewards."
    add_form = AddResourceForm
    add_title = "Add a resource"
    add_description = "Roles speak of it by its name. Its name and reference never change."
    list_display = ("name", "reference", "kind", "sensitivity_label", "owner", "personal", "state")
    list_filter = (
        "sensitivity", "kind", "personal_data", ("owner", ByName), ("ended_at", admin.EmptyFieldListFilter),
    )  # fmt: skip
    list_select_related = ("owner",)
    search_fields = ("name", "title", "type", "identifier", "owner__username")
    search_help_text = "Name, title, reference, owner"
    fieldsets = (
        (None, {"fields": (("name", "reference"), ("kind", "state"), "title_text")}),
        ("How sensitive", {"fields": (("sensitivity_label", "personal"), ("owner_link", "data"))}),
        ("What can be done", {"fields": ("operation_list",)}),
        ("In the catalogue", {"fields": (("adder", "added"),)}),
    )
    history_origins = {"title": STEWARDS}
    actions_detail = ("change_facts", "end_resource")

    sensitivity_label = choice_column("sensitivity", LABELS)
    owner_link = link_column("owner", "owner")
    title_text = untrusted_column("title", STEWARDS, "title")
    added = time_column("added_at", "added")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Resource]":
        found: QuerySet[Resource] = super().get_queryset(request)
        return found.select_related("owner")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        found = self.get_object(request, str(object_id))
        if found is None or found.ended_at is not None:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        names = {key: form.cleaned_data[key].strip() for key in ("name", "type", "identifier")}
        made = resources.add(actor=person_of(request), **names, facts=form.facts)
        return made, f"{made} is in the catalogue."

    @dialog_action(
        title="Change",
        description="What the catalogue says from now on. A higher sensitivity counts at once, at each use.",
        submit="Save",
        permissions=["governance.change_resource"],
        form_class=ChangeResourceForm,
        icon="edit",
    )
    def change_facts(self, request: HttpRequest, form: Any, object_id: str) -> str:
        resource = row_of(Resource.objects.all(), object_id)
        resources.change(actor=person_of(request), resource=resource, facts=form.facts)
        return "Changed."

    @dialog_action(
        title="End",
        description="It leaves the catalogue. As long as a role speaks of it, it cannot.",
        submit="End",
        permissions=["governance.change_resource"],
        form_class=EndForm,
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def end_resource(self, request: HttpRequest, form: Any, object_id: str) -> str:
        resource = row_of(Resource.objects.all(), object_id)
        resources.end(actor=person_of(request), resource=resource, reason=form.cleaned_data["reason"])
        return "Ended."

    @admin.display(description="reference", ordering="identifier")
    def reference(self, resource: Resource) -> SafeString:
        return show_reference(resource.reference, full=True)

    @admin.display(description="personal data", ordering="personal_data")
    def personal(self, resource: Resource) -> SafeString:
        return show_label("Yes", "warning") if resource.personal_data else show_label("No")

    @admin.display(description="operations")
    def operation_list(self, resource: Resource) -> SafeString:
        return show_list([Operation(value).label for value in resource.operations])

    @admin.display(description="data categories")
    def data(self, resource: Resource) -> SafeString:
        return show_list(resource.data_categories)

    @admin.display(description="state", ordering="ended_at")
    def state(self, resource: Resource) -> SafeString:
        return show_label(
            "Ended" if resource.ended_at else "Live", "default" if resource.ended_at else "success"
        )

    @admin.display(description="added by")
    def adder(self, resource: Resource) -> str:
        return show_who(resource.added_by)
