from django.db import models

from audits.models.base import Row
from audits.visible import visible


class Exposure(Row):
    """One problem of one target over time, in whichever of its reports it was found.

    The dates are those of scans. They depend on which scans there are, not on the order in which their
    reports came: `gone_at` is the first scan after the last one that found it.
    """

    target = models.ForeignKey("agents.ScannedTarget", on_delete=models.CASCADE, related_name="exposures")
    identity = models.CharField(max_length=64, help_text="SHA-256 of which problem it is, and where.")
    title = models.CharField(max_length=500)
    first_seen = models.DateTimeField(help_text="The first scan that found it.")
    last_seen = models.DateTimeField(help_text="The last scan that found it.")
    gone_at = models.DateTimeField(null=True, blank=True, help_text="The first scan that did not any more.")

    class Meta:
        ordering = ("-first_seen", "title")
        constraints = (models.UniqueConstraint("target", "identity", name="one_exposure_per_problem"),)

    def __str__(self) -> str:
        return visible(self.title)
