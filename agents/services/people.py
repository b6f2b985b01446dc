"""The people who sign in."""

from collections.abc import Sequence

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from agents import permissions
from agents.models import Person
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.services import ledger


def add_person(
    *,
    actor: Actor,
    username: str,
    first_name: str,
    last_name: str,
    email: str,
    password: str,
    groups: Sequence[str] = (),
    is_administrator: bool = False,
) -> Person:
    """Add somebody who may sign in to the portal.

    Args:
        groups: names of existing groups, which carry what the person may see.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product.
        Invalid: a field or the password does not hold (`fields` says which), or no such group.
        Conflict: the username is taken.
    """
    reason = permissions.why_not_add_people(actor)
    if reason:
        raise Denied(reason)
    person = Person(
        username=username,
        first_name=first_name,
        last_name=last_name,
        email=email,
        is_staff=True,
        is_superuser=is_administrator,
    )
    found = _groups(groups)
    _check(person, password)
    person.set_password(password)
    try:
        with transaction.atomic():
            person.save(force_insert=True)
            person.groups.set(found)
            ledger.record(
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


def _groups(names: Sequence[str]) -> list[Group]:
    found = list(Group.objects.filter(name__in=names))
    missing = sorted(set(names) - {group.name for group in found})
    if missing:
        raise Invalid(f"No such group: {', '.join(missing)}.", fields={"groups": "unknown"})
    return found


def _check(person: Person, password: str) -> None:
    try:
        person.clean_fields(exclude=["password"])
    except ValidationError as error:
        problems = {name: " ".join(messages) for name, messages in error.message_dict.items()}
        raise Invalid(" ".join(problems.values()), fields=problems) from error
    try:
        validate_password(password, person)
    except ValidationError as error:
        message = " ".join(error.messages)
        raise Invalid(message, fields={"password": message}) from error
