from django.db import models


class SpentIdentifier(models.Model):
    """The id of an assertion or a proof that has come once, until it could not come again anyway."""

    digest = models.CharField(primary_key=True, max_length=64, help_text="SHA-256 of kind, issuer and jti.")
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ("expires_at",)
        indexes = (models.Index("expires_at", name="spent_until"),)

    def __str__(self) -> str:
        return self.digest
