"""Periodic work of governance; when it runs is in the settings."""

from celery import shared_task

from governance.services import approvals, elevations


@shared_task
def end_what_is_over() -> None:
    """End elevations whose time, owner or agent is gone, and close what nobody can decide any more."""
    elevations.sweep()
    approvals.sweep()
