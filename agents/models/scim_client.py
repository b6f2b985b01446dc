from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory


class ScimClient(Row):
    """What tells this portal over SCIM who works here: a provisioning client (RFC 7644)."""

    name = models.SlugField(max_length=64, unique=True, help_text="Stable name, for example entra-id.")
    credential_sha256 = models.CharField(
        max_length=64, editable=False, help_text="Of the secret, which is kept nowhere."
    )
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    rotated_at = models.DateTimeField(null=True, blank=True)
    rotated_by = models.CharField(max_length=200, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=200, blank=True)
    last_seen_at = models.DateTimeField(
        null=True, blank=True, help_text="Its last request, to within a minute."
    )
    history = FieldHistory(
        stream=lambda _client: "system",
        kind="scim_client",
        without=("credential_sha256", "last_seen_at"),
    )

    class Meta:
        ordering = ("name",)
        verbose_name = "provisioning client"

    def __str__(self) -> str:
        return self.name
