"""Who is told of requests to unfreeze and proposals to shrink. As `telling` does, with each verb.

What is frozen is named by its level and its agent or owner, as the register knows them.
"""

from agents.choices import NotificationKind
from agents.models import Agent, Person
from agents.selectors import people_answering_for
from agents.services import notifications
from agents.services.telling import others
from audits.actor import Actor
from governance import containment_permissions, containment_selectors, selectors
from governance.choices import ContainmentLevel, ShrinkState, UnfreezeState
from governance.models import Containment, Shrinking, Unfreeze


def unfreeze_requested(*, unfreeze: Unfreeze) -> None:
    """Everybody who can confirm it."""
    seats = {seat.person_id: seat for seat in selectors.current_seats()}
    deciders = Person.objects.filter(is_superuser=True) | Person.objects.filter(pk__in=seats)
    _ask_to_confirm(
        unfreeze,
        [
            person
            for person in deciders
            if containment_permissions.against_confirming(person, unfreeze, seats.get(person.pk)) is None
        ],
    )


def seated(*, person: Person) -> None:
    """Who takes a seat hears of what waits to go on already."""
    rows = containment_selectors.unfreezes_for(person)
    for unfreeze in rows.select_related("containment__agent", "containment__person", "requested_by"):
        _ask_to_confirm(unfreeze, [person])


def unfreeze_ended(*, unfreeze: Unfreeze, actor: Actor) -> None:
    """Who asked for it and the owner's side; nothing asks anybody to confirm it any more."""
    reference = f"containment/{unfreeze.containment_id}"
    notifications.settle(reference=reference, kinds=(NotificationKind.UNFREEZE_REQUESTED,))
    became = UnfreezeState(unfreeze.state).label.lower()
    notifications.tell(
        people=others(actor, [unfreeze.requested_by, *_owners_side(unfreeze.containment)]),
        kind=NotificationKind.UNFREEZE_ENDED,
        reference=reference,
        title=f"The request to unfreeze {_frozen(unfreeze.containment)}: {became}",
        key=f"unfreeze/{unfreeze.pk}/ended",
        agent=unfreeze.containment.agent,
    )


def shrink_proposed(*, proposal: Shrinking, agent: Agent, actor: Actor) -> None:
    """Owner and deputies; administrators where the agent has no owner any more."""
    people = [*people_answering_for(agent)]
    if agent.ownerless_at:
        people += Person.objects.filter(is_superuser=True)
    notifications.tell(
        people=others(actor, people),
        kind=NotificationKind.SHRINK_PROPOSED,
        reference=_reference(proposal),
        title=f"A grant of {agent.slug} is proposed to shrink: confirm or decline",
        key=f"{_reference(proposal)}/proposed",
        agent=agent,
        asked_by=proposal.proposed_by,
    )


def shrink_decided(*, proposal: Shrinking, agent: Agent, actor: Actor) -> None:
    """Who proposed it, and the owner's side; nobody is asked any more."""
    notifications.settle(reference=_reference(proposal), kinds=(NotificationKind.SHRINK_PROPOSED,))
    became = ShrinkState(proposal.state).label.lower()
    notifications.tell(
        people=others(actor, [proposal.proposed_by, *people_answering_for(agent)]),
        kind=NotificationKind.SHRINK_DECIDED,
        reference=_reference(proposal),
        title=f"The proposal to shrink a grant of {agent.slug}: {became}",
        key=f"{_reference(proposal)}/decided",
        agent=agent,
    )


def _ask_to_confirm(unfreeze: Unfreeze, people: list[Person]) -> None:
    notifications.tell(
        people=people,
        kind=NotificationKind.UNFREEZE_REQUESTED,
        reference=f"containment/{unfreeze.containment_id}",
        title=f"You are asked whether {_frozen(unfreeze.containment)} goes on",
        key=f"unfreeze/{unfreeze.pk}/requested",
        agent=unfreeze.containment.agent,
        asked_by=unfreeze.requested_by,
        due_at=unfreeze.expires_at,
    )


def _frozen(containment: Containment) -> str:
    if containment.level == ContainmentLevel.EVERYTHING:
        return "everything"
    if containment.person:
        return f"what {containment.person.username} owns"
    slug = containment.agent.slug if containment.agent else ""
    return f"a copy of {slug}" if containment.level == ContainmentLevel.INSTANCE else slug


def _owners_side(containment: Containment) -> list[Person]:
    if containment.agent:
        return people_answering_for(containment.agent)
    return [containment.person] if containment.person else []


def _reference(proposal: Shrinking) -> str:
    return f"shrinking/{proposal.pk}"
