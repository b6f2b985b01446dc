from django.db import models

from audits.choices import AnchorLevel, AnchorState
from audits.models.base import Row


class Anchor(Row):
    """A checkpoint that was published to one sink outside, and what the sink said.

    `receipt` are the sink's exact bytes: a line of a file, an RFC 3161 token, a cosignature.
    """

    sink = models.CharField(max_length=300, help_text="Name of the sink, without secrets.")
    level = models.CharField(max_length=2, choices=AnchorLevel)
    size = models.BigIntegerField(help_text="Entries of the checkpoint.")
    note = models.TextField(help_text="The checkpoint's exact bytes as they were published.")
    state = models.CharField(max_length=16, choices=AnchorState, default=AnchorState.PENDING)
    receipt = models.BinaryField(default=b"", blank=True)
    created_at = models.DateTimeField()
    anchored_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, help_text="Why the last attempt failed.")
    checked_at = models.DateTimeField(null=True, blank=True)
    check_problem = models.TextField(blank=True, help_text="What the last check found wrong.")

    class Meta:
        ordering = ("-size", "sink")
        constraints = (
            models.UniqueConstraint(fields=("sink", "size"), name="one_anchor_a_checkpoint_and_sink"),
        )
        indexes = (models.Index(fields=("sink", "state", "size"), name="anchor_newest"),)

    def __str__(self) -> str:
        return f"{self.sink}, {self.size} entries"
