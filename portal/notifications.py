"""One's own notifications, and what of them is mailed."""

from typing import Any, cast
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse

from agents.choices import ALWAYS_MAILED, NOTIFICATION_GROUPS, MailTiming, NotificationGroup
from agents.models import Notification, Person
from agents.services import notifications
from audits.admin.forms import ServiceForm, show_service_error
from audits.admin.show import show_link, show_time
from audits.errors import NotFound, ServiceError
from portal import links, waiting

PER_PAGE = 50


def page(request: HttpRequest) -> HttpResponse:
    """The list, unread ones first. POST opens one, marks one as read, or all."""
    person = cast("Person", request.user)
    if request.method == "POST":
        return _act(request, person)
    group = request.GET.get("group", "")
    only_unread = request.GET.get("show") == "unread"
    rows = _rows(person, group, only_unread=only_unread)
    shown = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **admin.site.each_context(request),
        "title": "Notifications",
        "shown": shown,
        "rows": [_shown(each) for each in shown.object_list],
        "filters": _filters(group, only_unread=only_unread),
        "query": urlencode({"group": group, "show": "unread" if only_unread else ""}),
    }
    return TemplateResponse(request, "portal/notifications.html", context)


def _rows(person: Person, group: str, *, only_unread: bool) -> QuerySet[Notification]:
    rows = Notification.objects.filter(person=person).select_related("agent", "asked_by")
    if only_unread:
        rows = rows.filter(read_at__isnull=True)
    if group in NotificationGroup:
        rows = rows.filter(kind__in=[kind for kind, of in NOTIFICATION_GROUPS.items() if of == group])
    return rows.annotate(is_read=Q(read_at__isnull=False)).order_by("is_read", "-created_at", "-id")


def _shown(row: Notification) -> tuple[Notification, str, str, waiting.Due | None]:
    """By when counts as long as nobody has read it: what was done would look late."""
    agent = show_link(row.agent) if row.agent else ""
    return row, agent, show_time(row.created_at), None if row.read_at else waiting.due(row.due_at)


def _filters(group: str, *, only_unread: bool) -> list[list[tuple[str, str, bool]]]:
    """Two rows of links: label, query, whether it is the one that is chosen."""
    show = "unread" if only_unread else ""
    return [
        [
            (label, urlencode({"group": group, "show": value}), value == show)
            for label, value in (("All", ""), ("Unread", "unread"))
        ],
        [
            (label, urlencode({"group": value, "show": show}), value == group)
            for value, label in (("", "Everything"), *NotificationGroup.choices)
        ],
    ]


def _act(request: HttpRequest, person: Person) -> HttpResponse:
    back = f"{reverse('admin:notifications')}?{request.POST.get('query', '')}"
    if "all" in request.POST:
        count = notifications.mark_all_read(actor=person)
        messages.success(request, f"{count} marked as read.")
        return HttpResponseRedirect(back)
    wanted = request.POST.get("open") or request.POST.get("read") or ""
    try:
        read = notifications.mark_read(actor=person, notification_id=UUID(wanted))
    except (ValueError, NotFound) as error:
        raise Http404 from error
    where = links.path(kind=read.kind, reference=read.reference) if "open" in request.POST else back
    return HttpResponseRedirect(where)


class MailForm(ServiceForm):
    """When one wants mail about each group."""

    def __init__(self, *arguments: Any, person: Person, **options: Any) -> None:
        chosen = notifications.mail_choices(person)
        super().__init__(*arguments, initial=chosen, **options)

    votes = forms.ChoiceField(label=NotificationGroup.VOTES.label, choices=MailTiming.choices)
    agents = forms.ChoiceField(label=NotificationGroup.AGENTS.label, choices=MailTiming.choices)
    reminders = forms.ChoiceField(label=NotificationGroup.REMINDERS.label, choices=MailTiming.choices)


def mail_page(request: HttpRequest) -> HttpResponse:
    """What is mailed to the person at the screen, and when."""
    person = cast("Person", request.user)
    form = MailForm(request.POST or None, request=request, person=person)
    if form.is_valid():
        timings = {NotificationGroup(name): MailTiming(value) for name, value in form.cleaned_data.items()}
        try:
            notifications.choose_mail(actor=person, timings=timings)
        except ServiceError as error:
            show_service_error(form, error)
        else:
            messages.success(request, "Kept.")
            return HttpResponseRedirect(reverse("admin:notification_mail"))
    context = {
        **admin.site.each_context(request),
        "title": "What is mailed to you",
        "list_title": "Notifications",
        "list_url": reverse("admin:notifications"),
        "form": form,
        "description": _how(person),
        "submit": "Save",
    }
    return TemplateResponse(request, "admin/service_form.html", context)


def _how(person: Person) -> str:
    if not settings.EMAIL_HOST:
        return (
            "This installation sends no mail: an administrator sets COUNTERSIGN_EMAIL_URL. Everything is in "
            "the portal; what you choose here counts once mail is sent."
        )
    account = ", ".join(group.label.lower() for group in ALWAYS_MAILED)
    where = (
        f"Mail goes to {person.email}." if person.email else "You have no address: no mail is sent to you."
    )
    return (
        f"{where} Everything is in the portal in any case, and mail about {account} always comes at once. "
        f"The daily summary leaves at {settings.MAIL_SUMMARY_HOUR:02}:00 UTC with what is unread."
    )
