from django.db import models

from agents.choices import RevocationLevel, RevocationReason
from audits.models.base import Row


class Revocation(Row):
    """Something has ended: what was minted for it before is refused from now on (promise 7). Append-only.

    Whatever rests on `subject` and carries a lower number is over. A number is given once the row is
    committed, without gaps: whoever has seen one never misses a lower one that comes later (decision 0029).
    """

    number = models.PositiveBigIntegerField(
        null=True, blank=True, unique=True, help_text="Its place in the order in which they took effect."
    )
    level = models.CharField(max_length=16, choices=RevocationLevel)
    subject = models.CharField(
        max_length=300,
        help_text="The agent's slug, the copy's SPIFFE id, the id of owner, elevation or delegation, a "
        "key's thumbprint (RFC 7638), or * for everything.",
    )
    reason = models.CharField(max_length=16, choices=RevocationReason)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-id",)
        indexes = (models.Index("level", "subject", "number", name="revocation_of_subject"),)

    def __str__(self) -> str:
        return f"{self.get_level_display()} {self.subject}"
