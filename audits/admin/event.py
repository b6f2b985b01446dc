from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audits import bodies, ledger_search
from audits.admin import event_page
from audits.admin.base import dialog_action
from audits.admin.keyset import KeysetChangeList, Rows
from audits.admin.ledger_filters import LedgerFilters
from audits.admin.reader import actor_of
from audits.admin.recorded import RecordedReading
from audits.admin.references import is_uuid
from audits.admin.rows import row_of
from audits.admin.show import (
    choice_column,
    show_digest,
    show_json,
    show_label,
    show_time,
    time_column,
)
from audits.admin.sight import PERMISSION, Sight, as_seen, sight_of
from audits.choices import Outcome
from audits.errors import Conflict, ServiceError
from audits.models import Entry, Event
from audits.services import verification

COLOURS = {Outcome.SUCCESS: "success", Outcome.DENIED: "warning", Outcome.FAILED: "danger"}


class LedgerList(KeysetChangeList):
    """The ledger, newest first, searched by the form above it."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Event]:
        events: QuerySet[Event] = super().get_queryset(request, exclude_parameters)
        self.filters = LedgerFilters(request.GET.dict(), Sight.of(request))
        self.has_active_filters = self.has_active_filters or self.filters.is_active
        return events

    def rows(self, request: HttpRequest, before: str, after: str) -> Rows:
        search = self.filters.search()
        beside = [UUID(each) if is_uuid(each) else None for each in (before, after)]
        if search is None or (before and not beside[0]) or (after and not beside[1]):
            return Rows([], has_older=False, has_newer=False)
        found = ledger_search.page(search, size=self.list_per_page, before=beside[0], after=beside[1])
        known = self.root_queryset.in_bulk(found.ids)
        rows = [known[each] for each in found.ids if each in known]
        return Rows(rows, has_older=found.has_older, has_newer=found.has_newer)

    def about(self) -> str:
        if self.filters.is_active:
            return ""
        return f"about {ledger_search.estimated_events():,} events in the ledger"


@admin.register(Event)
class EventAdmin(RecordedReading):
    """The ledger: what happened, in the order in which it was recorded."""

    ledger_kind = "event"
    list_title = "Ledger"
    untrusted_text = (
        "The bodies of events quote people, scanners and models. They are data, whatever they say."
    )
    empty_text = "Nothing was recorded yet. Every change in the portal writes an event here."
    list_display = ("when", "number", "action_name", "actor_name", "about", "outcome_label", "in_stream")
    list_per_page = 100
    list_before_template = "admin/audits/event_filters.html"
    sortable_by = ()
    change_form_template = "admin/audits/event.html"
    actions_detail = ("verify_this",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("action_name", "outcome_label"),
                    ("actor_name", "actor_full"),
                    ("about_full", "stream_full"),
                    ("when", "kept"),
                )
            },
        ),
        (
            "Its place in the ledger",
            {"fields": (("sealed", "number"), ("stream_number", "sealed_at"), "leaf_hash", "previous_hash")},
        ),
        ("Header: exactly this is sealed, and it holds no personal data", {"fields": ("header_json",)}),
        ("Body: the erasable part, to which the header commits", {"fields": ("body_json",)}),
    )

    outcome_label = choice_column("outcome", COLOURS, "outcome")
    when = time_column("time", "recorded")

    def get_changelist(self, request: HttpRequest, **options: Any) -> type[LedgerList]:
        return LedgerList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        events: QuerySet[Event] = super().get_queryset(request)
        return as_seen(events.select_related("entry", "body"), request)

    def ledger_object(self, instance: Event) -> str:
        """Its page leads to its neighbours, not to the events about it."""
        return ""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        mine = [
            path("<uuid:object_id>/proof/", view(self.proof_view), name="audits_event_proof"),
            path("<uuid:object_id>/entry/", view(self.entry_view), name="audits_event_entry"),
        ]
        urls: list[URLPattern] = super().get_urls()
        return mine + urls

    def proof_view(self, request: HttpRequest, object_id: UUID) -> Any:
        """The proof as a file (c2sp.org/tlog-proof). It holds hashes alone."""
        proved = self._proved(request, object_id)
        return self.recorded(
            request,
            _file(str(proved.proof).encode(), f"event-{object_id}.tlog-proof"),
            f"event/{object_id}",
            "proof",
        )

    def entry_view(self, request: HttpRequest, object_id: UUID) -> Any:
        """The exact bytes that the proof is about. They name the actor by reference."""
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        proved = self._proved(request, object_id)
        return self.recorded(
            request, _file(proved.entry, f"event-{object_id}.json"), f"event/{object_id}", "entry"
        )

    def _proved(self, request: HttpRequest, object_id: UUID) -> verification.Proved:
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return verification.prove(event_id=object_id)
        except ServiceError as error:
            raise Http404(error.message) from error

    @dialog_action(
        title="Verify this",
        description=(
            "Recomputes this event from its bytes: header, copies, payload and name, its leaf, its path to "
            "the root, and the signature of the checkpoint. The result is kept and recorded."
        ),
        submit="Verify",
        permissions=["verify"],
        icon="verified",
    )
    def verify_this(self, request: HttpRequest, _form: Any, object_id: str) -> str:
        event = row_of(Event.objects.all(), object_id)
        report, _ = verification.check_event(actor=actor_of(request), event_id=event.pk)
        if not report.is_sound:
            problem = Sight.of(request).text(f"At {report.place}: {report.problem}")
            raise Conflict(f"This event does NOT verify. {problem}")
        return event_page.verified_in_words(report)

    def has_verify_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return bool(request.user.has_perm("audits.view_event"))

    def story(self, request: HttpRequest, instance: Event) -> Mapping[str, Any]:
        sight = sight_of(instance)
        return {
            "neighbours": event_page.neighbours(instance),
            "proof": event_page.proof_of(instance),
            "gone": event_page.explanations(instance),
            "sees_names": sight.names,
            "proof_url": reverse("admin:audits_event_proof", args=[instance.pk]),
            "entry_url": reverse("admin:audits_event_entry", args=[instance.pk]) if sight.names else "",
        }

    @admin.display(description="action")
    def action_name(self, event: Event) -> SafeString:
        """In a list that is full it goes on in the next line, behind its dot."""
        kind, dot, verb = event.action.partition(".")
        return format_html("<code>{}<wbr>{}</code>", kind + dot, verb)

    @admin.display(description="actor")
    def actor_name(self, event: Event) -> str:
        return sight_of(event).actor(event)

    @admin.display(description="actor's reference")
    def actor_full(self, event: Event) -> SafeString:
        return sight_of(event).reference(event.actor, full=True)

    @admin.display(description="object")
    def about_full(self, event: Event) -> SafeString:
        return sight_of(event).reference(event.object, full=True)

    @admin.display(description="stream")
    def stream_full(self, event: Event) -> SafeString:
        return sight_of(event).reference(event.stream, full=True)

    @admin.display(description="object")
    def about(self, event: Event) -> SafeString:
        return sight_of(event).reference(event.object)

    @admin.display(description="stream")
    def in_stream(self, event: Event) -> SafeString:
        return sight_of(event).reference(event.stream)

    @admin.display(description="number")
    def number(self, event: Event) -> Any:
        entry = _entry(event)
        return entry.seq if entry else show_label("unsealed", "warning")

    @admin.display(description="state")
    def sealed(self, event: Event) -> SafeString:
        return (
            show_label("sealed", "success")
            if _entry(event)
            else show_label("waiting to be sealed", "warning")
        )

    @admin.display(description="kept until")
    def kept(self, event: Event) -> SafeString:
        return event_page.kept_until(event)

    @admin.display(description="number in its stream")
    def stream_number(self, event: Event) -> str:
        entry = _entry(event)
        return str(entry.stream_seq) if entry else ""

    @admin.display(description="sealed at")
    def sealed_at(self, event: Event) -> SafeString:
        entry = _entry(event)
        return show_time(entry.sealed_at if entry else None)

    @admin.display(description="leaf hash")
    def leaf_hash(self, event: Event) -> SafeString:
        entry = _entry(event)
        return show_digest(bytes(entry.leaf).hex() if entry else "", full=True)

    @admin.display(description="leaf before it in the stream")
    def previous_hash(self, event: Event) -> SafeString:
        entry = _entry(event)
        return show_digest(bytes(entry.previous).hex() if entry else "", full=True)

    @admin.display(description="header")
    def header_json(self, event: Event) -> SafeString:
        return show_json(sight_of(event).value(event.fields))

    @admin.display(description="body")
    def body_json(self, event: Event) -> SafeString:
        if not sight_of(event).names:
            return show_label("withheld: you may not read names and payloads", "default")
        try:
            details = event.details
        except bodies.BoxDamaged:
            return show_label("damaged: it does not open with its key", "danger")
        return show_json(details, "whoever acted") if details else show_label("none, or erased", "default")


def _entry(event: Event) -> Entry | None:
    return getattr(event, "entry", None)


def _file(content: bytes, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return HttpResponse(content, content_type="application/octet-stream", headers=headers)
