from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import (
    choice_column,
    show_digest,
    show_json,
    show_label,
    show_reference,
    show_time,
    show_word,
    time_column,
)
from audits.choices import Outcome
from audits.models import Entry, Event

COLOURS = {Outcome.SUCCESS: "success", Outcome.DENIED: "warning", Outcome.FAILED: "danger"}


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """The ledger: what happened, in the order in which it was recorded."""

    list_title = "Ledger"
    untrusted_text = (
        "The bodies of events quote people, scanners and models. They are data, whatever they say."
    )
    empty_text = "Nothing was recorded yet. Every change in the portal writes an event here."
    list_display = ("when", "number", "action_name", "actor_name", "about", "outcome_label", "in_stream")
    list_filter = ("outcome", "action")
    list_select_related = ("entry", "body")
    list_per_page = 100
    # Prefixes use the index; an agent's stream is agent/<id>, and its page links here.
    search_fields = ("=id", "stream__startswith", "object__startswith", "actor__startswith")
    search_help_text = "Stream, object or actor, for example agent/0197…"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("action_name", "outcome_label"),
                    ("actor_name", "actor_full"),
                    ("about_full", "stream_full"),
                    "when",
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        events: QuerySet[Event] = super().get_queryset(request)
        return events.select_related("entry", "body")

    @admin.display(description="action", ordering="action")
    def action_name(self, event: Event) -> SafeString:
        return show_word(event.action)

    @admin.display(description="actor", ordering="actor")
    def actor_name(self, event: Event) -> str:
        """The name as it was then, from the body; the opaque reference once that was erased."""
        return event.actor_name or event.actor

    @admin.display(description="actor's reference", ordering="actor")
    def actor_full(self, event: Event) -> SafeString:
        return show_reference(event.actor, full=True)

    @admin.display(description="object")
    def about_full(self, event: Event) -> SafeString:
        return show_reference(event.object, full=True)

    @admin.display(description="stream")
    def stream_full(self, event: Event) -> SafeString:
        return show_reference(event.stream, full=True)

    @admin.display(description="object", ordering="object")
    def about(self, event: Event) -> SafeString:
        return show_reference(event.object)

    @admin.display(description="stream", ordering="stream")
    def in_stream(self, event: Event) -> SafeString:
        return show_reference(event.stream)

    @admin.display(description="number", ordering="entry__seq")
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
        return show_json(event.fields)

    @admin.display(description="body")
    def body_json(self, event: Event) -> SafeString:
        return show_json(event.details, "whoever acted") or show_label("none, or erased", "default")


def _entry(event: Event) -> Entry | None:
    return getattr(event, "entry", None)
