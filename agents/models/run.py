from django.db import models

from agents.choices import RunReason, RunState
from audits.models.base import Row


class Run(Row):
    """One pass of an agent over a report. It always ends, and says why (promise 9)."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="runs")
    report = models.ForeignKey("agents.Report", on_delete=models.PROTECT, related_name="runs")
    version = models.ForeignKey(
        "agents.AgentVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="runs"
    )
    instance = models.OneToOneField(
        "agents.AgentInstance", on_delete=models.PROTECT, null=True, blank=True, related_name="run"
    )
    state = models.CharField(max_length=16, choices=RunState, default=RunState.QUEUED)
    reason = models.CharField(max_length=32, choices=RunReason, blank=True)
    detail = models.TextField(blank=True, help_text="The reason in words, with what would mend it.")
    planner = models.CharField(
        max_length=200, blank=True, help_text="What planned it: a language model, or embedded rules."
    )
    caps = models.JSONField(default=dict, help_text="turns, seconds, tokens, calls in force.")
    turns = models.PositiveIntegerField(default=0)
    calls = models.PositiveIntegerField(default=0)
    tokens = models.PositiveBigIntegerField(default=0)
    findings_done = models.PositiveIntegerField(default=0)
    findings_failed = models.PositiveIntegerField(default=0)
    requested_by = models.CharField(max_length=200, help_text="On whose behalf, as in the ledger.")
    queued_at = models.DateTimeField(auto_now_add=True)
    enqueued_at = models.DateTimeField(auto_now_add=True, help_text="When a worker was last asked for.")
    started_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True, help_text="The worker's last sign of life.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-queued_at",)
        constraints = (
            models.CheckConstraint(
                name="ended_run_has_a_reason",
                condition=~models.Q(state__in=(RunState.COMPLETED, RunState.FAILED))
                | ~models.Q(reason="") & models.Q(ended_at__isnull=False),
            ),
            models.UniqueConstraint(
                fields=("agent", "report"),
                condition=models.Q(state__in=(RunState.QUEUED, RunState.RUNNING)),
                name="one_live_run_per_report",
            ),
        )

    def __str__(self) -> str:
        return f"Run over {self.report}"
