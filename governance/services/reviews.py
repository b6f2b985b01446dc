"""Reviews that nobody did: agents whose time without one is over are suspended (S4-2).

The decision point asks the clock itself; this makes the register say so too, and tells it.
"""

from django.db.models import Q
from django.utils import timezone

from agents.choices import AgentState, FreezeReason
from agents.models import Agent
from agents.services import lifecycle
from audits.errors import Conflict
from governance import selectors
from governance.services.actors import SWEEPER


def sweep() -> int:
    """Freeze active agents whose review is too long overdue, or whose sponsor is gone. Returns how many."""
    now = timezone.now()
    late = Q(review_date__lt=timezone.localdate()) | Q(reads_until__lte=now)
    frozen = 0
    for agent in Agent.objects.filter(late, state=AgentState.ACTIVE):
        gone = agent.reads_until is not None and agent.reads_until <= now
        if not gone and not selectors.is_suspended(agent):
            continue
        try:
            lifecycle.freeze(
                actor=SWEEPER, agent=agent, reason=FreezeReason.SPONSOR if gone else FreezeReason.REVIEW
            )
        except Conflict:
            continue
        frozen += 1
    return frozen
