from typing import Any

from django.db import models

from agents.choices import ProposalState
from audits.models.base import Row
from audits.models.history import FieldHistory


class ProposedAction(Row):
    """A write the agent wanted and may not do by itself; a person can ask for elevation for it."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="proposals")
    call = models.OneToOneField("agents.FunctionCall", on_delete=models.PROTECT, related_name="proposal")
    run = models.ForeignKey("agents.Run", on_delete=models.PROTECT, related_name="proposals")
    finding = models.ForeignKey("agents.Finding", on_delete=models.PROTECT, related_name="proposals")
    function = models.CharField(max_length=100)
    resource = models.CharField(max_length=300)
    arguments = models.JSONField()
    digest = models.CharField(max_length=64, help_text="SHA-256 of function, resource and arguments.")
    state = models.CharField(max_length=16, choices=ProposalState, default=ProposalState.WAITING)
    detail = models.TextField(blank=True)
    proposed_at = models.DateTimeField(auto_now_add=True)
    enqueued_at = models.DateTimeField(
        null=True, blank=True, help_text="When a worker was last asked to carry it out."
    )
    claimed_at = models.DateTimeField(
        null=True, blank=True, help_text="When a worker took it up; it is carried out at most once."
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    # Who holds it in the queue is no part of its story.
    history = FieldHistory(
        stream=lambda proposal: f"agent/{proposal.agent_id}",
        kind="proposal",
        without=("enqueued_at", "claimed_at"),
    )

    class Meta:
        ordering = ("-proposed_at",)

    @property
    def content(self) -> dict[str, Any]:
        """What people approve when they approve it, and nothing but it; `digest` is over this."""
        return {"function": self.function, "resource": self.resource, "arguments": self.arguments}

    def __str__(self) -> str:
        return f"{self.function} for {self.finding}"
