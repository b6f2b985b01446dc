"""Pages of the ledger whose reading is recorded (S2-19): a page that cannot be recorded is not shown."""

import logging
import time
from typing import Any

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from audits.admin.base import ReadOnlyAdmin
from audits.admin.reader import actor_of
from audits.errors import ServiceError
from audits.services import reading

logger = logging.getLogger(__name__)

UNAVAILABLE = 503
FOLLOWED_SECONDS = 600
FOLLOWED = "reading_followed"
SILENT = frozenset({"csrfmiddlewaretoken", "_changelist_filters"})


class RecordedReading(ReadOnlyAdmin):
    """A list and pages of which every reading is an event `ledger.read` in the reader's own stream.

    `read_object` is what the events call the list. A page that refreshes itself while something goes
    on is recorded once.
    """

    read_object = "ledger"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        shown = super().changelist_view(request, extra_context)
        seen: HttpResponse = self.recorded(request, shown, self.read_object, "list")
        return seen

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        shown: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        about = f"{self.ledger_kind or self.opts.model_name}/{object_id}"
        seen: HttpResponse = self.recorded(request, shown, about, "page")
        return seen

    def recorded(self, request: HttpRequest, shown: Any, about: str, part: str) -> Any:
        """`shown`, once it is recorded that this reader sees it; an error page where it cannot be."""
        if shown.status_code != HttpResponse.status_code or _is_followed(request):
            return shown
        filters = {name: str(value) for name, value in request.GET.items() if value and name not in SILENT}
        try:
            reading.look(
                actor=actor_of(request),
                object=about,
                permission=f"{self.opts.app_label}.view_{self.opts.model_name}",
                part=part,
                path=request.path,
                filters=filters,
            )
        except (ServiceError, DatabaseError) as error:
            logger.error("A reading of %s could not be recorded: %s", about, error)  # noqa: TRY400 - it says it all
            return self._not_shown(request, error)
        _follow(request)
        return shown

    def _not_shown(self, request: HttpRequest, error: Exception) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Not shown",
            "reason": error.message if isinstance(error, ServiceError) else "The database refused.",
        }
        return TemplateResponse(request, "admin/audits/not_shown.html", context, status=UNAVAILABLE)


def _is_followed(request: HttpRequest) -> bool:
    """A page that asks for itself again, soon after it was opened and recorded."""
    if request.headers.get("HX-Request") != "true" or request.method != "GET":
        return False
    path, opened = request.session.get(FOLLOWED, ("", 0))
    return bool(path == request.get_full_path() and 0 <= time.time() - opened < FOLLOWED_SECONDS)


def _follow(request: HttpRequest) -> None:
    request.session[FOLLOWED] = (request.get_full_path(), time.time())
