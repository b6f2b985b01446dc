"""Every request that was to leave for an agent, allowed or refused."""

from django.contrib import admin
from django.utils.safestring import SafeString

from agents.admin.egress_sections import show_verdict
from agents.admin.narrowing import ByName
from agents.models import EgressAttempt
from agents.services.egress_attempts import GATEWAY
from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import (
    EMPTY,
    code_column,
    link_column,
    show_foreign,
    show_word,
    time_column,
    untrusted_column,
)

OUTSIDE = "the other side"


@admin.register(EgressAttempt)
class EgressAttemptAdmin(ReadOnlyAdmin):
    """Where agents tried to go: without paths and queries."""

    ledger_kind = "egress_attempt"
    list_title = "Egress attempts"
    empty_text = "Nothing was to leave for any agent yet. Every request is listed here, refused ones too."
    list_display = ("to", "verdict", "reason_text", "agent", "asked_by", "sent", "received", "when")
    list_filter = ("allowed", "reason", ("agent", ByName), "scheme", "port", "asked_by")
    list_select_related = ("agent",)
    search_fields = ("host", "endpoint", "agent__name", "agent__slug", "subject", "address", "call_id")
    search_help_text = "Host, endpoint, agent, address, call"
    fieldsets = (
        ("Asked", {"fields": (("to", "agent_link"), ("subject_text", "asked_by"), ("run_link", "call"))}),
        ("Answered", {"fields": (("verdict", "reason_text"), ("endpoint_word", "entry_word"))}),
        (
            "What became of it",
            {"fields": (("address_word", "status"), ("sent", "received"), "error_text", ("when", "ended"))},
        ),
    )

    agent_link = link_column("agent", "agent")
    run_link = link_column("run", "run")
    subject_text = untrusted_column("subject", "the enforcement point", "subject")
    error_text = untrusted_column("error", OUTSIDE, "error")
    endpoint_word = code_column("endpoint", "endpoint")
    entry_word = code_column("entry", "line")
    address_word = code_column("address", "connected to")
    when = time_column("at", "at")
    ended = time_column("ended_at", "over")

    @admin.display(description="to", ordering="host")
    def to(self, attempt: EgressAttempt) -> SafeString | str:
        return show_foreign(attempt, "the agent") if attempt.host else str(attempt)

    @admin.display(description="answer", ordering="allowed")
    def verdict(self, attempt: EgressAttempt) -> SafeString:
        return show_verdict(attempt)

    @admin.display(description="because", ordering="reason")
    def reason_text(self, attempt: EgressAttempt) -> str:
        return attempt.get_reason_display()

    @admin.display(description="sent", ordering="bytes_out")
    def sent(self, attempt: EgressAttempt) -> SafeString | str:
        return _bytes(attempt, attempt.bytes_out)

    @admin.display(description="received", ordering="bytes_in")
    def received(self, attempt: EgressAttempt) -> SafeString | str:
        return _bytes(attempt, attempt.bytes_in)

    @admin.display(description="call")
    def call(self, attempt: EgressAttempt) -> SafeString:
        return show_word(str(attempt.call_id)) if attempt.call_id else EMPTY


def _bytes(attempt: EgressAttempt, number: int) -> SafeString | str:
    """What other proxies sent and received, nobody knows here."""
    return f"{number:,} B" if attempt.asked_by == GATEWAY else EMPTY
