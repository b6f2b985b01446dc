"""Who is told of what becomes of agents and their owners. Each is part of the verb that it tells of.

Nobody is told of what they did themselves. How to add something: `agents/services/notifications.py`.
"""

from collections.abc import Iterable

from django.db.models import Q
from django.utils import timezone

from agents.choices import STEWARDS, FreezeReason, HandoverState, NotificationKind
from agents.models import Agent, FunctionCall, Handover, Person
from agents.selectors import people_answering_for
from agents.services import notifications
from audits.actor import Actor

# What asks its owner to look at an agent; done with once they have.
FOR_A_REVIEW = (NotificationKind.REVIEW_DUE, NotificationKind.AGENT_SUSPENDED)


def others(actor: Actor, people: Iterable[Person]) -> list[Person]:
    return [person for person in people if person.actor != actor]


def access_used(*, agent: Agent, call: FunctionCall) -> None:
    """What the obligation `notify:owner` asks for: who answers for the agent, however the call went."""
    notifications.tell(
        people=people_answering_for(agent),
        kind=NotificationKind.ACCESS_USED,
        reference=f"run/{call.run_id}",
        title=f"{agent.slug} called {call.function}, of which you are told",
        key=f"call/{call.pk}/used",
        agent=agent,
    )


def offered(*, handover: Handover) -> None:
    """Whom it is offered to."""
    notifications.tell(
        people=others(handover.offered_by.actor, [handover.to]),
        kind=NotificationKind.HANDOVER_OFFERED,
        reference=f"handover/{handover.pk}",
        title=f"You are asked to own {handover.agent.slug}",
        key=f"handover/{handover.pk}/offered",
        agent=handover.agent,
        asked_by=handover.offered_by,
        due_at=handover.expires_at,
    )


def offer_ended(*, handover: Handover, actor: Actor) -> None:
    """Who offered it; nothing asks for an answer any more."""
    reference = f"handover/{handover.pk}"
    notifications.settle(reference=reference, kinds=(NotificationKind.HANDOVER_OFFERED,))
    if handover.state == HandoverState.ACCEPTED:
        notifications.settle(
            reference=f"agent/{handover.agent_id}", kinds=(NotificationKind.AGENT_OWNERLESS,)
        )
    became = HandoverState(handover.state).label.lower()
    notifications.tell(
        people=others(actor, [handover.offered_by]),
        kind=NotificationKind.HANDOVER_ENDED,
        reference=reference,
        title=f"Your offer of {handover.agent.slug}: {became}",
        key=f"{reference}/ended",
        agent=handover.agent,
    )


def lost_owner(*, agent: Agent, actor: Actor) -> None:
    """Deputies and sponsor, and those who find it another owner: administrators and stewards."""
    finders = Person.objects.filter(Q(is_superuser=True) | Q(groups__name=STEWARDS), is_active=True)
    sponsor = [agent.sponsor] if agent.sponsor else []
    notifications.tell(
        people=others(actor, [*agent.deputies.all(), *sponsor, *finders.distinct()]),
        kind=NotificationKind.AGENT_OWNERLESS,
        reference=f"agent/{agent.pk}",
        title=f"{agent.slug} has no owner any more",
        key=f"agent/{agent.pk}/ownerless/{agent.ownerless_at}",
        agent=agent,
    )


def suspended(*, agent: Agent, actor: Actor) -> None:
    """Owner and deputies, with what has to be mended."""
    reason = FreezeReason(agent.freeze_reason).label
    notifications.tell(
        people=others(actor, people_answering_for(agent)),
        kind=NotificationKind.AGENT_SUSPENDED,
        reference=f"agent/{agent.pk}",
        title=f"{agent.slug} is suspended: {reason[0].lower()}{reason[1:]}",
        key=f"agent/{agent.pk}/suspended/{timezone.now().isoformat()}",
        agent=agent,
    )


def reviewed(*, agent: Agent) -> None:
    """Nothing asks for this review any more."""
    notifications.settle(reference=f"agent/{agent.pk}", kinds=FOR_A_REVIEW)


def edited(*, agent: Agent, actor: Actor) -> None:
    """Owner and deputies, once it is not what the board approved any more."""
    _about_edit(agent, actor, NotificationKind.AGENT_EDITED, "was edited since its approval: it only reads")


def put_back(*, agent: Agent, actor: Actor) -> None:
    """Owner and deputies; what told of the edit is done with where nothing differs."""
    if not agent.edited:
        notifications.settle(reference=f"agent/{agent.pk}", kinds=(NotificationKind.AGENT_EDITED,))
    _about_edit(agent, actor, NotificationKind.AGENT_PUT_BACK, "was put back to what the board approved")


def _about_edit(agent: Agent, actor: Actor, kind: NotificationKind, happened: str) -> None:
    notifications.tell(
        people=others(actor, people_answering_for(agent)),
        kind=kind,
        reference=f"agent/{agent.pk}",
        title=f"{agent.slug} {happened}",
        key=f"agent/{agent.pk}/{kind.value}/{timezone.now().isoformat()}",
        agent=agent,
    )
