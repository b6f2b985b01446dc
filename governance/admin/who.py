"""Who is at the screen, as governance knows people."""

from typing import Any, cast

from django.http import HttpRequest

from agents.authentication import Authentication
from agents.models import Person


def person_of(request: HttpRequest) -> Person:
    """The signed-in person; the admin lets nobody else in."""
    return cast("Person", request.user)


def authentication_of(request: Any) -> Authentication:
    """When and how that person proved who they are."""
    return cast("Authentication", request.authentication)
