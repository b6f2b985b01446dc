from django.conf import settings
from django.db import models

from agents.choices import TokenEnd, TokenScope
from audits.models.base import Row
from audits.models.history import FieldHistory


class ApiToken(Row):
    """A person's key to the management API. Never more than the person, and never a vote (promise 5)."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_tokens")
    name = models.CharField(max_length=100, help_text="What uses it, for example the CI of the shop.")
    scope = models.CharField(max_length=8, choices=TokenScope)
    prefix = models.CharField(max_length=12, help_text="How the secret begins, to recognise it by.")
    secret_sha256 = models.CharField(
        max_length=64, unique=True, editable=False, help_text="Of the secret, which is kept nowhere."
    )
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="To within a minute.")
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=200, blank=True)
    end_reason = models.CharField(max_length=16, blank=True, choices=TokenEnd)
    history = FieldHistory(
        stream=lambda token: f"person/{token.person_id}",
        kind="api_token",
        without=("secret_sha256", "last_used_at"),
    )

    class Meta:
        verbose_name = "API token"
        ordering = ("-created_at", "-id")
        indexes = (models.Index(fields=("person", "revoked_at"), name="api_token_person"),)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class TokenFailures(models.Model):
    """How many refused tokens came from one address lately. A counter, gone when its time is over."""

    address = models.CharField(max_length=50, primary_key=True, help_text="IPv4, or an IPv6 network of /64.")
    number = models.PositiveIntegerField(default=1)
    since = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "token failures"

    def __str__(self) -> str:
        return self.address
