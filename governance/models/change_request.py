from django.conf import settings
from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory


class ChangeRequest(Row):
    """Why a version should take the place of the active one, and how it is watched and undone (S1-24).

    It is part of what the board votes on, and does not change while it does.
    """

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="change_requests")
    version = models.OneToOneField(
        "agents.AgentVersion", on_delete=models.PROTECT, related_name="change_request"
    )
    kinds = models.JSONField(help_text="What changes: behaviour, model, data, environment, integration.")
    summary = models.TextField(help_text="What changes and why, for somebody who does not know it.")
    impact = models.TextField(help_text="Who notices, and what is at risk.")
    monitoring_plan = models.TextField(
        help_text="What is watched while it is released, and what is too much."
    )
    rollback_plan = models.TextField(help_text="How it is undone, and what cannot be undone.")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    history = FieldHistory(stream=lambda change: f"agent/{change.agent_id}", kind="change_request")

    class Meta:
        ordering = ("-requested_at",)

    def __str__(self) -> str:
        return f"Change to {self.version.label}"
