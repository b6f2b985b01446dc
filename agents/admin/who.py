"""Who is at the screen, and who it was, as rows keep it: a reference as in the ledger."""

from typing import cast
from uuid import UUID

from django.http import HttpRequest

from agents.models import Person


def person_of(request: HttpRequest) -> Person:
    """The signed-in person; the admin lets nobody else in."""
    return cast("Person", request.user)


def show_who(reference: str) -> str:
    """The person behind ``person/<uuid>``, by today's name; agents and the system by their own names."""
    kind, _, name = reference.partition("/")
    if kind != "person":
        return reference
    try:
        person = Person.objects.filter(pk=UUID(name)).first()
    except ValueError:
        return reference
    return str(person) if person else reference
