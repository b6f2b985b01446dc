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
    delegation = models.ForeignKey(
        "agents.Delegation",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="credentials",
        help_text="By which a person lets it act for them.",
    )
    parent = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        help_text="The credential of another agent that was handed on to it (RFC 8693).",
    )
    epoch = models.PositiveBigIntegerField(default=0, help_text="The newest revocation when it was decided.")
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    thumbprint = models.CharField(
        max_length=43, blank=True, help_text="RFC 7638, of the key that its holder must prove (RFC 9449)."
    )
    certificate = models.CharField(
        max_length=43,
        blank=True,
        help_text="x5t#S256, of the TLS client certificate that its holder must show (RFC 8705).",
    )
    client_key = models.CharField(
        max_length=43, blank=True, help_text="RFC 7638, of the key with which its copy asked for it."
    )
    revoked_at = models.DateTimeField(null=True, blank=True)
    shown_to = models.UUIDField(
        null=True, blank=True, help_text="The enforcement point that first asked what it is worth."
    )
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-issued_at",)
        indexes = (models.Index("instance", "expires_at", name="live_credentials"),)

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"
