"""Somebody has left: what they asked for ends, and so does their seat. Votes that they cast stay."""

from django.utils import timezone

from agents.models import Person
from audits.actor import Actor
from audits.choices import Action
from audits.services import history
from governance.choices import ApprovalState
from governance.models import Approval, Seat
from governance.services import locks, requests
from governance.services.approvals import SUBJECTS

GONE = "Who asked for it has left."


def end_requests(*, actor: Actor, person: Person) -> int:
    """Void what the person asked for and nobody has decided. Returns how many.

    Must run inside the transaction in which they leave.
    """
    asked = Approval.objects.filter(requested_by=person, state=ApprovalState.PENDING)
    ended = 0
    for approval_id, agent_id in asked.order_by("agent", "pk").values_list("pk", "agent"):
        agent = locks.agent(agent_id)
        current = locks.approval(approval_id)
        current.agent = agent
        if current.state == ApprovalState.PENDING:
            requests.close(actor=actor, approval=current, state=ApprovalState.VOIDED, reason=GONE)
            SUBJECTS[current.subject].refused(current, agent, ApprovalState.VOIDED)
            ended += 1
    return ended


def end_seat(*, actor: Actor, person: Person) -> int:
    """Take the person's seat away, at once. Returns how many there were.

    Must run inside the transaction in which they leave.
    """
    now = timezone.now()
    seats = list(Seat.objects.select_for_update(no_key=True).filter(person=person, ends_at__isnull=True))
    for seat in seats:
        seat.ends_at = now
        seat.save(update_fields=["ends_at"])
        history.record(
            changed=[seat],
            stream="system",
            action=Action.SEAT_ENDED,
            actor=actor,
            object=f"seat/{seat.pk}",
            body={"person": str(person.pk), "discipline": seat.discipline, "why": "They have left."},
        )
    return len(seats)
