"""Who is told what of signatures, assessments, mitigations and reviews. As `telling` does, with each verb."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from agents.choices import NotificationKind
from agents.models import Agent
from agents.selectors import people_answering_for
from agents.services import notifications
from agents.services.telling import others
from audits.actor import Actor
from governance import impact_missing
from governance.choices import AssessmentKind, Gate
from governance.models import GateSignature, ImpactAssessment, Mitigation


def signature_revoked(*, signature: GateSignature, agent: Agent, actor: Actor) -> None:
    """The owner's side."""
    reference = f"gate_signature/{signature.pk}"
    notifications.tell(
        people=others(actor, people_answering_for(agent)),
        kind=NotificationKind.SIGNATURE_REVOKED,
        reference=reference,
        title=f"A signature for {agent.slug} was taken back: {Gate(signature.gate).label.lower()}",
        key=f"{reference}/revoked",
        agent=agent,
    )


def assessment_written(*, assessment: ImpactAssessment, actor: Actor) -> None:
    """Once a draft is complete, those who can sign it; not any more, who wrote in it since."""
    if impact_missing.missing(assessment):
        return
    reference = _reference(assessment)
    notifications.settle(
        reference=reference, kinds=(NotificationKind.ASSESSMENT_TO_SIGN,), person=assessment.written_by
    )
    notifications.tell(
        people=others(actor, impact_missing.signers(assessment)),
        kind=NotificationKind.ASSESSMENT_TO_SIGN,
        reference=reference,
        title=f"Your signature is asked for: {_name(assessment)}",
        key=f"{reference}/complete",
        agent=assessment.agent,
        asked_by=assessment.written_by,
    )


def assessment_signed(*, assessment: ImpactAssessment) -> None:
    """Nothing asks for a signature any more."""
    notifications.settle(reference=_reference(assessment), kinds=(NotificationKind.ASSESSMENT_TO_SIGN,))


def assessment_withdrawn(*, assessment: ImpactAssessment, actor: Actor) -> None:
    """The owner's side; nothing asks for a signature any more."""
    assessment_signed(assessment=assessment)
    notifications.tell(
        people=others(actor, people_answering_for(assessment.agent)),
        kind=NotificationKind.ASSESSMENT_WITHDRAWN,
        reference=_reference(assessment),
        title=f"Withdrawn: {_name(assessment)}",
        key=f"{_reference(assessment)}/withdrawn",
        agent=assessment.agent,
    )


def mitigations_closed(*, mitigations: Sequence[Mitigation]) -> None:
    """Nothing reminds of them any more."""
    for mitigation in mitigations:
        notifications.settle(
            reference=f"mitigation/{mitigation.pk}", kinds=(NotificationKind.MITIGATION_DUE,)
        )


def mitigation_due(*, mitigation: Mitigation, today: date) -> None:
    """Its owner: once before the day, once after it."""
    when = "is overdue" if mitigation.due < today else f"is due on {mitigation.due}"
    agent = mitigation.assessment.agent
    notifications.tell(
        people=[mitigation.owner],
        kind=NotificationKind.MITIGATION_DUE,
        reference=f"mitigation/{mitigation.pk}",
        title=f"What you promised for {agent.slug} {when}",
        key=f"mitigation/{mitigation.pk}/{'overdue' if mitigation.due < today else 'soon'}",
        agent=agent,
        due_at=_end_of(mitigation.due),
    )


def review_due(*, agent: Agent, day: date, today: date) -> None:
    """Owner and deputies: once before the day, once after it."""
    when = "is overdue" if day < today else f"is due on {day}"
    notifications.tell(
        people=people_answering_for(agent),
        kind=NotificationKind.REVIEW_DUE,
        reference=f"agent/{agent.pk}",
        title=f"The review of {agent.slug} {when}",
        key=f"agent/{agent.pk}/review/{day}/{'overdue' if day < today else 'soon'}",
        agent=agent,
        due_at=_end_of(day),
    )


def _reference(assessment: ImpactAssessment) -> str:
    return f"impact_assessment/{assessment.pk}"


def _name(assessment: ImpactAssessment) -> str:
    kind = AssessmentKind(assessment.kind).label
    return f"{kind} {assessment.serial} of {assessment.agent.slug}"


def _end_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
