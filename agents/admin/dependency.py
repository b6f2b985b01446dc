"""Dependencies of agents on agents, tools and third parties (S1-21, S4-3)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents import permissions
from agents.admin.dependency_shown import show_concerns, show_ended, show_jurisdictions, show_target
from agents.admin.fields import EndForm, RowField, SuggestingInput, WordsField, row_named, text
from agents.admin.narrowing import ByName
from agents.admin.origins import OWNER_SIDE
from agents.admin.who import person_of, show_who
from agents.choices import LABELS, AgentState, DependencyKind
from agents.models import Agent, Dependency, ThirdParty, Tool
from agents.services import dependencies
from audits.admin.base import ActionVariant, AddByService, DialogForm, ServiceForm, dialog_action
from audits.admin.references import is_uuid
from audits.admin.rows import row_of
from audits.admin.show import choice_column, link_column, show_list, time_column, untrusted_column

AGENTS = Agent.objects.exclude(state=AgentState.RETIRED).order_by("name")
CHOICES = {
    "agent": AGENTS,
    "tool": Tool.objects.filter(ended_at=None),
    "third_party": ThirdParty.objects.filter(ended_at=None),
}
PURPOSE, DATA = "What the agent needs it for.", "What flows there or comes from there, with commas."


class AddDependencyForm(ServiceForm):
    """The input of `dependencies.add`."""

    agent = RowField(AGENTS, help_text="The slug of the agent that depends on something.")
    kind = forms.ChoiceField(choices=DependencyKind.choices)
    target_kind = forms.ChoiceField(
        label="On what", choices=[("agent", "An agent"), ("tool", "A tool"), ("third_party", "A third party")]
    )
    target = forms.CharField(widget=SuggestingInput, label="Which", help_text="Its slug.")
    purpose = text("Purpose", PURPOSE, required=True)
    data_categories = WordsField(required=False, help_text=DATA)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["target"].widget.queries = tuple(CHOICES.values())

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if "target" in given and "target_kind" in given:
            try:
                given["target"] = row_named(CHOICES[given["target_kind"]].all(), given["target"])
            except forms.ValidationError as error:
                self.add_error("target", error)
        return given


class ChangeDependencyForm(DialogForm):
    """The input of `dependencies.change`, as it is now."""

    purpose = text("Purpose", PURPOSE, required=True)
    data_categories = WordsField(required=False, help_text=DATA)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        found = Dependency.objects.filter(pk=self.object_id).first() if is_uuid(self.object_id) else None
        if found:
            self.initial |= {"purpose": found.purpose, "data_categories": found.data_categories}


@admin.register(Dependency)
class DependencyAdmin(AddByService):
    """Which agent interacts with, calls or creates what."""

    ledger_kind = "dependency"
    list_before_template = "agents/dependency_list.html"
    empty_text = "No dependency yet. Say what agents, tools and third parties each agent uses."
    untrusted_text = "Names, purposes and data categories are the words of owners and stewards."
    add_form = AddDependencyForm
    add_title = "Add a dependency"
    add_description = "What an agent interacts with, calls or creates. Those who answer for the agent say so."
    list_display = ("sentence", "kind_label", "target_link", "data", "jurisdictions", "concerns", "state")
    list_filter = ("kind", ("agent", ByName), ("ended_at", admin.EmptyFieldListFilter))
    search_fields = (
        "agent__name", "agent__slug", "to_agent__name", "to_agent__slug", "to_tool__name", "to_tool__slug",
        "to_third_party__name", "to_third_party__slug", "purpose",
    )  # fmt: skip
    search_help_text = "Agent, target, purpose"
    fieldsets = (
        (None, {"fields": (("agent_link", "target_link"), ("kind_label", "state"), "purpose_text")}),
        ("What flows, and where", {"fields": (("data", "jurisdictions"), "concerns")}),
        ("In the register", {"fields": (("adder", "added"),)}),
    )
    history_origins = {"purpose": OWNER_SIDE, "data_categories": OWNER_SIDE}
    actions_detail = ("change_purpose", "end_dependency")

    agent_link = link_column("agent", "agent")
    kind_label = choice_column("kind", LABELS)
    purpose_text = untrusted_column("purpose", OWNER_SIDE, "purpose")
    added = time_column("added_at", "added")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Dependency]":
        found: QuerySet[Dependency] = super().get_queryset(request)
        return found.select_related("agent", "to_agent", "to_tool__provider", "to_third_party")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        found = self.get_object(request, str(object_id))
        if found is None or found.ended_at is not None:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def has_keep_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        found: Dependency | None = self.get_object(request, object_id)
        return found is not None and permissions.why_not_change(person_of(request), found.agent) is None

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        given = form.cleaned_data
        made = dependencies.add(
            actor=person_of(request),
            agent=given["agent"],
            kind=DependencyKind(given["kind"]),
            target=given["target"],
            purpose=given["purpose"],
            data_categories=given["data_categories"],
        )
        return made, f"{made}: it is in the register."

    @dialog_action(
        title="Change",
        description="What it is for and which data flows. Where it leads stays: end it and add another.",
        submit="Save",
        permissions=["keep"],
        form_class=ChangeDependencyForm,
        icon="edit",
    )
    def change_purpose(self, request: HttpRequest, form: Any, object_id: str) -> str:
        dependencies.change(
            actor=person_of(request),
            dependency=row_of(self.get_queryset(request), object_id),
            purpose=form.cleaned_data["purpose"],
            data_categories=form.cleaned_data["data_categories"],
        )
        return "Changed."

    @dialog_action(
        title="End",
        description="The agent does not depend on it any more. What was stays in the register, with its end.",
        submit="End",
        permissions=["keep"],
        form_class=EndForm,
        icon="link_off",
        variant=ActionVariant.DANGER,
    )
    def end_dependency(self, request: HttpRequest, form: Any, object_id: str) -> str:
        dependencies.end(
            actor=person_of(request),
            dependency=row_of(self.get_queryset(request), object_id),
            reason=form.cleaned_data["reason"],
        )
        return "Ended."

    @admin.display(description="dependency", ordering="agent__name")
    def sentence(self, dependency: Dependency) -> str:
        return str(dependency)

    @admin.display(description="to")
    def target_link(self, dependency: Dependency) -> SafeString:
        return show_target(dependency.target)

    @admin.display(description="data categories")
    def data(self, dependency: Dependency) -> SafeString:
        return show_list(dependency.data_categories)

    @admin.display(description="jurisdictions")
    def jurisdictions(self, dependency: Dependency) -> SafeString:
        return show_jurisdictions(dependency.target)

    @admin.display(description="overdue")
    def concerns(self, dependency: Dependency) -> SafeString:
        return show_concerns(dependency.provider)

    @admin.display(description="state", ordering="ended_at")
    def state(self, dependency: Dependency) -> SafeString:
        return show_ended(dependency)

    @admin.display(description="added by")
    def adder(self, dependency: Dependency) -> str:
        return show_who(dependency.added_by)
