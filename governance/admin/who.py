"""Who is at the screen, as governance knows people."""

from typing import Any, cast

from agents.admin.who import person_of
from agents.authentication import Authentication

__all__ = ["authentication_of", "person_of"]


def authentication_of(request: Any) -> Authentication:
    """When and how that person proved who they are."""
    return cast("Authentication", request.authentication)
