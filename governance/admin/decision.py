"""Every answer of the decision point (promise 6)."""

from django.contrib import admin
from django.utils.safestring import SafeString

from agents.admin.access import show_access
from agents.admin.narrowing import ByName
from agents.choices import LABELS
from agents.models import FunctionCall, Run
from agents.on_behalf import names_of
from audits.admin.base import ReadOnlyAdmin, Section
from audits.admin.show import (
    EMPTY,
    code_column,
    link_column,
    show_choice,
    show_foreign,
    show_label,
    show_link,
    show_list,
    show_reference,
    show_untrusted,
    show_word,
    time_column,
    untrusted_column,
)
from governance.admin.outcome import OutcomeColumns, WithOutcome
from governance.models import Decision

CALLS = Section(
    name="calls",
    title="The call that it decided",
    model=Run,
    rows=lambda decision: FunctionCall.objects.filter(decision_id=decision.pk).select_related(
        "finding", "proposal__finding"
    ),
    columns={
        "Function": lambda call: show_word(call.function),
        "Outcome": lambda call: show_choice(call, "outcome", LABELS),
        "Finding": lambda call: show_link(call.finding),
        "Proposed action": lambda call: show_link(getattr(call, "proposal", None)),
    },
    empty="No call is known that asked for it.",
)


@admin.register(Decision)
class DecisionAdmin(OutcomeColumns, ReadOnlyAdmin):
    """What was asked, what was answered, and the rule that said so."""

    ledger_kind = "decision"

    empty_text = "Nothing was asked yet. Every function call of an agent is decided here first."
    list_display = ("action", "answer", "resource_short", "who", "reason_text", "outcome_label", "decided")
    list_filter = ("allowed", WithOutcome, "reason", "access", ("agent", ByName), "enforcement_point")
    list_select_related = ("agent", "outcome")
    search_fields = ("action", "resource", "agent__name", "agent__slug", "subject", "task_id")
    search_help_text = "Action, resource, agent, subject, run"
    fieldsets = (
        (
            "Asked",
            {
                "fields": (
                    ("agent_link", "subject_text"),
                    ("access_label", "point_link"),
                    ("action_word", "resource_word"),
                    "intent_text",
                    "run_link",
                    "instance_word",
                )
            },
        ),
        (
            "For whom",
            {"fields": (("triggered_by", "acting"), ("delegated_for", "delegated_data"))},
        ),
        (
            "Answered",
            {
                "fields": (
                    ("answer", "reason_text"),
                    "message",
                    ("may_be_requested", "longest_credential"),
                    ("grant_link", "elevation_link"),
                    ("policy_version", "decided"),
                )
            },
        ),
        (
            "What became of it",
            {"fields": (("outcome_label", "outcome_told"), "outcome_detail")},
        ),
    )

    sections = (CALLS,)

    action_word = code_column("action", "action")
    agent_link = link_column("agent", "agent")
    point_link = link_column("enforcement_point", "asked by")
    subject_text = untrusted_column("subject", "the enforcement point", "subject")
    grant_link = link_column("grant", "grant")
    elevation_link = link_column("elevation", "elevation")
    intent_text = untrusted_column("intent", "the agent", "for")
    decided = time_column("decided_at", "decided")

    @admin.display(description="on behalf of", ordering="on_behalf_of")
    def triggered_by(self, decision: Decision) -> str:
        if decision.act is None:
            return "Itself"
        return str(decision.on_behalf_of) if decision.on_behalf_of else "Another agent, or nobody known"

    @admin.display(description="acting, the latest first")
    def acting(self, decision: Decision) -> SafeString:
        return show_list(names_of(decision.act)) if decision.act else EMPTY

    @admin.display(description="the person's purpose")
    def delegated_for(self, decision: Decision) -> SafeString:
        return show_untrusted(decision.delegation.purpose, "the person") if decision.delegation else EMPTY

    @admin.display(description="with which data")
    def delegated_data(self, decision: Decision) -> SafeString:
        return show_list(decision.delegation.data_scope) if decision.delegation else EMPTY

    @admin.display(description="run")
    def run_link(self, decision: Decision) -> SafeString:
        run = Run.objects.select_related("report").filter(pk=decision.task_id) if decision.task_id else None
        return show_link(run.first() if run is not None else None)

    @admin.display(description="who", ordering="agent__name")
    def who(self, decision: Decision) -> SafeString | str:
        if decision.agent:
            return str(decision.agent)
        return show_foreign(decision.subject, "the enforcement point") if decision.subject else EMPTY

    @admin.display(description="instance")
    def instance_word(self, decision: Decision) -> SafeString:
        return show_word(str(decision.instance_id)) if decision.instance_id else EMPTY

    @admin.display(description="requestable")
    def may_be_requested(self, decision: Decision) -> str:
        if decision.allowed:
            return "No need: it is allowed"
        return "Yes: the owner may ask for write elevation" if decision.requestable else "No"

    @admin.display(description="longest credential")
    def longest_credential(self, decision: Decision) -> str:
        return f"{decision.credential_seconds} s" if decision.allowed else "None"

    @admin.display(description="answer", ordering="allowed")
    def answer(self, decision: Decision) -> SafeString:
        if decision.allowed:
            return show_label("Allowed", "success")
        return show_label("Denied, requestable" if decision.requestable else "Denied", "danger")

    @admin.display(description="because", ordering="reason")
    def reason_text(self, decision: Decision) -> str:
        return decision.get_reason_display()

    @admin.display(description="resource", ordering="resource")
    def resource_word(self, decision: Decision) -> SafeString:
        return show_reference(decision.resource, full=True)

    @admin.display(description="resource", ordering="resource")
    def resource_short(self, decision: Decision) -> SafeString:
        return show_reference(decision.resource)

    @admin.display(description="access", ordering="access")
    def access_label(self, decision: Decision) -> SafeString:
        return show_access(decision.access) if decision.access else EMPTY
