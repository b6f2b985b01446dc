from django.db import models

from agents.choices import ClientAuth
from audits.actor import Actor
from audits.models.base import Row


class AgentInstance(Row):
    """One running copy of a version, with an identity of its own (S1-7)."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="instances")
    version = models.ForeignKey("agents.AgentVersion", on_delete=models.PROTECT, related_name="instances")
    spiffe_id = models.CharField(max_length=300, unique=True)
    started_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(
        null=True, blank=True, help_text="Of a copy that was provisioned: until when it may ask for tokens."
    )
    client_auth = models.CharField(
        max_length=32,
        choices=ClientAuth,
        blank=True,
        help_text="How it proves itself; empty of one that runs inside the portal.",
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-started_at",)

    def __str__(self) -> str:
        return self.spiffe_id

    @property
    def actor(self) -> Actor:
        return Actor(kind="agent", id=self.spiffe_id, name=self.agent.slug)
