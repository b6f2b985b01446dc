from django.db import models
from django.utils import timezone

from agents.choices import ReportFormat
from audits.models.base import Row
from audits.visible import visible


class Report(Row):
    """A scanner's report as it was read. The same bytes are one report, however often they come."""

    format = models.CharField(max_length=32, choices=ReportFormat)
    scanner = models.CharField(max_length=200, blank=True, help_text="Name and version as given.")
    target = models.CharField(max_length=500, help_text="What was scanned, as the report says.")
    scanned_target = models.ForeignKey(
        "agents.ScannedTarget",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reports",
        help_text="What it is compared under; none where nothing named a target.",
    )
    scanned_at = models.DateTimeField(
        default=timezone.now, help_text="When, as the report says; else when it was ingested."
    )
    notes = models.TextField(blank=True, help_text="What of the report is not read.")
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, unique=True)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    counts = models.JSONField(default=dict, help_text="Findings by severity, as the report gives them.")
    ingested_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    ingested_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-ingested_at",)
        indexes = (models.Index(fields=("scanned_target", "scanned_at"), name="reports_of_a_target"),)

    def __str__(self) -> str:
        return visible(f"{self.target} ({self.get_format_display()})")
