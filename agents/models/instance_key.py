from django.db import models

from audits.models.base import Row


class InstanceKey(Row):
    """A public key with which a running copy of an agent proves itself (RFC 7517). Several may overlap."""

    instance = models.ForeignKey("agents.AgentInstance", on_delete=models.PROTECT, related_name="keys")
    jwk = models.JSONField(help_text="The public key, RFC 7517.")
    thumbprint = models.CharField(max_length=43, unique=True, help_text="RFC 7638.")
    added_at = models.DateTimeField()
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on nothing signed with it counts."
    )

    class Meta:
        ordering = ("-added_at",)

    def __str__(self) -> str:
        return self.thumbprint
