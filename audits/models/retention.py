from django.db import models

from audits import defaults
from audits.models.history import FieldHistory


class RetentionRule(models.Model):
    """How long events of one framework are kept (S3-7): a default that can be changed, no legal advice."""

    framework = models.CharField(
        primary_key=True, max_length=64, help_text="For example PCI_DSS; DEFAULT: every other event."
    )
    days = models.PositiveIntegerField()
    source = models.CharField(max_length=300, help_text="Where the figure comes from.")
    note = models.TextField(blank=True)

    history = FieldHistory(stream=lambda _rule: "system", shipped=defaults.RETENTION.get)

    class Meta:
        ordering = ("framework",)
        constraints = (
            models.CheckConstraint(name="retention_is_a_day_or_more", condition=models.Q(days__gte=1)),
        )

    def __str__(self) -> str:
        return self.framework
