from django.db import models

from audits.models.base import Row


class Machine(Row):
    """What calls without being a person or an agent, with a bearer credential of its own (RFC 6750)."""

    name = models.SlugField(max_length=64, unique=True, help_text="Stable name.")
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

    class Meta:
        abstract = True
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
