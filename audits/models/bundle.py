from pathlib import Path

from django.conf import settings
from django.db import models

from audits.choices import BundleState, Completeness
from audits.models.base import Row


class Bundle(Row):
    """An evidence bundle: a file that an auditor verifies without us (promise 11)."""

    state = models.CharField(max_length=16, choices=BundleState, default=BundleState.QUEUED)
    stream = models.CharField(max_length=200)
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
    completeness = models.CharField(max_length=16, choices=Completeness, blank=True)
    event_count = models.PositiveBigIntegerField(default=0)
    checkpoint_size = models.PositiveBigIntegerField(default=0)
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
