from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agents.choices import LABELS, DeliveryChannel
from agents.models import Delivery
from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import (
    choice_column,
    link_column,
    show_foreign,
    show_untrusted,
    time_column,
)

RECEIVER = "the mail server, the webhook or the network"


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Mails and calls of the webhook, and what became of them; what a mail told is its person's alone."""

    ledger_kind = "delivery"
    empty_text = (
        "Nothing was sent. Mail needs COUNTERSIGN_EMAIL_URL, the webhook COUNTERSIGN_NOTIFY_WEBHOOK "
        "(docs/notifications.md)."
    )
    list_display = ("created", "channel", "person_name", "told", "state_label", "attempts", "error_short")
    list_filter = ("state", "channel")
    list_select_related = ("person",)
    search_fields = ("person__username", "person__first_name", "person__last_name", "error")
    search_help_text = "Person, error"
    fieldsets = (
        (None, {"fields": (("channel", "state_label"), ("person_link", "told"), ("created", "ended"))}),
        ("What went wrong", {"fields": (("attempts", "retry"), "error_full")}),
    )

    created = time_column("created_at", "waits since")
    ended = time_column("ended_at", "ended")
    retry = time_column("retry_at", "not tried before")
    state_label = choice_column("state", LABELS, "state")
    person_link = link_column("person", "to")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        rows: QuerySet[Delivery] = super().get_queryset(request)
        return rows.select_related("person").annotate(number=Count("notifications"))

    @admin.display(description="to", ordering="person__username")
    def person_name(self, delivery: Delivery) -> str:
        return str(delivery.person) if delivery.person else "the webhook"

    @admin.display(description="tells of")
    def told(self, delivery: Any) -> str:
        if delivery.channel == DeliveryChannel.WEBHOOK:
            return str(delivery.content.get("kind", ""))
        return f"{delivery.number} notification{'' if delivery.number == 1 else 's'}"

    @admin.display(description="last error", ordering="error")
    def error_short(self, delivery: Delivery) -> SafeString:
        return show_foreign(delivery.error, RECEIVER)

    @admin.display(description="last error")
    def error_full(self, delivery: Delivery) -> SafeString:
        return show_untrusted(delivery.error, RECEIVER)
