"""The analyst's run, with the embedded planner and governance's real decision point."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from agents import tasks
from agents.analyst import planner, prompt, provenance
from agents.analyst import run as analyst
from agents.choices import (
    AgentState,
    AnalysisReason,
    AnalysisState,
    CallOutcome,
    LookupOutcome,
    ProposalState,
    RunReason,
    RunState,
    Severity,
)
from agents.models import (
    Agent,
    AgentInstance,
    AgentVersion,
    Finding,
    Person,
    Report,
    Run,
    Ticket,
    Vulnerability,
)
from agents.services import runs
from audits.choices import Action
from audits.errors import Conflict, Denied, NotFound
from audits.models import Event
from tests.agents.conftest import SYSTEM, make_finding
from tests.agents.model_server import completion, serving

pytestmark = pytest.mark.django_db


def performed(run: Run) -> Run:
    analyst.perform(run_id=run.pk)
    run.refresh_from_db()
    return run


def sent(callbacks: list[Callable[[], object]], monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What was handed to Celery after commit."""
    messages: list[tuple[str, Any]] = []
    monkeypatch.setattr("celery.current_app.send_task", lambda name, args: messages.append((name, args)))
    for callback in callbacks:
        callback()
    return messages


def test_a_run_works_through_a_finding(run: Run, finding: Finding, log4shell: Vulnerability) -> None:
    performed(run)
    assert (run.state, run.reason, run.detail) == (RunState.COMPLETED, RunReason.DONE, "")
    assert (run.turns, run.calls, run.findings_done, run.findings_failed) == (4, 3, 1, 0)
    assert run.planner == planner.LABEL
    assert [(call.function, call.outcome) for call in run.function_calls.order_by("at", "id")] == [
        ("get_vulnerability_info", CallOutcome.EXECUTED),
        ("assess_vulnerability", CallOutcome.EXECUTED),
        ("open_ticket", CallOutcome.DENIED),
    ]
    assert not Ticket.objects.exists()
    assert run.proposals.get().state == ProposalState.WAITING


def test_the_assessment_has_facts_reasons_and_impact(
    run: Run, finding: Finding, log4shell: Vulnerability
) -> None:
    assessment = performed(run).assessments.get()
    assert (assessment.state, assessment.reason) == (AnalysisState.ASSESSED, AnalysisReason.DONE)
    assert (assessment.severity, assessment.confidence) == (Severity.CRITICAL, "0.90")
    assert assessment.nvd_outcome == LookupOutcome.FOUND
    assert assessment.nvd_facts["cvss_score"] == "10.0"
    assert assessment.planner == planner.LABEL
    assert assessment.compliance_impact["compliance_status"] == "NON_COMPLIANT"
    assert "ISO27001 A.12.6.1" in assessment.compliance_impact["standards_affected"]
    header = json.loads(bytes(Event.objects.get(action=Action.FINDING_ASSESSED).header))
    assert {"ISO27001", "SOC2"} <= set(header["frameworks"])


def test_every_step_is_in_the_agents_stream(run: Run, finding: Finding) -> None:
    performed(run)
    stream = Event.objects.filter(stream=run.agent.stream).order_by("time")
    started = next(number for number, event in enumerate(stream) if event.action == Action.RUN_QUEUED)
    assert [event.action for event in stream][started:] == [
        Action.RUN_QUEUED,
        Action.RUN_STARTED,
        Action.INSTANCE_STARTED,
        *[
            Action.MODEL_ANSWERED,
            Action.DECISION_MADE,
            Action.CREDENTIAL_MINTED,
            Action.CREDENTIAL_USED,
            Action.FUNCTION_CALLED,
            Action.OUTCOME_RECORDED,
        ]
        * 2,
        *[Action.MODEL_ANSWERED, Action.DECISION_MADE, Action.FUNCTION_CALLED, Action.ACTION_PROPOSED],
        Action.MODEL_ANSWERED,
        Action.FINDING_ASSESSED,
        Action.INSTANCE_ENDED,
        Action.RUN_ENDED,
    ]


def test_a_lookup_that_could_not_be_made_says_so_and_why(run: Run, finding: Finding) -> None:
    """Offline, and not in the mirror."""
    assessment = performed(run).assessments.get()
    assert assessment.state == AnalysisState.ASSESSED
    assert assessment.nvd_outcome == LookupOutcome.UNAVAILABLE
    assert "offline" in assessment.nvd_reason


def test_a_finding_without_a_cve_says_so(run: Run, report: Report) -> None:
    make_finding(report, vulnerability_ids=["GHSA-jfh8-c2jp-5v3q"])
    assessment = performed(run).assessments.get()
    assert (assessment.nvd_outcome, assessment.nvd_reason) == ("", "The finding names no CVE.")


def test_the_worst_findings_come_first(run: Run, report: Report) -> None:
    for position, severity in enumerate((Severity.LOW, Severity.CRITICAL, Severity.MEDIUM)):
        make_finding(report, position, severity=severity)
    order = performed(run).assessments.order_by("at").values_list("finding__severity", flat=True)
    assert list(order) == ["critical", "medium", "low"]


def test_a_report_of_counts_only_completes(run: Run) -> None:
    performed(run)
    assert (run.state, run.reason, run.turns) == (RunState.COMPLETED, RunReason.DONE, 0)


def test_a_second_delivery_does_nothing(run: Run, finding: Finding) -> None:
    performed(run)
    before = Event.objects.count()
    tasks.analyse(str(run.pk))
    assert Event.objects.count() == before
    assert run.assessments.count() == 1


def test_it_can_be_run_again(run: Run, finding: Finding, report: Report) -> None:
    performed(run)
    again = performed(runs.queue(actor=SYSTEM, report=report))
    assert again.state == RunState.COMPLETED
    assert again.assessments.count() == 1


def test_the_instance_lives_as_long_as_the_run(run: Run, finding: Finding) -> None:
    performed(run)
    assert run.instance is not None
    assert run.instance.ended_at is not None
    assert run.instance.spiffe_id == (
        f"spiffe://{settings.TRUST_DOMAIN}/agent/vulnerability-analyst/i/{run.instance.pk}"
    )


def test_findings_analysed_already_are_skipped(run: Run, report: Report, finding: Finding) -> None:
    make_finding(report, 1)
    assert len(runs.remaining(run)) == 2
    run.assessments.create(
        finding=finding, state=AnalysisState.ASSESSED, reason=AnalysisReason.DONE, planner="x"
    )
    performed(run)
    assert run.turns == 4


# --- who may queue --------------------------------------------------------------------------------


def test_the_owner_and_a_deputy_queue(active_analyst: Agent, report: Report, olivia: Person) -> None:
    run = runs.queue(actor=olivia.actor, report=report)
    assert run.requested_by == olivia.actor.ref


def test_others_do_not_queue(active_analyst: Agent, report: Report, oscar: Person) -> None:
    with pytest.raises(Denied):
        runs.queue(actor=oscar.actor, report=report)
    assert not Run.objects.exists()


def test_a_report_has_one_run_at_a_time(run: Run, report: Report) -> None:
    with pytest.raises(Conflict):
        runs.queue(actor=SYSTEM, report=report)


def test_without_the_analyst_nothing_is_queued(report: Report) -> None:
    with pytest.raises(NotFound):
        runs.queue(actor=SYSTEM, report=report)


def test_a_queued_run_asks_for_a_worker(
    active_analyst: Agent,
    report: Report,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        run = runs.queue(actor=SYSTEM, report=report)
    assert ("agents.tasks.analyse", (str(run.pk),)) in sent(callbacks, monkeypatch)


# --- what was approved is what runs (promise 4) -----------------------------------------------------


def test_an_unapproved_agent_does_not_run(
    analyst: Agent, analyst_version: AgentVersion, report: Report
) -> None:
    run = performed(runs.queue(actor=SYSTEM, report=report))
    assert (run.state, run.reason, run.turns) == (RunState.FAILED, RunReason.NOT_APPROVED, 0)
    assert run.instance is None


@pytest.mark.parametrize("state", [AgentState.FROZEN, AgentState.RETIRED])
def test_an_agent_that_may_not_act_does_not_run(run: Run, finding: Finding, state: AgentState) -> None:
    Agent.objects.update(state=state)
    performed(run)
    assert (run.state, run.reason, run.turns) == (RunState.FAILED, RunReason.DENIED, 0)


def test_another_model_is_not_what_was_approved(run: Run, finding: Finding) -> None:
    with serving(lambda _: completion("Hello.")) as server:
        performed(run)
    assert (run.state, run.reason) == (RunState.FAILED, RunReason.NOT_APPROVED)
    assert "model_provider, model_name, model_version" in run.detail
    assert server.requests == []


def test_another_prompt_is_not_what_was_approved(
    run: Run, finding: Finding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt, "SYSTEM", prompt.SYSTEM + " Obey the report.")
    performed(run)
    assert run.reason == RunReason.NOT_APPROVED
    assert "in: prompt_digest." in run.detail


# --- a run always ends (promise 9) ------------------------------------------------------------------


def test_freezing_stops_a_run_before_its_next_step(
    run: Run, finding: Finding, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = planner.complete

    def complete(request: Any) -> Any:
        Agent.objects.update(state=AgentState.FROZEN)
        return real(request)

    monkeypatch.setattr(planner, "complete", complete)
    performed(run)
    assert (run.state, run.reason) == (RunState.FAILED, RunReason.DENIED)
    assert (run.turns, run.calls) == (1, 0)


def test_an_error_of_ours_ends_the_run_too(
    run: Run, finding: Finding, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("agents.services.analyses.conclude", broken)
    with pytest.raises(ZeroDivisionError):
        analyst.perform(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason) == (RunState.FAILED, RunReason.INTERNAL_ERROR)


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("RUN_MAX_SECONDS", 0, RunReason.SECONDS_CAP),
        ("RUN_MAX_TOKENS", 0, RunReason.TOKENS_CAP),
        ("RUN_MAX_CALLS", 2, RunReason.CALLS_CAP),
    ],
)
def test_a_cap_ends_the_run(
    *, run: Run, finding: Finding, settings: Any, setting: str, value: int, reason: RunReason
) -> None:
    setattr(settings, setting, value)
    performed(run)
    assert (run.state, run.reason) == (RunState.FAILED, reason)
    assert run.calls <= 2
    assert not run.assessments.exists()


def test_too_few_turns_fail_the_finding_and_not_the_others(run: Run, report: Report, settings: Any) -> None:
    settings.RUN_MAX_TURNS = 3
    make_finding(report)
    make_finding(report, 1, severity=Severity.LOW, vulnerability_ids=["GHSA-jfh8-c2jp-5v3q"])
    performed(run)
    assert (run.state, run.reason) == (RunState.FAILED, RunReason.FINDINGS_FAILED)
    assert run.detail == "1 of 2 findings could not be analysed."
    assert [(a.state, a.reason) for a in run.assessments.order_by("at")] == [
        (AnalysisState.FAILED, AnalysisReason.TURNS_CAP),
        (AnalysisState.ASSESSED, AnalysisReason.DONE),
    ]


# --- the sweep --------------------------------------------------------------------------------------


def test_a_run_that_nobody_took_is_asked_for_again(
    run: Run, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    Run.objects.update(enqueued_at=timezone.now() - timedelta(minutes=5))
    with django_capture_on_commit_callbacks() as callbacks:
        assert runs.sweep() == 1
        assert runs.sweep() == 0, "it was just asked for"
    assert ("agents.tasks.analyse", (str(run.pk),)) in sent(callbacks, monkeypatch)


def test_a_run_whose_worker_died_ends(run: Run, finding: Finding, report: Report) -> None:
    runs.claim(actor=SYSTEM, run_id=run.pk, planner="x")
    assert runs.sweep() == 0
    Run.objects.update(seen_at=timezone.now() - timedelta(days=1))
    assert runs.sweep() == 1
    run.refresh_from_db()
    assert (run.state, run.reason) == (RunState.FAILED, RunReason.WORKER_LOST)
    assert performed(runs.queue(actor=SYSTEM, report=report)).state == RunState.COMPLETED


def test_a_worker_that_comes_too_late_gets_no_identity(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep gave the run up between its claim and its start."""
    real = provenance.current

    def current() -> Any:
        Run.objects.update(seen_at=timezone.now() - timedelta(days=1))
        runs.sweep()
        return real()

    monkeypatch.setattr(provenance, "current", current)
    analyst.perform(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason, run.instance) == (RunState.FAILED, RunReason.WORKER_LOST, None)
    assert not AgentInstance.objects.filter(ended_at__isnull=True).exists()
    assert not Event.objects.filter(action=Action.INSTANCE_STARTED).exists()


def test_a_worker_that_was_given_up_stops(
    run: Run, finding: Finding, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = planner.complete

    def complete(request: Any) -> Any:
        Run.objects.update(seen_at=timezone.now() - timedelta(days=1))
        runs.sweep()
        return real(request)

    monkeypatch.setattr(planner, "complete", complete)
    performed(run)
    assert (run.state, run.reason, run.calls) == (RunState.FAILED, RunReason.WORKER_LOST, 0)
    assert Event.objects.filter(action=Action.RUN_ENDED).count() == 1
