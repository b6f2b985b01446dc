"""What agents may reach: their lists, and exceptions for addresses that are not public."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents import egress
from agents.admin.egress_sections import ATTEMPTS
from agents.admin.fields import RowField, text
from agents.admin.narrowing import ByName
from agents.admin.origins import ADMINISTRATORS
from agents.admin.who import person_of, show_who
from agents.choices import EgressMode
from agents.models import Agent, EgressException, EgressPolicy
from agents.services import egress_lists
from audits.admin.base import ActionVariant, AddByService, DialogForm, Section, ServiceForm, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import link_column, show_label, show_list, time_column, untrusted_column

LINES = "One a line: [scheme://]host[:port][/path]. A host is exact, or *.example.org for all below it. "


class ListsFields(forms.Form):
    """The input of `egress_lists.change`."""

    mode = forms.ChoiceField(choices=EgressMode.choices, label="Lists")
    allow = forms.CharField(
        required=False,
        label="Allowed",
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=f"{LINES}Without scheme and port: https. What its version names is allowed anyway.",
    )
    deny = forms.CharField(
        required=False,
        label="Denied",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="As above; without scheme and port: any. Looked at first, whatever else allows.",
    )
    reason = text("Why", required=True)

    @property
    def lists(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            "mode": EgressMode(given["mode"]),
            "allow": given["allow"].splitlines(),
            "deny": given["deny"].splitlines(),
            "reason": given["reason"],
        }


class AddListsForm(ListsFields, ServiceForm):
    field_order = ("agent",)
    agent = RowField(Agent.objects.all(), help_text="The agent's slug.")


class ChangeListsForm(ListsFields, DialogForm):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        policy = row_of(EgressPolicy.objects.all(), self.object_id)
        self.initial.update(mode=policy.mode, allow="\n".join(policy.allow), deny="\n".join(policy.deny))


@admin.register(EgressPolicy)
class EgressPolicyAdmin(AddByService):
    """What each agent may reach besides the endpoints of its approved version."""

    ledger_kind = "egress_policy"
    list_title = "Egress lists"
    empty_text = "Every agent reaches only the endpoints that its approved version names. Add lists for more."
    add_form = AddListsForm
    add_title = "Say what an agent may reach"
    add_description = (
        "Without lists an agent reaches only the endpoints that its approved version names. Nobody sets the "
        "lists of an agent that they answer for."
    )
    list_display = ("agent", "mode_label", "allowed", "denied", "changed", "changer")
    list_filter = ("mode", ("agent", ByName))
    list_select_related = ("agent",)
    search_fields = ("agent__name", "agent__slug", "allow", "deny")
    search_help_text = "Agent, host"
    fieldsets = (
        (None, {"fields": (("agent_link", "mode_label"), "endpoint_list", "allow_list", "deny_list")}),
        ("In the register", {"fields": (("changed", "changer"),)}),
    )
    sections = (
        Section(
            name=ATTEMPTS.name,
            title=ATTEMPTS.title,
            model=ATTEMPTS.model,
            rows=lambda policy: ATTEMPTS.rows(policy.agent),
            columns=ATTEMPTS.columns,
            empty=ATTEMPTS.empty,
        ),
    )
    actions_detail = ("change_lists",)

    agent_link = link_column("agent", "agent")
    changed = time_column("changed_at", "changed")

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        made = egress_lists.change(actor=person_of(request), agent=form.cleaned_data["agent"], **form.lists)
        return made, f"{made.agent} reaches what these lists say from now on."

    @dialog_action(
        title="Change",
        description="It counts from the next request on. What was allowed before stays in the history.",
        submit="Save",
        permissions=["agents.change_egresspolicy"],
        form_class=ChangeListsForm,
        icon="edit",
    )
    def change_lists(self, request: HttpRequest, form: Any, object_id: str) -> str:
        policy = row_of(EgressPolicy.objects.select_related("agent"), object_id)
        egress_lists.change(actor=person_of(request), agent=policy.agent, **form.lists)
        return "It counts from now on."

    @admin.display(description="lists", ordering="mode")
    def mode_label(self, policy: EgressPolicy) -> str:
        return policy.get_mode_display()

    @admin.display(description="allowed")
    def allowed(self, policy: EgressPolicy) -> int:
        return len(policy.allow)

    @admin.display(description="denied")
    def denied(self, policy: EgressPolicy) -> int:
        return len(policy.deny)

    @admin.display(description="named by its approved version")
    def endpoint_list(self, policy: EgressPolicy) -> SafeString:
        return show_list([entry.text for entry in egress.lists_of(policy.agent).endpoints])

    @admin.display(description="allowed")
    def allow_list(self, policy: EgressPolicy) -> SafeString:
        return show_list(policy.allow)

    @admin.display(description="denied")
    def deny_list(self, policy: EgressPolicy) -> SafeString:
        return show_list(policy.deny)

    @admin.display(description="changed by")
    def changer(self, policy: EgressPolicy) -> str:
        return show_who(policy.changed_by)


class AddExceptionForm(ServiceForm):
    """The input of `egress_lists.add_exception`."""

    agent = RowField(
        Agent.objects.all(), required=False, help_text="The agent's slug; empty: it counts for all of them."
    )
    host = forms.CharField(
        max_length=253, help_text="A host name, or an address. A cloud's metadata: its address."
    )
    port = forms.IntegerField(min_value=1, max_value=65_535)
    days = forms.IntegerField(min_value=1, initial=30, help_text="How long it counts.")
    reason = text("Why", required=True)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["days"].help_text = f"How long it counts; at most {settings.EGRESS_EXCEPTION_DAYS}."


@admin.register(EgressException)
class EgressExceptionAdmin(AddByService):
    """Hosts that may be at an address that is not public."""

    ledger_kind = "egress_exception"
    list_title = "Egress exceptions"
    empty_text = "No agent reaches addresses that are not public."
    untrusted_text = "Reasons are the words of administrators."
    add_form = AddExceptionForm
    add_title = "Let an address that is not public be reached"
    add_description = (
        "Private, loopback, link-local and metadata addresses are refused. An exception names one host and "
        "port. The agent's lists have to allow it all the same."
    )
    list_display = ("origin", "agent", "state", "added", "ends", "adder")
    list_filter = (("agent", ByName),)
    list_select_related = ("agent",)
    search_fields = ("host", "agent__name", "agent__slug")
    search_help_text = "Host, agent"
    fieldsets = (
        (None, {"fields": (("origin", "state"), ("agent_link",), "reason_text")}),
        ("In the register", {"fields": (("added", "adder"), ("ends", "ender"))}),
    )
    history_origins = {"reason": ADMINISTRATORS}
    actions_detail = ("end",)

    agent_link = link_column("agent", "agent")
    reason_text = untrusted_column("reason", ADMINISTRATORS, "why")
    added = time_column("added_at", "added")
    ends = time_column("ends_at", "ends")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        found = self.get_object(request, str(object_id))
        if found is None or found.ends_at <= timezone.now():
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        made = egress_lists.add_exception(actor=person_of(request), **form.cleaned_data)
        return made, f"{made} may be at an address that is not public, until it ends."

    @dialog_action(
        title="End",
        description="From the next request on its address has to be public.",
        submit="End",
        permissions=["agents.change_egressexception"],
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def end(self, request: HttpRequest, form: Any, object_id: str) -> str:
        egress_lists.end_exception(
            actor=person_of(request), exception=row_of(EgressException.objects.all(), object_id)
        )
        return "Ended."

    @admin.display(description="host", ordering="host")
    def origin(self, exception: EgressException) -> str:
        return str(exception)

    @admin.display(description="state", ordering="ends_at")
    def state(self, exception: EgressException) -> SafeString:
        live = exception.ends_at > timezone.now()
        return show_label("Live" if live else "Over", "warning" if live else "default")

    @admin.display(description="added by")
    def adder(self, exception: EgressException) -> str:
        return show_who(exception.added_by)

    @admin.display(description="ended by")
    def ender(self, exception: EgressException) -> str:
        return show_who(exception.ended_by)
