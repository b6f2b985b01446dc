from django.db import models

from audits.models.base import Row


class InstanceKey(Row):
    """A public key with which a running copy of an agent proves itself (RFC 7517). Several may overlap."""

    instance = models.ForeignKey("agents.AgentInstance", on_delete=models.PROTECT, related_name="keys")
    jwk = models.JSONField(help_text="The public key, RFC 7517.")
    thumbprint = models.CharField(max_length=43, unique=True, help_text="RFC 7638.")
    certificate = models.CharField(
        max_length=43,
        blank=True,
        help_text="x5t#S256 (RFC 8705) of the certificate that it came in; such a key signs no assertions.",
    )
    added_at = models.DateTimeField()
    ends_at = models.DateTimeField(
        null=True, blank=True, help_text="From then on nothing signed with it counts."
    )

    class Meta:
        ordering = ("-added_at",)
        indexes = (models.Index("certificate", name="certificates_of_copies"),)

    def __str__(self) -> str:
        return self.thumbprint
