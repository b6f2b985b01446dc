"""What Celery workers do for agents. Each task is safe to deliver twice."""

from uuid import UUID

from celery import shared_task

from agents.analyst import run
from agents.services import proposals, sessions


@shared_task
def analyse(run_id: str) -> None:
    run.perform(run_id=UUID(run_id))


@shared_task
def perform_proposal(proposal_id: str) -> None:
    proposals.perform(proposal_id=UUID(proposal_id))


@shared_task
def end_sessions() -> None:
    sessions.sweep()
