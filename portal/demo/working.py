"""A scanner's report comes in, and the analyst works through it."""

from pathlib import Path

from django.conf import settings

from agents.choices import ProposalState, RunState, Severity
from agents.models import Agent, Assessment, FunctionCall, ProposedAction, Report, Run
from agents.services import reports, runs, vulnerabilities
from governance.models import Decision
from portal.demo.people import DEMO
from portal.demo.scene import PATIENCE_SECONDS, Story
from portal.demo.screen import StepFailed

DEMO_FILES = Path(settings.BASE_DIR) / "demo"


def ingest_a_report(story: Story, agent: Agent) -> Report:
    screen = story.screen
    screen.chapter("A scanner's report comes in")
    loaded = vulnerabilities.load(actor=DEMO, files=[("nvd.json", (DEMO_FILES / "nvd.json").read_bytes())])
    screen.step(f"{loaded} NVD records are in the local mirror; the demo asks no network")
    path = DEMO_FILES / "report.json"
    report, new = reports.ingest(
        actor=story.owner.actor, file_name=path.name, content=path.read_bytes(), agent=agent
    )
    screen.step(
        f"{path.name}: {report.get_format_display()}, {report.findings.count()} findings in {report.target}"
        if new
        else f"{path.name} is known already (same bytes): nothing is doubled"
    )
    return report


def the_analyst_works(story: Story, report: Report) -> None:
    screen = story.screen
    screen.chapter("The analyst works through it")
    run = run_the_analyst(story, report)
    screen.step(f"planned by: {run.planner}")
    screen.step(
        f"{run.turns} model turns, {run.calls} function calls, ended: {run.get_reason_display().lower()}"
    )
    screen.note("one finding, step by step:")
    proposal = waiting_proposal(report)
    calls = run.function_calls.filter(finding=proposal.finding).select_related("credential")
    screen.table(
        "function",
        "decision",
        "credential lived",
        "outcome",
        rows=[
            (
                call.function,
                call.decision_reason,
                f"at most {(c.expires_at - c.issued_at).seconds} s"
                if (c := call.credential)
                else "none minted",
                call.outcome,
            )
            for call in calls
        ],
    )
    show_assessments(story, run)


def decision_of(call: FunctionCall) -> Decision:
    if call.decision_id is None:
        raise StepFailed(f"{call.function} was not decided.")
    return Decision.objects.get(pk=call.decision_id)


def waiting_proposal(report: Report) -> ProposedAction:
    """The write that the analyst wanted for the worst finding."""
    waiting = ProposedAction.objects.filter(finding__report=report, state=ProposalState.WAITING)
    if not waiting:
        raise StepFailed("The analyst did not ask for a ticket. A language model may forget to: try again.")
    return min(waiting.select_related("finding"), key=lambda one: Severity(one.finding.severity).rank)


def run_the_analyst(story: Story, report: Report) -> Run:
    run = runs.queue(actor=story.owner.actor, report=report)

    def ended() -> bool:
        run.refresh_from_db()
        return run.state in {RunState.COMPLETED, RunState.FAILED}

    # A run ends by itself: a language model may take its time until then.
    story.wait_for("a worker runs the analyst", ended, seconds=settings.RUN_MAX_SECONDS + PATIENCE_SECONDS)
    if run.state != RunState.COMPLETED:
        failed = run.assessments.exclude(detail="").values_list("detail", flat=True)
        raise StepFailed(
            f"The run ended: {run.get_reason_display()}. {run.detail} {failed.first() or ''}".rstrip()
            + "\nThe portal shows the run with this reason. Mend it and play the story again: it goes on."
        )
    return run


def show_assessments(story: Story, run: Run) -> None:
    assessments = Assessment.objects.filter(run=run).select_related("finding").order_by("at")
    story.screen.require(
        assessments.count() == run.report.findings.count(), "A finding was left without an assessment."
    )
    story.screen.table(
        "finding",
        "severity",
        "NVD",
        "compliance",
        "standards affected",
        rows=[
            (
                a.finding.vulnerability_id,
                a.severity,
                a.nvd_facts.get("cvss_score") or a.nvd_outcome or "no CVE",
                a.compliance_impact["compliance_status"],
                summary(a.compliance_impact["standards_affected"]),
            )
            for a in assessments
        ],
    )
    for assessment in assessments.exclude(nvd_reason="")[:2]:
        story.screen.note(f"{assessment.finding.vulnerability_id}: {assessment.nvd_reason}")


def summary(names: list[str]) -> str:
    return names[0] + (f" +{len(names) - 1}" if len(names) > 1 else "") if names else "none"
