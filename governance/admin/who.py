"""Who is at the screen, as governance knows people."""

from typing import cast

from django.http import HttpRequest

from agents.models import Person


def person_of(request: HttpRequest) -> Person:
    """The signed-in person; the admin lets nobody else in."""
    return cast("Person", request.user)
