"""Periodic work of governance; when it runs is in the settings."""

from celery import shared_task

from agents.services import copies, handovers
from audits.queue import enqueue
from governance.models import EnforcementPoint
from governance.services import (
    actors,
    approvals,
    break_glass,
    due_dates,
    elevations,
    probes,
    reminders,
    reviews,
    revocation_feed,
    unfreezing,
)


@shared_task
def end_what_is_over() -> None:
    """End elevations whose time, owner or agent is gone, and close what nobody can decide any more.

    Accounts that broke a glass which nobody reviewed are locked, agents whose review nobody did are
    suspended, and offers that nobody accepted end. So do requests to unfreeze that nobody confirmed, and
    keys whose overlap is over.
    """
    elevations.sweep()
    break_glass.sweep()
    approvals.sweep()
    reviews.sweep()
    handovers.sweep()
    unfreezing.sweep()
    copies.sweep()


@shared_task
def tell_of_dates() -> None:
    """Tell owners of reviews and mitigations that are due soon or overdue."""
    due_dates.sweep()


@shared_task
def remind() -> None:
    """Tell those who have not voted that their vote is missing."""
    reminders.sweep()


@shared_task
def look_after_enforcement_points() -> None:
    """Find those who follow the revocation feed and have stopped asking."""
    revocation_feed.sweep()


@shared_task
def probe_enforcement_points() -> None:
    """Show each point a credential that has ended; in tasks of their own, for one may keep us waiting."""
    for point in probes.due():
        enqueue(probe_enforcement_point, str(point.pk))


@shared_task
def probe_enforcement_point(point_id: str) -> None:
    point = EnforcementPoint.objects.filter(pk=point_id, revoked_at__isnull=True).first()
    if point is not None and point.probe_url:
        probes.probe(actor=actors.PROBE, point=point)
