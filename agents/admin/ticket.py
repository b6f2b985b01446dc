from django.contrib import admin
from django.utils.safestring import SafeString

from agents.admin.who import show_who
from agents.choices import LABELS
from agents.models import Ticket
from audits.admin.base import ReadOnlyAdmin, Section
from audits.admin.show import choice_column, link_column, show_label, show_time, show_untrusted, time_column

COLOURS: dict[str, str] = {str(word): colour for word, colour in LABELS.items()}
# Who may see a ticket may see its notes.
NOTES = Section(
    name="notes",
    title="Notes",
    model=Ticket,
    rows=lambda ticket: ticket.notes.all(),
    columns={
        "Noted": lambda note: show_time(note.noted_at),
        "By": lambda note: note.noted_by,
        "Text": lambda note: show_untrusted(note.text, note.noted_by),
    },
    empty="Nothing was added since it was opened.",
)


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    """Tickets of the built-in tracker, opened under write elevation."""

    empty_text = "No ticket yet. An agent opens one once its write elevation is approved."
    list_display = ("key", "title", "severity_label", "state_label", "finding_link", "opened")
    list_filter = ("state", "severity")
    list_select_related = ("finding",)
    search_fields = ("=number", "title", "opened_by")
    search_help_text = "Number, title, opener"
    fieldsets = (
        (
            None,
            {"fields": (("key", "state_label"), ("severity_label", "opened"), ("opener", "finding_link"))},
        ),
        ("Text", {"fields": ("title", "body_text")}),
    )
    sections = (NOTES,)

    state_label = choice_column("state", LABELS, "state")
    finding_link = link_column("finding", "finding")
    opened = time_column("opened_at", "opened")

    @admin.display(description="ticket", ordering="number")
    def key(self, ticket: Ticket) -> str:
        return str(ticket)

    @admin.display(description="severity", ordering="severity")
    def severity_label(self, ticket: Ticket) -> SafeString:
        return show_label(ticket.severity, COLOURS.get(ticket.severity, "default"))

    @admin.display(description="opened by")
    def opener(self, ticket: Ticket) -> str:
        return show_who(ticket.opened_by)

    @admin.display(description="body")
    def body_text(self, ticket: Ticket) -> SafeString:
        return show_untrusted(ticket.body, ticket.opened_by)
