"""What agents may do (S1-8)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.access import show_access
from agents.admin.narrowing import ByName
from agents.choices import Access
from audits.admin.base import DialogForm, Done, ReadOnlyAdmin, Section, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    code_column,
    link_column,
    show_label,
    show_link,
    show_list,
    show_reference,
    show_time,
    time_column,
)
from governance import policy_permissions, shrinking
from governance.admin.who import person_of
from governance.models import Decision, Grant
from governance.services import shrinkings

DECISIONS = Section(
    name="decisions",
    title="Decided by this grant",
    model=Decision,
    rows=lambda grant: grant.decisions.all(),
    columns={
        "Decision": show_link,
        "Decided": lambda decision: show_time(decision.decided_at),
    },
    empty="It has not been used.",
)


class ProposeForm(DialogForm):
    """The input of `shrinkings.propose`."""

    days = forms.IntegerField(
        label="Days to look back",
        initial=shrinking.DAYS,
        min_value=shrinking.MIN_DAYS,
        max_value=shrinking.MAX_DAYS,
        help_text="What was allowed in them is replayed: none of it may be lost.",
    )


@admin.register(Grant)
class GrantAdmin(ReadOnlyAdmin):
    """Reads as the board approved them; writes only under a live elevation."""

    ledger_kind = "grant"

    empty_text = "No agent may do anything yet. Grants come with an approval."
    list_display = ("action", "resource_short", "agent", "access_label", "open_label", "starts", "ends")
    list_filter = ("access", ("agent", ByName), ("assignment", admin.EmptyFieldListFilter))
    list_select_related = ("agent",)
    search_fields = ("action", "resource", "agent__name", "agent__slug")
    search_help_text = "Action, resource, agent"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("agent_link", "access_label"),
                    ("action_word", "resource_word"),
                    ("starts", "ends_words"),
                    ("approval_link", "elevation_link"),
                    ("assignment_link", "condition_list"),
                    "exception_link",
                )
            },
        ),
    )
    sections = (DECISIONS,)
    actions_detail = ("propose",)

    action_word = code_column("action", "action")
    agent_link = link_column("agent", "agent")
    approval_link = link_column("approval", "approved in")
    elevation_link = link_column("elevation", "elevation")
    assignment_link = link_column("assignment", "by its role")
    exception_link = link_column("exception", "by the wildcard exception")
    starts = time_column("starts_at", "starts")
    ends = time_column("ends_at", "ends")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The button is for those whom the service lets; it decides either way."""
        grant = self.get_object(request, str(object_id))
        is_standing = grant is not None and grant.access == Access.READ and grant.ends_at is None
        if not is_standing or policy_permissions.against_proposing_to_shrink(person_of(request), grant.agent):
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    @dialog_action(
        title="Propose to shrink",
        description="Where it was not used, or on one resource alone, the owner's side is asked to end or "
        "narrow it. Nothing changes before that.",
        submit="Propose",
        permissions=("view",),
        form_class=ProposeForm,
        icon="compress",
    )
    def propose(self, request: HttpRequest, form: Any, object_id: str) -> Done:
        grant = row_of(Grant.objects.select_related("agent"), object_id)
        made = shrinkings.propose(actor=person_of(request), grant=grant, days=form.cleaned_data["days"])
        return Done("The owner's side is asked to confirm it.", made)

    @admin.display(description="ends")
    def ends_words(self, grant: Grant) -> SafeString | str:
        return show_time(grant.ends_at) if grant.ends_at else "With the approval of what runs"

    @admin.display(description="while")
    def condition_list(self, grant: Grant) -> SafeString:
        return show_list(grant.conditions) if grant.conditions else EMPTY

    @admin.display(description="resource", ordering="resource")
    def resource_word(self, grant: Grant) -> SafeString:
        return show_reference(grant.resource, full=True)

    @admin.display(description="resource", ordering="resource")
    def resource_short(self, grant: Grant) -> SafeString:
        return show_reference(grant.resource)

    @admin.display(description="access", ordering="access")
    def access_label(self, grant: Grant) -> SafeString:
        return show_access(grant.access)

    @admin.display(description="now")
    def open_label(self, grant: Grant) -> SafeString:
        is_open = grant.ends_at is None or grant.ends_at > timezone.now()
        return show_label("Open" if is_open else "Ended", "success" if is_open else "default")
