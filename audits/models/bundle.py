from pathlib import Path

from django.conf import settings
from django.db import models

from audits.choices import BundleKind, BundlePhase, BundleState, Completeness
from audits.models.base import Row


class Bundle(Row):
    """An evidence bundle: a file that an auditor verifies without us (promise 11)."""

    state = models.CharField(max_length=16, choices=BundleState, default=BundleState.QUEUED)
    kind = models.CharField(max_length=16, choices=BundleKind)
    streams = models.JSONField(
        default=list, blank=True, help_text="Streams of which everything in the period is in it."
    )
    party = models.CharField(max_length=200, blank=True, help_text="Events that name it, in whatever stream.")
    subject = models.CharField(max_length=200, help_text="Name of the subject when it was requested.")
    since = models.DateTimeField(
        null=True, blank=True, help_text="Sealed at or after; empty: from the start."
    )
    until = models.DateTimeField(null=True, blank=True, help_text="Sealed before; empty: to the end.")
    framework = models.CharField(max_length=64, blank=True)
    requested_by = models.CharField(max_length=200, help_text="Reference of the actor.")
    requested_by_name = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    built_at = models.DateTimeField(null=True, blank=True)
    phase = models.CharField(max_length=16, choices=BundlePhase, blank=True)
    done = models.PositiveBigIntegerField(default=0, help_text="Of what the phase has to do.")
    total = models.PositiveBigIntegerField(default=0)
    heard_at = models.DateTimeField(null=True, blank=True, help_text="When the builder last said something.")
    completeness = models.CharField(max_length=16, choices=Completeness, blank=True)
    incomplete = models.JSONField(default=list, blank=True, help_text="What is missing, in sentences.")
    event_count = models.PositiveBigIntegerField(default=0)
    checkpoint_size = models.PositiveBigIntegerField(
        default=0,
        help_text="Entries of the ledger that it was built from; fixed when the first builder begins.",
    )
    file_name = models.CharField(max_length=200, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    size = models.PositiveBigIntegerField(default=0, help_text="Bytes.")
    error = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="ready_bundle_has_its_file",
                condition=~models.Q(state=BundleState.READY)
                | (~models.Q(file_name="") & ~models.Q(sha256="") & ~models.Q(completeness="")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.subject}, {self.requested_at:%Y-%m-%d %H:%M}"

    @property
    def path(self) -> Path:
        """Where the file is, once it is ready."""
        return Path(settings.BUNDLES_DIR) / self.file_name
