"""What agents may do (S1-8)."""

from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString

from agents.admin.access import show_access
from audits.admin.base import ReadOnlyAdmin, Section
from audits.admin.show import (
    code_column,
    link_column,
    show_label,
    show_link,
    show_reference,
    show_time,
    time_column,
)
from governance.models import Decision, Grant

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


@admin.register(Grant)
class GrantAdmin(ReadOnlyAdmin):
    """Reads as the board approved them; writes only under a live elevation."""

    ledger_kind = "grant"

    empty_text = "No agent may do anything yet. Grants come with an approval."
    list_display = ("action", "resource_short", "agent", "access_label", "open_label", "starts", "ends")
    list_filter = ("access", "agent")
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
                )
            },
        ),
    )
    sections = (DECISIONS,)

    action_word = code_column("action", "action")
    agent_link = link_column("agent", "agent")
    approval_link = link_column("approval", "approved in")
    elevation_link = link_column("elevation", "elevation")
    starts = time_column("starts_at", "starts")
    ends = time_column("ends_at", "ends")

    @admin.display(description="ends")
    def ends_words(self, grant: Grant) -> SafeString | str:
        return show_time(grant.ends_at) if grant.ends_at else "With the approval of what runs"

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
