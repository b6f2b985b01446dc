"""What a directory may do to people over SCIM: add, amend, deactivate, reactivate. All or nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from agents import permissions, selectors
from agents.models import Person
from agents.services import locks, people
from audits.actor import Actor
from audits.choices import Action
from audits.errors import NotFound
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse


@dataclass(frozen=True, slots=True)
class Account:
    """What a directory says of a person."""

    username: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    external_id: str = ""
    active: bool = True

    @classmethod
    def of(cls, person: Person) -> "Account":
        return cls(
            username=person.username,
            first_name=person.first_name,
            last_name=person.last_name,
            email=person.email,
            external_id=person.external_id,
            active=person.is_active,
        )


def create(*, actor: Actor, account: Account) -> Person:
    """Add a person, who comes by an identity provider or by an invitation: without a password or a group.

    Raises:
        Invalid: a field does not hold; `fields` says which.
        Conflict: the username or the external id is taken; recorded.
    """
    with attempt(action=Action.PERSON_ADDED, actor=actor, stream=SYSTEM_STREAM, object="people"):
        person = people.add_person(
            actor=actor,
            username=account.username,
            first_name=account.first_name,
            last_name=account.last_name,
            email=account.email,
            external_id=account.external_id,
            password=None,
        )
        if not account.active:
            people.deactivate(actor=actor, person=person)
    return person


def change(*, actor: Actor, person_id: UUID, how: Callable[[Account], Account]) -> Person:
    """Make a person what `how` makes of what they are; it is given what stands now, and nobody interferes.

    Raises:
        NotFound: there is no such person.
        Denied: the person is an administrator, whom SCIM does not manage here; recorded.
        Invalid: a field does not hold; `fields` says which.
        Conflict: the username or the external id is somebody else's, or the last administrator would
            go; recorded.
        Exception: whatever `how` raises; nothing is changed then.
    """
    reference = f"person/{person_id}"
    _find(person_id)
    with attempt(action=Action.PERSON_AMENDED, actor=actor, stream=reference, object=reference):
        person = locks.person(person_id)
        before = Account.of(person)
        after = how(before)
        if after != before:
            refuse(permissions.why_not_provision(person))
            _apply(person, actor=actor, before=before, after=after)
    return person


def remove(*, actor: Actor, person_id: UUID) -> None:
    """Deactivate somebody whom the directory has deleted; people themselves are never deleted.

    Where they are inactive already, nothing happens.

    Raises:
        NotFound, Denied, Conflict: as `change`.
    """
    reference = f"person/{person_id}"
    _find(person_id)
    with attempt(action=Action.PERSON_DEACTIVATED, actor=actor, stream=reference, object=reference):
        person = locks.person(person_id)
        if person.is_active:
            refuse(permissions.why_not_provision(person))
            people.deactivate(actor=actor, person=person)


def _apply(person: Person, *, actor: Actor, before: Account, after: Account) -> None:
    people.amend_person(
        actor=actor,
        person=person,
        username=after.username,
        first_name=after.first_name,
        last_name=after.last_name,
        email=after.email,
        external_id=after.external_id,
    )
    if after.active and not before.active:
        people.reactivate(actor=actor, person=person)
    if before.active and not after.active:
        people.deactivate(actor=actor, person=person)


def _find(person_id: UUID) -> Person:
    person = selectors.provisioned_people().filter(pk=person_id).first()
    if person is None:
        raise NotFound("There is no such person.")
    return person
