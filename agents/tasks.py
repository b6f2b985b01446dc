"""What Celery workers do for agents. Each task is safe to deliver twice."""

from uuid import UUID

from celery import shared_task

from agents.analyst import run
from agents.services import (
    clients,
    egress_anomalies,
    egress_pruning,
    notifications,
    proposals,
    secret_rotations,
    sessions,
)


@shared_task
def analyse(run_id: str) -> None:
    run.perform(run_id=UUID(run_id))


@shared_task
def perform_proposal(proposal_id: str) -> None:
    proposals.perform(proposal_id=UUID(proposal_id))


@shared_task
def forget_notifications() -> None:
    """Remove what people have read long ago, and what became of its mails."""
    notifications.forget()


@shared_task
def end_sessions() -> None:
    sessions.sweep()


@shared_task
def forget_spent() -> None:
    """Ids of assertions and proofs that could not come again anyway."""
    clients.forget_spent()


@shared_task
def rotate_secrets() -> None:
    """Rotate what is due, and end old versions whose overlap is over."""
    secret_rotations.sweep()


@shared_task
def prune_egress_attempts() -> None:
    """Let go of attempts that are older than is kept."""
    egress_pruning.sweep()


@shared_task
def watch_egress() -> None:
    """Find what is unusual of what agents reach."""
    egress_anomalies.sweep()
