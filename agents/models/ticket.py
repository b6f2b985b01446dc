from django.db import models

from agents.choices import TicketState
from audits.models.base import Row


class Ticket(Row):
    """A ticket in the built-in tracker. A finding has at most one that is open."""

    number = models.PositiveBigIntegerField(unique=True)
    finding = models.ForeignKey("agents.Finding", on_delete=models.PROTECT, related_name="tickets")
    title = models.CharField(max_length=300)
    body = models.TextField()
    severity = models.CharField(max_length=16)
    state = models.CharField(max_length=16, choices=TicketState, default=TicketState.OPEN)
    opened_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    opened_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(
                fields=("finding",),
                condition=models.Q(state=TicketState.OPEN),
                name="one_open_ticket_per_finding",
            ),
        )

    def __str__(self) -> str:
        return f"SEC-{self.number}"


class TicketNote(Row):
    """What was added to an open ticket when the same action came again."""

    ticket = models.ForeignKey("agents.Ticket", on_delete=models.CASCADE, related_name="notes")
    text = models.TextField()
    noted_by = models.CharField(max_length=200)
    noted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("noted_at",)

    def __str__(self) -> str:
        return self.text
