"""That somebody looks is recorded before they see it (S2-19): of a page that refreshes itself, once."""

import logging
import time

from django.db import DatabaseError
from django.http import HttpRequest

from audits.admin.reader import actor_of
from audits.errors import ServiceError
from audits.services import reading

logger = logging.getLogger(__name__)

FOLLOWED_SECONDS = 600
FOLLOWED = "reading_followed"
SILENT = frozenset({"csrfmiddlewaretoken", "_changelist_filters"})


def why_not_shown(request: HttpRequest, *, about: str, permission: str, part: str) -> str:
    """Record that the reader at the screen sees `part` of `about`; where that fails, the sentence why."""
    if _is_followed(request):
        return ""
    filters = {name: str(value) for name, value in request.GET.items() if value and name not in SILENT}
    try:
        reading.look(
            actor=actor_of(request),
            object=about,
            permission=permission,
            part=part,
            path=request.path,
            filters=filters,
        )
    except (ServiceError, DatabaseError) as error:
        logger.error("A reading of %s could not be recorded: %s", about, error)  # noqa: TRY400 - it says it all
        return error.message if isinstance(error, ServiceError) else "The database refused."
    _follow(request)
    return ""


def _is_followed(request: HttpRequest) -> bool:
    """A page that asks for itself again, soon after it was opened and recorded."""
    if request.headers.get("HX-Request") != "true" or request.method != "GET":
        return False
    path, opened = request.session.get(FOLLOWED, ("", 0))
    return bool(path == request.get_full_path() and 0 <= time.time() - opened < FOLLOWED_SECONDS)


def _follow(request: HttpRequest) -> None:
    request.session[FOLLOWED] = (request.get_full_path(), time.time())
