from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agents.admin.counts import count_of
from agents.admin.narrowing import ByName
from agents.admin.planner import show_planner
from agents.admin.running import MayRun, run_dialog
from agents.admin.timeline import timeline
from agents.admin.who import show_who
from agents.choices import LABELS, OPEN_PROPOSALS, SETTLED, CallOutcome, RunState
from agents.models import Finding, ProposedAction, Run
from audits.admin.base import DialogForm, Done, ReadOnlyAdmin, Section
from audits.admin.rows import row_of
from audits.admin.show import (
    choice_column,
    link_column,
    show_choice,
    show_link,
    show_list,
    show_time,
    time_column,
)

PROPOSALS = Section(
    name="proposals",
    title="Proposed actions",
    model=ProposedAction,
    rows=lambda run: run.proposals.select_related("finding"),
    columns={
        "Action": show_link,
        "State": lambda proposal: show_choice(proposal, "state", LABELS),
        "Proposed": lambda proposal: show_time(proposal.proposed_at),
    },
    empty="This run asked to write nothing.",
)


@admin.register(Run)
class RunAdmin(MayRun, ReadOnlyAdmin):
    """One pass of an agent over a report, with its steps as a timeline (S0-16).

    `reasons` are the decision point's reasons in words; who knows them gives them.
    """

    ledger_kind = "run"
    untrusted_text = "A report's target is its scanner's word: untrusted text."
    reasons: Mapping[str, str] = {}

    change_form_template = "agents/run.html"
    empty_text = "No run yet. Ingest a report for an active agent; its run is queued with it."
    list_display = (
        "report",
        "agent",
        "state_label",
        "reason_text",
        "planner_name",
        "progress",
        "calls",
        "queued",
    )
    list_filter = ("state", "reason", ("agent", ByName))
    list_select_related = ("report", "agent")
    search_fields = ("report__target", "report__file_name", "agent__name", "planner")
    search_help_text = "Report, agent, planner"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("state_label", "reason_text"),
                    ("agent_link", "version_link"),
                    ("report_link", "planner_name"),
                )
            },
        ),
        (
            "Cost and caps",
            {"fields": (("progress", "counts"), "caps_in_force")},
        ),
        (
            "Who and when",
            {"fields": (("requester", "instance_name"), ("queued", "started"), ("seen", "ended"))},
        ),
    )
    sections = (PROPOSALS,)
    actions_detail = ("run_again",)

    state_label = choice_column("state", LABELS)
    agent_link = link_column("agent", "agent")
    version_link = link_column("version", "version")
    report_link = link_column("report", "report")
    queued = time_column("queued_at", "queued")
    started = time_column("started_at", "started")
    seen = time_column("seen_at", "last sign of life")
    ended = time_column("ended_at", "ended")

    def get_fieldsets(self, request: HttpRequest, obj: Run | None = None) -> Any:
        """What would mend a run stands right below its state; where nothing is to mend, nothing stands."""
        if obj is None or not obj.detail:
            return self.fieldsets
        (name, options), *others = self.fieldsets
        state, *facts = options["fields"]
        return ((name, {"fields": (state, "detail", *facts)}), *others)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        runs: QuerySet[Run] = super().get_queryset(request)
        runs = runs.select_related("report", "agent", "version__agent", "instance")
        return runs.annotate(
            findings_number=count_of(Finding, "report", "report", leaving_out={"vex_state__in": SETTLED})
        )

    def story(self, request: HttpRequest, instance: Run) -> Mapping[str, Any]:
        links = request.user.has_perm("agents.view_credential")
        findings, stories = timeline(instance, request.GET.get("findings"), self.reasons, links=links)
        return {
            "summary": _summary(instance),
            "findings_page": findings,
            "stories": stories,
            "going_on": instance.state in (RunState.QUEUED, RunState.RUNNING),
        }

    @run_dialog("Run again")
    def run_again(self, request: HttpRequest, form: DialogForm, object_id: str) -> Done:
        return self.let_it_run(request, row_of(Run.objects.select_related("report"), object_id).report)

    @admin.display(description="reason", ordering="reason")
    def reason_text(self, run: Run) -> str:
        return run.get_reason_display()

    @admin.display(description="planner", ordering="planner")
    def planner_name(self, run: Run) -> SafeString:
        return show_planner(run.planner)

    @admin.display(description="findings")
    def progress(self, run: Any) -> str:
        failed = f", {run.findings_failed} failed" if run.findings_failed else ""
        return f"{run.findings_done} of {run.findings_number}{failed}"

    @admin.display(description="turns, calls, tokens")
    def counts(self, run: Run) -> str:
        return f"{run.turns:,} turns, {run.calls:,} calls, {run.tokens:,} tokens"

    @admin.display(description="caps in force")
    def caps_in_force(self, run: Run) -> SafeString:
        return show_list([f"{cap:,} {name}" for name, cap in run.caps.items()])

    @admin.display(description="requested by")
    def requester(self, run: Run) -> str:
        return show_who(run.requested_by)

    @admin.display(description="instance")
    def instance_name(self, run: Run) -> str:
        return str(run.instance or "")


def _summary(run: Run) -> dict[str, int]:
    """What a reader wants to know before the steps: what was refused, and what of it waits."""
    calls = run.function_calls.aggregate(
        executed=Count("pk", filter=Q(outcome=CallOutcome.EXECUTED)),
        denied=Count("pk", filter=Q(outcome=CallOutcome.DENIED)),
    )
    waiting = run.proposals.filter(state__in=OPEN_PROPOSALS).count()
    return {**calls, "waiting": waiting}
