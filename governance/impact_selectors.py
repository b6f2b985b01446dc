"""Reads: what was assessed about an agent, and whether it still holds (S1-6)."""

from datetime import date, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from agents.models import Agent
from governance.choices import AssessmentKind, AssessmentState, MitigationState
from governance.models import ImpactAssessment, Mitigation, RiskClass


def signed_assessments(agent: Agent) -> dict[AssessmentKind, ImpactAssessment]:
    """The signed assessment of each kind that is in force; kinds without one are not there."""
    rows = ImpactAssessment.objects.filter(agent=agent, state=AssessmentState.SIGNED)
    return {AssessmentKind(row.kind): row for row in rows.select_related("agent", "written_by", "signed_by")}


def fresh_until(assessment: ImpactAssessment, risk_class: RiskClass) -> date | None:
    """The last day on which a signed assessment is fresh for this class; None where it is not signed."""
    if assessment.signed_at is None:
        return None
    signed = timezone.localtime(assessment.signed_at).date()
    return signed + timedelta(days=risk_class.assessment_max_days)


def stale(assessment: ImpactAssessment, risk_class: RiskClass, today: date) -> bool:
    """Whether it is too old for this class, not signed, or not in force any more."""
    last = fresh_until(assessment, risk_class)
    return assessment.state != AssessmentState.SIGNED or last is None or last < today


def open_mitigations(agent: Agent) -> QuerySet[Mitigation]:
    """What was promised for an agent and is not done, the most urgent first."""
    rows = Mitigation.objects.filter(assessment__agent=agent, state=MitigationState.OPEN)
    return rows.select_related("assessment__agent", "owner")


def overdue_mitigations(agent: Agent, today: date) -> QuerySet[Mitigation]:
    return open_mitigations(agent).filter(due__lt=today)


def last_signed(agent: Agent, kind: AssessmentKind) -> ImpactAssessment | None:
    """The newest that was ever signed, in force or not."""
    signed = ImpactAssessment.objects.filter(agent=agent, kind=kind).exclude(signed_at=None)
    return signed.order_by("-serial").first()


def signed_before(assessment: ImpactAssessment) -> ImpactAssessment | None:
    """The newest that was signed before this one, of the same agent and kind."""
    rows = ImpactAssessment.objects.filter(agent=assessment.agent_id, kind=assessment.kind)
    return rows.exclude(signed_at=None).filter(serial__lt=assessment.serial).order_by("-serial").first()
