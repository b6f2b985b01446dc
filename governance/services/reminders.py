"""Reminding those who have not voted: when half of the time is over, and once more before its end.

A reminder is recorded, with whom: it is evidence that people were asked. Each approval counts its own.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audits.choices import Action
from audits.services import history
from governance import selectors
from governance.choices import ApprovalState
from governance.models import Approval
from governance.services import locks, telling
from governance.services.actors import REMINDER


def sweep() -> int:
    """Give every reminder that is due; how many were given. One that came too late gives way to the next."""
    given = 0
    pending = Approval.objects.filter(state=ApprovalState.PENDING, expires_at__gt=timezone.now())
    for approval in pending.defer("content"):
        if _due(approval) > approval.reminders:
            given += _remind(approval)
    return given


def moments(approval: Approval) -> list[datetime]:
    """When its reminders are due: at a share of its time, and so many hours before its end.

    A request that is shorter than that has the first alone: a write elevation, for example.
    """
    whole = approval.expires_at - approval.requested_at
    share = approval.requested_at + whole * settings.REMIND_AT_PERCENT / 100
    last = approval.expires_at - timedelta(hours=settings.REMIND_LAST_HOURS)
    return [share, last] if last > share else [share]


def _due(approval: Approval) -> int:
    """The number of the reminder that should have been given by now; 0 for none."""
    now = timezone.now()
    return sum(moment <= now for moment in moments(approval))


def _remind(approval: Approval) -> bool:
    with transaction.atomic():
        agent = locks.agent(approval.agent_id)
        current = locks.approval(approval.pk)
        current.agent = agent
        number = _due(current)
        people = selectors.voters(current)
        if current.state != ApprovalState.PENDING or number <= current.reminders or not people:
            return False
        current.reminders = number
        current.save(update_fields=["reminders"])
        is_last = number == len(moments(current))
        history.record(
            changed=[current],
            stream=agent.stream,
            action=Action.APPROVAL_REMINDED,
            actor=REMINDER,
            object=f"approval/{current.pk}",
            body={
                "reminder": number,
                "last": is_last,
                "people": sorted(f"person/{person.pk}" for person in people),
                "expires_at": current.expires_at.isoformat(),
            },
        )
        telling.reminded(approval=current, people=people, is_last=is_last and number > 1)
    return True
