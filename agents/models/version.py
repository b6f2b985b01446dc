from django.conf import settings
from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory


class AgentVersion(Row):
    """What runs: one build of an agent with its provenance (S1-11). Immutable once submitted."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="versions")
    label = models.CharField(max_length=50, help_text="For example 1.4.0.")
    model_provider = models.CharField(max_length=100)
    model_name = models.CharField(max_length=100)
    model_version = models.CharField(max_length=100, blank=True)
    prompt_digest = models.CharField(max_length=64, help_text="SHA-256 of the system prompt.")
    tool_manifest = models.JSONField(
        help_text="The functions it may call: name, access, resource and parameters' JSON schema."
    )
    code_commit = models.CharField(max_length=64, blank=True)
    data_snapshot = models.CharField(max_length=200, blank=True)
    image_digest = models.CharField(max_length=100, blank=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the provenance above.")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)
    submitted_at = models.DateTimeField(null=True, blank=True)
    history = FieldHistory(stream=lambda version: f"agent/{version.agent_id}", kind="version")

    class Meta:
        ordering = ("-added_at",)
        constraints = (models.UniqueConstraint("agent", "label", name="unique_version_label"),)

    def __str__(self) -> str:
        return f"{self.agent} {self.label}"
