"""Pages of the ledger whose reading is recorded (S2-19): a page that cannot be recorded is not shown."""

from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from audits.admin.base import ReadOnlyAdmin
from audits.admin.looking import why_not_shown
from audits.admin.sight import PERMISSION

UNAVAILABLE = 503


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
        if shown.status_code != HttpResponse.status_code:
            return shown
        permission = f"{self.opts.app_label}.view_{self.opts.model_name}"
        if reason := why_not_shown(request, about=about, permission=permission, part=part):
            return self._not_shown(request, reason)
        return shown

    def _not_shown(self, request: HttpRequest, reason: str) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": "Not shown", "reason": reason}
        return TemplateResponse(request, "admin/audits/not_shown.html", context, status=UNAVAILABLE)


class NamedReading(RecordedReading):
    """Pages that are about people by name: nothing of them is left for who may not read names."""

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(super().has_view_permission(request, obj) and request.user.has_perm(PERMISSION))
