"""Work that waits in the database and that no worker has taken: a lost queue loses nothing."""

from celery import shared_task

from agents.services import deliveries, runs
from audits.services import bundles, verification
from portal import links


@shared_task
def pick_up_waiting_work() -> None:
    """Hand out again what waits, and end what a dead worker left behind."""
    runs.sweep()
    bundles.sweep()
    verification.sweep()


@shared_task
def deliver_notifications() -> None:
    """Send what waits by mail and to the webhook; planned only where the settings name one of them."""
    deliveries.deliver(links=links)
