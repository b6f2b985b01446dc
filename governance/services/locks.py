"""Row locks, always taken in this order: agent, what belongs to it, seat, elevation, risk classes.

So nothing deadlocks.
"""

from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from agents.models import Person
from agents.services.locks import agent
from governance import selectors
from governance.choices import ApprovalState, ApprovalSubject
from governance.models import Approval, Elevation, ImpactAssessment, RiskClass, Seat

__all__ = [
    "agent",
    "approval",
    "chair",
    "elevation",
    "impact_assessment",
    "pending_approval",
    "risk_classes",
    "seat",
    "seat_of",
]


def approval(approval_id: UUID) -> Approval:
    return Approval.objects.select_for_update(of=("self",), no_key=True).get(pk=approval_id)


def pending_approval(subject: ApprovalSubject, subject_id: UUID) -> Approval | None:
    """What people are asked about it now, if they are."""
    rows = Approval.objects.select_for_update(of=("self",), no_key=True)
    return rows.filter(subject=subject, subject_id=subject_id, state=ApprovalState.PENDING).first()


def elevation(elevation_id: UUID) -> Elevation:
    return (
        Elevation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("proposal__finding", "asked_by__agent", "requested_by")
        .get(pk=elevation_id)
    )


def impact_assessment(assessment_id: UUID) -> ImpactAssessment:
    rows = ImpactAssessment.objects.select_for_update(of=("self",), no_key=True)
    return rows.select_related("agent", "written_by").get(pk=assessment_id)


def risk_classes() -> list[RiskClass]:
    """All of them: whoever computes a class does so by figures that stay until the transaction ends."""
    return list(RiskClass.objects.select_for_update(no_key=True).order_by("level"))


def seat(seat_id: UUID) -> Seat:
    return Seat.objects.select_for_update(of=("self",), no_key=True).select_related("person").get(pk=seat_id)


def chair() -> None:
    """Hold every seat that is not over: one chair at a time is appointed."""
    rows = Seat.objects.select_for_update(of=("self",), no_key=True).order_by("pk")
    list(rows.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=timezone.now())))


def seat_of(person: Person) -> tuple[Seat | None, datetime]:
    """The seat that the person holds, kept until the transaction ends, and the moment at which they hold it.

    A seat that is being ended meanwhile ends after that moment, or is not held at it: counting the votes
    again later gives the same.
    """
    found = selectors.seat_of(person)
    held = seat(found.pk) if found else None
    now = timezone.now()
    return (held if held and selectors.is_held(held, now) else None), now
