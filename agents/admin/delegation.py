"""Everybody's delegations, for who watches over them. One's own are on a page of one's own."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from agents import permissions
from agents.admin.narrowing import ByName
from agents.admin.who import show_who
from agents.models import Credential, Delegation
from agents.services import delegations
from audits.admin.base import ActionVariant, DialogForm, ReadOnlyAdmin, Section, dialog_action
from audits.admin.reader import actor_of
from audits.admin.rows import row_of
from audits.admin.show import (
    link_column,
    show_label,
    show_link,
    show_list,
    show_reference,
    show_time,
    time_column,
    untrusted_column,
)

CREDENTIALS = Section(
    name="credentials",
    title="Credentials",
    model=Credential,
    rows=lambda delegation: delegation.credentials.select_related("agent").order_by("-issued_at"),
    columns={
        "Credential": show_link,
        "Agent": lambda credential: str(credential.agent),
        "Resource": lambda credential: show_reference(credential.resource),
        "Issued": lambda credential: show_time(credential.issued_at),
    },
    empty="None was minted by it.",
    per_page=5,
)


@admin.register(Delegation)
class DelegationAdmin(ReadOnlyAdmin):
    """Which agents act for whom (S2-1). The person's own word, and what it does not go beyond."""

    ledger_kind = "delegation"
    list_title = "Delegations"
    untrusted_text = "What it is for are the words of those who gave it."
    empty_text = "No agent acts for anybody. People let one act on the page of the agents acting for them."
    list_display = ("of", "agent", "standing", "purpose_text", "since", "until")
    list_display_links = ("of",)
    list_filter = ("end_reason", "may_pass_on", ("agent", ByName))
    list_select_related = ("agent", "person")
    search_fields = ("agent__name", "agent__slug", "person__username", "person__last_name")
    search_help_text = "Agent, person"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("person_link", "agent_link"),
                    ("standing", "passes_on"),
                    ("action_list", "resource_list"),
                    ("purpose_text", "data_list"),
                )
            },
        ),
        ("Life", {"fields": (("since", "until"), ("ended", "ender"))}),
    )
    sections = (CREDENTIALS,)
    actions_detail = ("end",)

    person_link = link_column("person", "person")
    agent_link = link_column("agent", "agent")
    purpose_text = untrusted_column("purpose", "the person", "for")
    since = time_column("starts_at", "since")
    until = time_column("ends_at", "until")
    ended = time_column("ended_at", "ended")

    def has_end_permission(self, request: HttpRequest, object_id: str) -> bool:
        delegation: Delegation | None = self.get_object(request, object_id)
        if delegation is None or delegation.ended_at is not None:
            return False
        return permissions.why_not_end_delegation(actor_of(request), delegation) is None

    @dialog_action(
        title="End",
        description="The agent acts for this person no more, at once. Its tokens for that are refused.",
        submit="End",
        permissions=["end"],
        icon="person_off",
        variant=ActionVariant.DANGER,
    )
    def end(self, request: HttpRequest, form: DialogForm, object_id: str) -> str:
        delegation = row_of(Delegation.objects.select_related("agent"), object_id)
        delegations.end(actor=actor_of(request), delegation=delegation)
        return "Ended."

    @admin.display(description="person", ordering="person__username")
    def of(self, delegation: Delegation) -> str:
        return str(delegation.person)

    @admin.display(description="may")
    def action_list(self, delegation: Delegation) -> SafeString:
        return show_list(delegation.actions)

    @admin.display(description="on")
    def resource_list(self, delegation: Delegation) -> SafeString:
        return show_list(delegation.resources)

    @admin.display(description="with which data")
    def data_list(self, delegation: Delegation) -> SafeString:
        return show_list(delegation.data_scope)

    @admin.display(description="may pass on", ordering="may_pass_on")
    def passes_on(self, delegation: Delegation) -> SafeString:
        return show_label("Yes", "warning") if delegation.may_pass_on else show_label("No")

    @admin.display(description="ended by")
    def ender(self, delegation: Delegation) -> str:
        return show_who(delegation.ended_by)

    @admin.display(description="standing", ordering="ended_at")
    def standing(self, delegation: Delegation) -> SafeString:
        if delegation.ended_at is not None:
            return show_label(delegation.get_end_reason_display(), "danger")
        over = delegation.ends_at <= timezone.now()
        return show_label("Over", "default") if over else show_label("Live", "success")
