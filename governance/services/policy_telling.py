"""Who is told that a policy version waits for two people. Part of the verbs that do what it tells of."""

from agents.choices import NotificationKind
from agents.models import Person
from agents.services import notifications
from governance import policy_permissions, selectors
from governance.models import PolicyVersion

KINDS = (NotificationKind.APPROVAL_REQUESTED,)


def proposed(*, version: PolicyVersion) -> None:
    """Everybody who can vote on it."""
    seats = selectors.current_seats().select_related("person")
    notifications.tell(
        people=[
            seat.person for seat in seats if not policy_permissions.against_voting(seat.person, version, seat)
        ],
        kind=NotificationKind.APPROVAL_REQUESTED,
        reference=_reference(version),
        title=f"Your vote is asked for on the policies {version.label}",
        key=f"{_reference(version)}/proposed",
        asked_by=version.proposed_by,
    )


def voted(*, version: PolicyVersion, person: Person) -> None:
    """Nothing asks this person for a vote any more."""
    notifications.settle(reference=_reference(version), kinds=KINDS, person=person)


def settled(*, version: PolicyVersion) -> None:
    """Nobody is asked any more."""
    notifications.settle(reference=_reference(version), kinds=KINDS)


def _reference(version: PolicyVersion) -> str:
    return f"policy_version/{version.pk}"
