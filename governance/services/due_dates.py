"""Telling people of days that come near or are over: reviews of entries, mitigations that were promised.

Each is told once before its day and once after it. What was due so long ago that its notification would be
removed already is told no more.
"""

from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agents.choices import AgentState
from agents.models import Agent
from governance import selectors
from governance.choices import MitigationState
from governance.models import Mitigation, RiskClass
from governance.services import locks, telling_evidence

MITIGATION_WARN_DAYS = 7


def sweep() -> int:
    """Tell of every day that is near or over; how many were looked at."""
    today = timezone.localdate()
    oldest = today - timedelta(days=settings.NOTIFICATION_DAYS)
    return _reviews(today, oldest) + _mitigations(today, oldest)


def _reviews(today: date, oldest: date) -> int:
    longest = max(RiskClass.objects.values_list("review_warn_days", flat=True), default=0)
    near = Agent.objects.filter(
        state=AgentState.ACTIVE,
        ownerless_at__isnull=True,
        review_date__range=(oldest, today + timedelta(days=longest)),
    )
    told = 0
    for agent_id in near.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            agent = locks.agent(agent_id)
            warned = selectors.review_warned_from(agent)
            if agent.review_date and warned and warned <= today:
                telling_evidence.review_due(agent=agent, day=agent.review_date, today=today)
                told += 1
    return told


def _mitigations(today: date, oldest: date) -> int:
    near = Mitigation.objects.filter(
        state=MitigationState.OPEN, due__range=(oldest, today + timedelta(days=MITIGATION_WARN_DAYS))
    )
    told = 0
    for mitigation_id, agent_id in near.order_by("pk").values_list("pk", "assessment__agent"):
        with transaction.atomic():
            agent = locks.agent(agent_id)
            current = Mitigation.objects.select_related("assessment", "owner").get(pk=mitigation_id)
            current.assessment.agent = agent
            if current.state == MitigationState.OPEN and agent.state != AgentState.RETIRED:
                telling_evidence.mitigation_due(mitigation=current, today=today)
                told += 1
    return told
