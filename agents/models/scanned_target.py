from django.db import models

from agents.choices import ReportFormat
from audits.models.base import Row
from audits.visible import visible


class ScannedTarget(Row):
    """What one tool scanned, under one name: its reports follow one another and are compared."""

    key = models.CharField(max_length=64, unique=True, help_text="SHA-256 of format, tool and name.")
    name = models.CharField(max_length=500, help_text="As the report or who brought it says.")
    format = models.CharField(max_length=32, choices=ReportFormat)
    tool = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("name", "format")

    def __str__(self) -> str:
        return visible(f"{self.name} ({self.tool or self.get_format_display()})")
