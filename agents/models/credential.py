from django.db import models

from agents.choices import Access
from audits.models.base import Row


class Credential(Row):
    """A token minted for one call (S0-7): its `jti` is this row's id. The token itself is not kept."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="credentials")
    instance = models.ForeignKey("agents.AgentInstance", on_delete=models.PROTECT, related_name="credentials")
    decision_id = models.UUIDField(help_text="The decision that allowed it.")
    elevation_id = models.UUIDField(null=True, blank=True)
    audience = models.CharField(max_length=200)
    action = models.CharField(max_length=100)
    resource = models.CharField(max_length=300)
    access = models.CharField(max_length=8, choices=Access)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-issued_at",)

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"
