"""Who is at the screen."""

from typing import Any, cast

from django.http import HttpRequest

from audits.actor import Actor


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person as the actor of a service; the admin lets nobody else in."""
    person = cast("Any", request.user)
    actor: Actor = person.actor
    return actor
