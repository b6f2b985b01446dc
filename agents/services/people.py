"""The people who sign in."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, TypedDict, Unpack
from uuid import UUID

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.tokens import default_token_generator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from agents import permissions, selectors
from agents.choices import DelegationEnd, NotificationKind, SessionEnd, TokenEnd
from agents.models import Person
from agents.services import api_tokens, delegations, lifecycle, locks, notifications, sessions
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.models import Event
from audits.services import history, ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse


class Names(TypedDict, total=False):
    """What `amend_person` changes."""

    username: str
    first_name: str
    last_name: str
    email: str
    external_id: str


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
    external_id: str = "",
) -> Person:
    """Add somebody who may sign in to the portal.

    Args:
        password: None for somebody who comes by an identity provider, or by `invite`.
        groups: names of existing groups, which carry what the person may see.
        external_id: what the directory that provisions people calls this person.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: a field or the password does not hold (`fields` says which), or no such group.
        Conflict: the username or the external id is taken; `fields` says which.
    """
    person = Person(
        username=username,
        first_name=first_name,
        last_name=last_name,
        email=email,
        external_id=external_id,
        is_staff=True,
        is_superuser=is_administrator,
    )
    try:
        with attempt(action=Action.PERSON_ADDED, actor=actor, stream=SYSTEM_STREAM, object="people"):
            refuse(permissions.why_not_administer_people(actor))
            found = _groups(groups)
            _check(person, password)
            _refuse_taken(person)
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
                    "external_id": external_id,
                },
            )
    except IntegrityError as error:
        raise Conflict("Somebody else has this username or external id.") from error
    return person


def amend_person(*, actor: Actor, person: Person, **changes: Unpack[Names]) -> Person:
    """Change what a person is called, and by which name they sign in. What is as asked is left alone.

    Nothing is recorded where nothing changes. Dossiers know people by their username: with another one the
    agents that they own, deputise for or sponsor are edited since the board approved them.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: a field does not hold; `fields` says which.
        Conflict: the username or the external id is somebody else's; `fields` says which.
    """
    try:
        with _standing(Action.PERSON_AMENDED, actor, person):
            refuse(permissions.why_not_administer_people(actor))
            held = locks.person(person.pk)
            before = {name: getattr(held, name) for name in changes}
            after = {name: value for name, value in changes.items() if value != before[name]}
            if after:
                _amend(held, actor=actor, before=before, after=after)
    except IntegrityError as error:
        raise Conflict("Somebody else has this username or external id.") from error
    person.refresh_from_db()
    return person


def _amend(person: Person, *, actor: Actor, before: dict[str, Any], after: dict[str, Any]) -> None:
    for name, value in after.items():
        setattr(person, name, value)
    _check(person, None)
    _refuse_taken(person)
    person.save(update_fields=list(after))
    history.record(
        changed=[person],
        stream=f"person/{person.pk}",
        action=Action.PERSON_AMENDED,
        actor=actor,
        object=f"person/{person.pk}",
        body={"before": {name: before[name] for name in after}, "after": after},
    )
    if "username" in after:
        lifecycle.person_renamed(actor=actor, person=person)


def assign_groups(*, actor: Actor, person: Person, groups: Sequence[str]) -> Person:
    """Let a person be in exactly these groups, which carry what they may see. Nothing new is not recorded.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: there is no such group.
    """
    with _standing(Action.PERSON_AMENDED, actor, person):
        refuse(permissions.why_not_administer_people(actor))
        held = locks.person(person.pk)
        before, after = sorted(held.groups.values_list("name", flat=True)), sorted(set(groups))
        if before != after:
            held.groups.set(_groups(after))
            history.record(
                changed=[held],
                stream=f"person/{held.pk}",
                action=Action.PERSON_AMENDED,
                actor=actor,
                object=f"person/{held.pk}",
                body={"before": {"groups": before}, "after": {"groups": after}},
            )
    return held


def change_password(*, actor: Person, password: str, session: UUID | None = None) -> None:
    """Give oneself another password; that it was changed is recorded, the password is not.

    Every session of the person ends, except `session`, in which it was changed, and every API token.

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
        changed = _set_password(current, password, session=None)
        notifications.tell(
            people=[current],
            kind=NotificationKind.PASSWORD_CHOSEN,
            reference=f"person/{current.pk}",
            title="Your password was chosen with the link of an invitation",
            key=f"event/{changed.pk}",
        )


def _set_password(person: Person, password: str, *, session: UUID | None) -> Event:
    person.set_password(password)
    person.save(update_fields=["password"])
    event = ledger.record(
        stream=f"person/{person.pk}",
        action=Action.PERSON_PASSWORD_CHANGED,
        actor=person.actor,
        object=f"person/{person.pk}",
    )
    sessions.end_all(actor=person.actor, person=person, reason=SessionEnd.PASSWORD, but=session)
    api_tokens.end_all(actor=person.actor, person=person, reason=TokenEnd.PASSWORD)
    return event


def deactivate(*, actor: Actor, person: Person) -> None:
    """Nobody signs in as this person any more, and the agents that they own have no owner (promise 3).

    In the same transaction these agents stop writing, their open requests are voided, and their epoch
    rises: what was minted for them before is refused. The person's seat and their own requests end.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product, or is this person; recorded.
        Conflict: the account is not active, or the last of an administrator.
    """
    with _standing(Action.PERSON_DEACTIVATED, actor, person):
        refuse(permissions.why_not_deactivate(actor, person))
        _keep_an_administrator(person)
        _move(person, actor=actor, action=Action.PERSON_DEACTIVATED, is_active=False)
        sessions.end_all(actor=actor, person=person, reason=SessionEnd.DEACTIVATED)
        api_tokens.end_all(actor=actor, person=person, reason=TokenEnd.DEACTIVATED)
        lifecycle.person_left(actor=actor, person=person)
        # After the agents' locks: what stops an agent ends delegations under them.
        delegations.end_all(actor=actor, person=person, reason=DelegationEnd.DEACTIVATED)


def reactivate(*, actor: Actor, person: Person) -> None:
    """The person may sign in again. Agents that lost their owner wait for one: this one may accept them.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Conflict: the account is active.
    """
    with _standing(Action.PERSON_REACTIVATED, actor, person):
        refuse(permissions.why_not_administer_people(actor))
        _move(person, actor=actor, action=Action.PERSON_REACTIVATED, is_active=True)


def _keep_an_administrator(person: Person) -> None:
    """The last one stays, also where two deactivate each other at the same moment."""
    if not person.is_superuser:
        return
    administrators = Person.objects.filter(is_superuser=True, is_active=True).order_by("pk")
    held = set(administrators.select_for_update(no_key=True).values_list("pk", flat=True))
    if held == {person.pk}:
        raise Conflict(f"{person} is the last administrator. Add another one first.")


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


def _refuse_taken(person: Person) -> None:
    """Capitals make no difference to a username, as at the sign-in; they do to an external id.

    Raises:
        Conflict: somebody else has one of them.
    """
    named = selectors.person_named(person.username)
    if named is not None and named.pk != person.pk:
        raise Conflict(f"The username {person.username} is taken.", fields={"username": "taken"})
    others = Person.objects.exclude(pk=person.pk)
    if person.external_id and others.filter(external_id=person.external_id).exists():
        raise Conflict("Somebody else has this external id.", fields={"external_id": "taken"})


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
