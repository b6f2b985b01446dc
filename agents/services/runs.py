"""Runs of the analyst: queued, claimed by one worker, kept alive, ended with a reason (promise 9)."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from agents import oversight, permissions, selectors
from agents.analyst import SLUG
from agents.choices import NotificationKind, RunReason, RunState, Severity
from agents.errors import NotActiveError, RunOverError
from agents.models import Agent, AgentInstance, Assessment, Finding, Report, Run
from agents.provenance import Provenance
from agents.services import instances, notifications, proposals
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.errors import Conflict, NotFound
from audits.queue import enqueue
from audits.services import ledger
from audits.services.attempts import attempt, refuse

TASK = "agents.tasks.analyse"
SWEEPER = Actor.system("run-sweeper")
GIVEN_UP = "The run was ended while this worker was at it."


def queue(*, actor: Actor, report: Report) -> Run:
    """Let the analyst work through a report, for the first time or again.

    Raises:
        NotFound: the analyst is not in the register.
        Denied: the actor does not answer for it; recorded.
        Conflict: a run over this report is queued or running already.
    """
    agent = Agent.objects.filter(slug=SLUG).first()
    if agent is None:
        raise NotFound(f"No agent {SLUG} is registered. Register it first.")
    run = Run(agent=agent, report=report, requested_by=actor.ref)
    try:
        with attempt(
            action=Action.RUN_QUEUED, actor=actor, stream=agent.stream, object=f"report/{report.pk}"
        ):
            refuse(permissions.why_not_run(actor, agent))
            run.save(force_insert=True)
            ledger.record(
                stream=agent.stream,
                action=Action.RUN_QUEUED,
                actor=actor,
                object=f"run/{run.pk}",
                trace=str(run.pk),
                body={"report": str(report.pk), "target": report.target, "sha256": report.sha256},
            )
            enqueue(TASK, str(run.pk))
    except IntegrityError as error:
        raise Conflict(f"A run over {report} is under way already.") from error
    return run


def claim(*, actor: Actor, run_id: UUID, planner: str) -> Run | None:
    """Take a queued run for this worker; None where another took it, or it is over.

    Args:
        planner: what will plan it, in the words that people read.
    """
    now = timezone.now()
    caps = {
        "turns": settings.RUN_MAX_TURNS,
        "seconds": settings.RUN_MAX_SECONDS,
        "tokens": settings.RUN_MAX_TOKENS,
        "calls": settings.RUN_MAX_CALLS,
    }
    with transaction.atomic():
        if not Run.objects.filter(pk=run_id, state=RunState.QUEUED).update(
            state=RunState.RUNNING, started_at=now, seen_at=now, planner=planner, caps=caps
        ):
            return None
        run = Run.objects.select_related("agent__owner", "report").get(pk=run_id)
        ledger.record(
            stream=run.agent.stream,
            action=Action.RUN_STARTED,
            actor=actor,
            object=f"run/{run.pk}",
            trace=str(run.pk),
            body={"planner": planner, "caps": caps, "requested_by": run.requested_by},
        )
    return run


def begin(*, actor: Actor, run: Run, running: Provenance) -> AgentInstance:
    """Give the run's worker its identity, as `instances.start` does, unless the run has ended meanwhile.

    Raises:
        RunOverError: it has ended; no identity was given.
    """
    with transaction.atomic():
        instance = instances.start(actor=actor, agent=run.agent, running=running, task=run.pk)
        if not Run.objects.filter(pk=run.pk, state=RunState.RUNNING).update(
            instance=instance, version=instance.version
        ):
            raise RunOverError(RunReason.WORKER_LOST, GIVEN_UP)
    run.instance, run.version = instance, instance.version
    return instance


def beat(*, run: Run) -> None:
    """A sign of life before each step.

    Raises:
        RunOverError: it was ended meanwhile; its worker must stop.
        NotActiveError: the agent may not act any more.
    """
    if not Run.objects.filter(pk=run.pk, state=RunState.RUNNING).update(seen_at=timezone.now()):
        raise RunOverError(RunReason.WORKER_LOST, GIVEN_UP)
    agent = Agent.objects.select_related("owner").get(pk=run.agent_id)
    if reason := oversight.why_contained(agent, run.instance) or permissions.why_not_read(agent):
        raise NotActiveError(reason)


def finish(*, actor: Actor, run: Run, reason: RunReason, detail: str) -> None:
    """End the run, once; where it has ended already, nothing changes."""
    with transaction.atomic():
        now = timezone.now()
        state = RunState.COMPLETED if reason == RunReason.DONE else RunState.FAILED
        ended = Run.objects.filter(pk=run.pk, state=RunState.RUNNING).update(
            state=state, reason=reason, detail=detail, ended_at=now
        )
        run.refresh_from_db()
        if not ended:
            return
        if run.instance is not None:
            instances.end(actor=actor, instance=run.instance)
        ledger.record(
            stream=run.agent.stream,
            action=Action.RUN_ENDED,
            actor=actor,
            object=f"run/{run.pk}",
            outcome=Outcome.SUCCESS if state == RunState.COMPLETED else Outcome.FAILED,
            provenance=run.version.digest if run.version else None,
            trace=str(run.pk),
            body={
                "reason": reason.value,
                "detail": detail,
                "turns": run.turns,
                "calls": run.calls,
                "tokens": run.tokens,
                "findings_done": run.findings_done,
                "findings_failed": run.findings_failed,
            },
        )
        if state == RunState.FAILED:
            notifications.tell(
                people=[run.agent.owner],
                kind=NotificationKind.RUN_FAILED,
                reference=f"run/{run.pk}",
                title=f"A run of {run.agent.slug} failed: {reason.label.lower()}",
                key=f"run/{run.pk}/failed",
                agent=run.agent,
            )


def remaining(run: Run) -> list[UUID]:
    """The findings that this run has not analysed, the worst first; without those that VEX settles."""
    analysed = Assessment.objects.filter(run=run, finding=OuterRef("pk"))
    findings = selectors.to_analyse(run.report).filter(~Exists(analysed)).only("severity", "position")
    ordered = sorted(findings, key=lambda finding: (_rank(finding), finding.position))
    return [finding.pk for finding in ordered]


def sweep() -> int:
    """Ask again for workers where nobody came, and end what a dead worker left; says how many."""
    now = timezone.now()
    waiting = Run.objects.filter(
        state=RunState.QUEUED, enqueued_at__lt=now - timedelta(seconds=settings.ASK_AGAIN_SECONDS)
    )
    handled = 0
    for run_id in waiting.values_list("pk", flat=True):
        with transaction.atomic():
            if waiting.filter(pk=run_id).update(enqueued_at=now):
                enqueue(TASK, str(run_id))
                handled += 1
    lost = Run.objects.filter(
        state=RunState.RUNNING, seen_at__lt=now - timedelta(seconds=settings.RUN_LOST_SECONDS)
    )
    for run in lost.select_related("agent", "instance"):
        detail = f"No sign of life since {run.seen_at:%Y-%m-%d %H:%M:%S} UTC. Run it again."
        finish(actor=SWEEPER, run=run, reason=RunReason.WORKER_LOST, detail=detail)
        handled += 1
    return handled + proposals.sweep()


def _rank(finding: Finding) -> int:
    return Severity(finding.severity).rank
