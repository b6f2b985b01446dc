"""The people who sign in."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from uuid import UUID

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from agents import permissions, selectors
from agents.choices import SessionEnd
from agents.models import Agent, Person
from agents.services import locks, register, sessions
from agents.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.services import history, ledger


def add_person(
    *,
    actor: Actor,
    username: str,
    first_name: str,
    last_name: str,
    email: str,
    password: str | None,
    groups: Sequence[str] = (),
    is_administrator: bool = False,
) -> Person:
    """Add somebody who may sign in to the portal.

    Args:
        password: None for somebody who comes by an identity provider, or by `invite`.
        groups: names of existing groups, which carry what the person may see.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: a field or the password does not hold (`fields` says which), or no such group.
        Conflict: the username is taken.
    """
    person = Person(
        username=username,
        first_name=first_name,
        last_name=last_name,
        email=email,
        is_staff=True,
        is_superuser=is_administrator,
    )
    try:
        with attempt(action=Action.PERSON_ADDED, actor=actor, stream=SYSTEM_STREAM, object="people"):
            refuse(permissions.why_not_administer_people(actor))
            found = _groups(groups)
            _check(person, password)
            if selectors.person_named(username):
                raise Conflict(f"The username {username} is taken.", fields={"username": "taken"})
            person.set_password(password)  # None: no password fits
            person.save(force_insert=True)
            person.groups.set(found)
            history.record(
                changed=[person],
                stream=f"person/{person.pk}",
                action=Action.PERSON_ADDED,
                actor=actor,
                object=f"person/{person.pk}",
                body={
                    "username": username,
                    "person": str(person),
                    "groups": sorted(groups),
                    "administrator": is_administrator,
                },
            )
    except IntegrityError as error:
        raise Conflict(f"The username {username} is taken.", fields={"username": "taken"}) from error
    return person


def change_password(*, actor: Person, password: str, session: UUID | None = None) -> None:
    """Give oneself another password; that it was changed is recorded, the password is not.

    Every session of the person ends, except `session`, in which it was changed.

    Raises:
        Invalid: the password does not hold; `fields` says why.
    """
    _check_password(actor, password)
    with transaction.atomic():
        _set_password(actor, password, session=session)


def invite(*, actor: Actor, person: Person) -> str:
    """A token with which the person chooses a password, once, within `INVITATION_HOURS`.

    It is made from the password that stands now: choosing one, or signing in, spends it.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Conflict: the account is not active.
    """
    with _standing(Action.PERSON_INVITED, actor, person):
        refuse(permissions.why_not_administer_people(actor))
        if not person.is_active:
            raise Conflict(f"{person} is inactive: reactivate the account first.")
        ledger.record(
            stream=f"person/{person.pk}",
            action=Action.PERSON_INVITED,
            actor=actor,
            object=f"person/{person.pk}",
            body={"username": person.username},
        )
    return default_token_generator.make_token(person)


def accept_invitation(*, person: Person, token: str, password: str) -> None:
    """Choose a password with the token of an invitation; every session of the person ends.

    Raises:
        Denied: the token does not hold: spent, too old, or another person's; recorded.
        Invalid: the password does not hold; `fields` says why.
    """
    with _standing(Action.PERSON_PASSWORD_CHANGED, person.actor, person):
        current = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        if not current.is_active or not default_token_generator.check_token(current, token):
            raise Denied("This link is spent or too old. Ask an administrator for another one.")
        _check_password(current, password)
        _set_password(current, password, session=None)


def _set_password(person: Person, password: str, *, session: UUID | None) -> None:
    person.set_password(password)
    person.save(update_fields=["password"])
    ledger.record(
        stream=f"person/{person.pk}",
        action=Action.PERSON_PASSWORD_CHANGED,
        actor=person.actor,
        object=f"person/{person.pk}",
    )
    sessions.end_all(actor=person.actor, person=person, reason=SessionEnd.PASSWORD, but=session)


def deactivate(*, actor: Actor, person: Person) -> None:
    """Nobody signs in as this person any more, and the agents that they own have no access (promise 3).

    The epoch of each of these agents rises: what was minted for it before is refused.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product, or is this person; recorded.
        Conflict: the account is not active.
    """
    with _standing(Action.PERSON_DEACTIVATED, actor, person):
        refuse(permissions.why_not_deactivate(actor, person))
        _move(person, actor=actor, action=Action.PERSON_DEACTIVATED, is_active=False)
        sessions.end_all(actor=actor, person=person, reason=SessionEnd.DEACTIVATED)
        for agent_id in Agent.objects.filter(owner=person).order_by("pk").values_list("pk", flat=True):
            register.raise_epoch(actor=actor, agent=locks.agent(agent_id))


def reactivate(*, actor: Actor, person: Person) -> None:
    """The person may sign in again, and the agents that they own may act as far as they are approved.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Conflict: the account is active.
    """
    with _standing(Action.PERSON_REACTIVATED, actor, person):
        refuse(permissions.why_not_administer_people(actor))
        _move(person, actor=actor, action=Action.PERSON_REACTIVATED, is_active=True)


def _standing(action: Action, actor: Actor, person: Person) -> AbstractContextManager[None]:
    reference = f"person/{person.pk}"
    return attempt(action=action, actor=actor, stream=reference, object=reference)


def _move(person: Person, *, actor: Actor, action: Action, is_active: bool) -> None:
    if not Person.objects.filter(pk=person.pk, is_active=not is_active).update(is_active=is_active):
        raise Conflict(f"{person} is {'active' if is_active else 'inactive'} already; look again.")
    person.is_active = is_active
    history.record(
        changed=[person],
        stream=f"person/{person.pk}",
        action=action,
        actor=actor,
        object=f"person/{person.pk}",
        body={"username": person.username, "person": str(person)},
    )


def _groups(names: Sequence[str]) -> list[Group]:
    found = list(Group.objects.filter(name__in=names))
    missing = sorted(set(names) - {group.name for group in found})
    if missing:
        raise Invalid(f"No such group: {', '.join(missing)}.", fields={"groups": "unknown"})
    return found


def _check(person: Person, password: str | None) -> None:
    try:
        person.clean_fields(exclude=["password"])
    except ValidationError as error:
        problems = {name: " ".join(messages) for name, messages in error.message_dict.items()}
        raise Invalid(" ".join(problems.values()), fields=problems) from error
    if password is not None:
        _check_password(person, password)


def _check_password(person: Person, password: str) -> None:
    try:
        validate_password(password, person)
    except ValidationError as error:
        message = " ".join(error.messages)
        raise Invalid(message, fields={"password": message}) from error
