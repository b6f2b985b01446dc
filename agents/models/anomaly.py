from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from agents.choices import AnomalyKind
from agents.defaults import ANOMALY_RULES, anomaly_rule_id
from audits.models.base import Row
from audits.models.history import FieldHistory

_SHIPPED = {anomaly_rule_id(kind): figures for kind, figures in ANOMALY_RULES.items()}


class AnomalyRule(Row):
    """When what an agent reached lately is unusual, against what it reached before (S2-10)."""

    kind = models.CharField(max_length=16, choices=AnomalyKind, unique=True)
    enabled = models.BooleanField(default=True)
    window_minutes = models.PositiveIntegerField(
        validators=[MinValueValidator(5), MaxValueValidator(10_080)], help_text="Lately: so many minutes."
    )
    baseline_days = models.PositiveIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(366)], help_text="Before: so many days."
    )
    factor = models.PositiveIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(1_000)],
        help_text="More than so many times what is usual in such a window.",
    )
    minimum = models.PositiveBigIntegerField(
        help_text="And at least so many: attempts, or bytes; of destinations: attempts before."
    )
    from_hour = models.PositiveSmallIntegerField(
        validators=[MaxValueValidator(23)], help_text="Working hours begin, in the portal's time zone."
    )
    until_hour = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(24)], help_text="And end."
    )
    weekends = models.BooleanField(help_text="Whether Saturday and Sunday have working hours.")
    history = FieldHistory(stream=lambda _rule: "system", kind="anomaly_rule", shipped=_SHIPPED.get)

    class Meta:
        ordering = ("kind",)

    def __str__(self) -> str:
        return self.get_kind_display()


class EgressAnomaly(Row):
    """Something unusual that an agent reached, or tried to. Of each kind and destination one is open."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="egress_anomalies")
    kind = models.CharField(max_length=16, choices=AnomalyKind)
    destination = models.CharField(max_length=260, blank=True, help_text="host:port; empty: all of them.")
    observed = models.PositiveBigIntegerField(help_text="In the window: attempts, or bytes.")
    expected = models.PositiveBigIntegerField(help_text="Usual in such a window.")
    since = models.DateTimeField(help_text="The window's begin.")
    found_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=200, blank=True, help_text="Who, as in the ledger.")
    verdict = models.TextField(blank=True, help_text="What it was, as who closed it says.")

    class Meta:
        verbose_name_plural = "egress anomalies"
        ordering = ("-found_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("agent", "kind", "destination"),
                condition=models.Q(closed_at__isnull=True),
                name="one_open_anomaly",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()}{f': {self.destination}' if self.destination else ''}"
