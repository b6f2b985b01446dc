"""That somebody who is asked has opened what they are asked, so that it is known how long they looked.

Only the first time counts, and only of those who can vote: what others look at says nothing of approvers.
"""

from django.db import transaction
from django.utils import timezone

from agents.models import Person
from audits.choices import Action
from audits.services import ledger
from governance import permissions
from governance.models import Approval, ApprovalOpening


def record(*, actor: Person, approval: Approval) -> bool:
    """Record that its page is shown to somebody who can vote on it. Says whether it was the first time."""
    if permissions.against_voting_now(actor, approval) is not None:
        return False
    if ApprovalOpening.objects.filter(approval=approval, person=actor).exists():
        return False
    with transaction.atomic():
        _opening, is_new = ApprovalOpening.objects.get_or_create(
            approval=approval, person=actor, defaults={"opened_at": timezone.now()}
        )
        if is_new:
            ledger.record(
                stream=approval.agent.stream,
                action=Action.APPROVAL_OPENED,
                actor=actor.actor,
                object=f"approval/{approval.pk}",
                body={"digest": approval.digest, "revision": approval.revision},
            )
    return is_new
