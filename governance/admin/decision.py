"""Every answer of the decision point (promise 6)."""

from django.contrib import admin
from django.utils.safestring import SafeString

from agents.choices import Access
from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import link_column, show_label, show_reference, time_column, untrusted_column
from governance.admin.content import ACCESS_COLOURS, show_code_word
from governance.models import Decision


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    """What was asked, what was answered, and the rule that said so."""

    empty_text = "Nothing was asked yet. Every function call of an agent is decided here first."
    list_display = ("action", "answer", "resource_short", "agent", "reason_text", "decided")
    list_filter = ("allowed", "reason", "access", "agent")
    list_select_related = ("agent",)
    search_fields = ("action", "resource", "agent__name", "agent__slug", "task_id")
    search_help_text = "Action, resource, agent, run"
    fieldsets = (
        (
            "Asked",
            {
                "fields": (
                    ("agent_link", "access_label"),
                    ("action", "resource_word"),
                    "intent_text",
                    ("instance_id", "task_id"),
                )
            },
        ),
        (
            "Answered",
            {
                "fields": (
                    ("answer", "reason_text"),
                    "message",
                    ("requestable", "credential_seconds"),
                    ("grant_link", "elevation_link"),
                    ("policy_version", "decided"),
                )
            },
        ),
    )

    agent_link = link_column("agent", "agent")
    grant_link = link_column("grant", "grant")
    elevation_link = link_column("elevation", "elevation")
    intent_text = untrusted_column("intent", "the agent", "for")
    decided = time_column("decided_at", "decided")

    @admin.display(description="answer", ordering="allowed")
    def answer(self, decision: Decision) -> SafeString:
        if decision.allowed:
            return show_label("Allowed", "success")
        return show_label("Denied, may be asked for" if decision.requestable else "Denied", "danger")

    @admin.display(description="because", ordering="reason")
    def reason_text(self, decision: Decision) -> str:
        return decision.get_reason_display()

    @admin.display(description="resource", ordering="resource")
    def resource_word(self, decision: Decision) -> SafeString:
        return show_code_word(decision.resource)

    @admin.display(description="resource", ordering="resource")
    def resource_short(self, decision: Decision) -> SafeString:
        return show_reference(decision.resource)

    @admin.display(description="access", ordering="access")
    def access_label(self, decision: Decision) -> SafeString:
        access = Access(decision.access)
        return show_label(access.label, ACCESS_COLOURS[access])
