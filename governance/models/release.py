from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance.choices import ReleaseState


class Release(Row):
    """An approved version on its way to all tasks: step by step, and back in one (S1-18)."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="releases")
    version = models.ForeignKey("agents.AgentVersion", on_delete=models.PROTECT, related_name="releases")
    approval = models.OneToOneField("governance.Approval", on_delete=models.PROTECT, related_name="release")
    previous = models.ForeignKey(
        "agents.AgentVersion",
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The version that was active, and is again after a rollback.",
    )
    previous_digest = models.CharField(
        max_length=64, help_text="SHA-256 of the dossier that the board approved for the previous version."
    )
    steps = models.JSONField(help_text="Shares in percent, rising to 100: the risk class's when it began.")
    percent = models.PositiveSmallIntegerField(help_text="The share that it has reached.")
    state = models.CharField(max_length=16, choices=ReleaseState, default=ReleaseState.UNDER_WAY)
    started_at = models.DateTimeField()
    step_at = models.DateTimeField(help_text="Since when it has this share.")
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, help_text="Why it was rolled back.")
    history = FieldHistory(stream=lambda release: f"agent/{release.agent_id}")

    class Meta:
        ordering = ("-started_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("agent",),
                condition=models.Q(state=ReleaseState.UNDER_WAY),
                name="one_release_under_way_per_agent",
            ),
        )

    def __str__(self) -> str:
        return f"Release of {self.version.label}"

    @property
    def next_step(self) -> int | None:
        """The share that a promotion leads to; None where it has reached all tasks."""
        return next((step for step in self.steps if step > self.percent), None)
