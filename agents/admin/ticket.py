from django.contrib import admin
from django.urls import reverse
from django.utils.safestring import SafeString

from agents.admin.who import show_who
from agents.choices import LABELS, Severity
from agents.models import ProposedAction, Ticket
from audits.admin.base import ReadOnlyAdmin, Section
from audits.admin.show import (
    choice_column,
    link_column,
    show_choice,
    show_foreign,
    show_label,
    show_link,
    show_time,
    show_untrusted,
    time_column,
)

# Who may see a ticket may see its notes.
NOTES = Section(
    name="notes",
    title="Notes",
    model=Ticket,
    rows=lambda ticket: ticket.notes.all(),
    columns={
        "Noted": lambda note: show_time(note.noted_at),
        "By": lambda note: show_who(note.noted_by),
        "Text": lambda note: show_untrusted(note.text, note.noted_by),
    },
    empty="Nothing was added since it was opened.",
)

PROPOSALS = Section(
    name="proposals",
    title="Proposed actions on its finding",
    model=ProposedAction,
    rows=lambda ticket: ticket.finding.proposals.select_related("finding"),
    columns={
        "Action": show_link,
        "State": lambda proposal: show_choice(proposal, "state", LABELS),
        "Proposed": lambda proposal: show_time(proposal.proposed_at),
        "Carried out": lambda proposal: show_time(proposal.resolved_at),
    },
    empty="No agent proposed to write anything about it.",
)


@admin.register(Ticket)
class TicketAdmin(ReadOnlyAdmin):
    """Tickets of the built-in tracker, opened under write elevation."""

    ledger_kind = "ticket"
    untrusted_text = "Titles are the words of the agent that opened the ticket: untrusted text."

    empty_text = "No ticket yet. An agent opens one once its write elevation is approved."
    list_display = ("key", "title_short", "severity_label", "state_label", "finding_link", "opened")
    list_filter = ("state", "severity")
    list_select_related = ("finding",)
    search_fields = ("=number", "title", "opened_by")
    search_help_text = "Number, title, opener"
    fieldsets = (
        (
            None,
            {"fields": (("key", "state_label"), ("severity_label", "opened"), ("opener", "finding_link"))},
        ),
        ("Text", {"fields": ("title_text", "body_text")}),
    )
    sections = (NOTES, PROPOSALS)

    state_label = choice_column("state", LABELS, "state")
    finding_link = link_column("finding", "finding")
    opened = time_column("opened_at", "opened")

    def address_of(self, name: str) -> str:
        """The ledger calls a ticket by its number."""
        return f"{reverse('admin:agents_ticket_changelist')}?q={name}" if name.isdigit() else ""

    def ledger_object(self, instance: Ticket) -> str:
        return f"ticket/{instance.number}"

    @admin.display(description="title", ordering="title")
    def title_short(self, ticket: Ticket) -> SafeString:
        return show_foreign(ticket.title, ticket.opened_by)

    @admin.display(description="title")
    def title_text(self, ticket: Ticket) -> SafeString:
        return show_untrusted(ticket.title, show_who(ticket.opened_by))

    @admin.display(description="ticket", ordering="number")
    def key(self, ticket: Ticket) -> str:
        return str(ticket)

    @admin.display(description="severity", ordering="severity")
    def severity_label(self, ticket: Ticket) -> SafeString:
        return show_ticket_severity(ticket)

    @admin.display(description="opened by")
    def opener(self, ticket: Ticket) -> str:
        return show_who(ticket.opened_by)

    @admin.display(description="body")
    def body_text(self, ticket: Ticket) -> SafeString:
        return show_untrusted(ticket.body, show_who(ticket.opened_by))


def show_ticket_severity(ticket: Ticket) -> SafeString:
    """The severity as a label; a word that is none of ours stays as it is."""
    if ticket.severity not in Severity.values:
        return show_label(ticket.severity)
    severity = Severity(ticket.severity)
    return show_label(severity.label, LABELS[severity])
