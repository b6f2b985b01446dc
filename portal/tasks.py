"""Work that waits in the database and that no worker has taken: a lost queue loses nothing."""

from celery import shared_task

from agents.services import runs
from audits.services import bundles, verification


@shared_task
def pick_up_waiting_work() -> None:
    """Hand out again what waits, and end what a dead worker left behind."""
    runs.sweep()
    bundles.sweep()
    verification.sweep()
