"""Approvers' load: who has how much to decide, and whether they still read (S4-2)."""

from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from audits.admin.show import show_choice, show_link, show_time
from governance import approver_load
from governance.approver_load import Load
from governance.choices import LABELS

SHOWN = 50
ALARMING_PERCENT = 100
MINUTE = 60


def load_page(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("governance.view_vote"):
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": "Approvers' load",
        "quick_seconds": settings.QUICK_VOTE_SECONDS,
        "loads": [_shown(load) for load in approver_load.loads()],
        "quick": [
            {
                "person": vote.person,
                "request": show_link(vote.approval),
                "choice": show_choice(vote, "choice", LABELS),
                "at": show_time(vote.voted_at),
            }
            for vote in approver_load.quick_votes()[:SHOWN]
        ],
    }
    return TemplateResponse(request, "governance/approver_load.html", context)


def _shown(load: Load) -> dict[str, object]:
    return {
        "person": load.person,
        "seat": load.seat or "No seat now",
        "pending": load.pending,
        "week": load.decided_week,
        "month": load.decided_month,
        "approved": "" if load.approved_percent is None else f"{load.approved_percent} %",
        "dwell": _words(load.dwell_seconds),
        "quick": load.quick,
        "unopened": load.unopened,
    }


def _words(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.0f} s" if seconds < 2 * MINUTE else f"{seconds / MINUTE:.0f} min"
