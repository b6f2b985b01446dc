"""Who is told that a policy version waits for two people, and how it ended. Part of the verbs that do what it
tells of."""

from agents.choices import NotificationKind
from agents.models import Person
from agents.services import notifications
from agents.services.telling import others
from audits.actor import Actor
from governance import policy_permissions, policy_selectors, selectors
from governance.choices import PolicyState
from governance.models import PolicyVersion

KINDS = (NotificationKind.APPROVAL_REQUESTED,)


def proposed(*, version: PolicyVersion) -> None:
    """Everybody who can vote on it."""
    seats = selectors.current_seats().select_related("person")
    voters = [
        seat.person for seat in seats if not policy_permissions.against_voting(seat.person, version, seat)
    ]
    _ask(version, voters)


def seated(*, person: Person) -> None:
    """Who takes a seat hears of what waits for it already."""
    for version in policy_selectors.waiting_for(person).select_related("proposed_by"):
        _ask(version, [person])


def voted(*, version: PolicyVersion, person: Person) -> None:
    """Nothing asks this person for a vote any more."""
    notifications.settle(reference=_reference(version), kinds=KINDS, person=person)


def settled(*, version: PolicyVersion, actor: Actor) -> None:
    """Nobody is asked any more. Of what was proposed, its author and who proposed it hear what it became."""
    notifications.settle(reference=_reference(version), kinds=KINDS)
    if version.proposed_at is None:
        return
    people = [person for person in (version.author, version.proposed_by) if person]
    notifications.tell(
        people=others(actor, people),
        kind=NotificationKind.POLICY_DECIDED,
        reference=_reference(version),
        title=f"The policies {version.label}: {PolicyState(version.state).label.lower()}",
        key=f"{_reference(version)}/decided",
    )


def _ask(version: PolicyVersion, people: list[Person]) -> None:
    notifications.tell(
        people=people,
        kind=NotificationKind.APPROVAL_REQUESTED,
        reference=_reference(version),
        title=f"Your vote is asked for on the policies {version.label}",
        key=f"{_reference(version)}/proposed",
        asked_by=version.proposed_by,
    )


def _reference(version: PolicyVersion) -> str:
    return f"policy_version/{version.pk}"
