"""How far each SIEM has been told what the ledger says."""

from django.db import models

from audits.models.base import Row


class SinkCursor(Row):
    """Where one sink of `COUNTERSIGN_SIEM` stands. This row is the truth; nothing is remembered elsewhere.

    `lease` is held by the one process that is sending now, until `leased_until`: a lease and not a row
    lock, so that a slow SIEM holds no transaction open. The row moves only in the name of the lease.
    """

    name = models.CharField(
        max_length=300, unique=True, help_text="The sink's address without what is secret in it."
    )
    next_seq = models.BigIntegerField(
        default=0, help_text="The first entry of the ledger that it has not confirmed."
    )
    delivered_at = models.DateTimeField(null=True, blank=True, help_text="When it last confirmed anything.")
    failing_since = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, help_text="Why the last attempt failed.")
    attempts = models.PositiveIntegerField(default=0, help_text="Failures in a row.")
    retry_at = models.DateTimeField(null=True, blank=True)
    lease = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("name",)
        verbose_name = "sink"
        constraints = (
            models.CheckConstraint(name="sink_stands_in_the_ledger", condition=models.Q(next_seq__gte=0)),
        )

    def __str__(self) -> str:
        return self.name
