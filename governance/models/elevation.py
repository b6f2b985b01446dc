from django.conf import settings
from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance.choices import ElevationEnd, ElevationState


class Elevation(Row):
    """Time-boxed permission to write: one action, one resource or class of them, for a time (S1-9).

    `requested_by` is the person who answers for asking: whoever asked, or the agent's owner where a copy of
    the agent asked itself; then `asked_by` is that copy.
    """

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="elevations")
    proposal = models.ForeignKey(
        "agents.ProposedAction", on_delete=models.PROTECT, null=True, blank=True, related_name="elevations"
    )
    action = models.CharField(max_length=100)
    resource = models.CharField(
        max_length=300, help_text="One, or a class of them: the manifest's template with * for each place."
    )
    intent = models.TextField(help_text="The task that it is for, in the requester's words.")
    minutes = models.PositiveIntegerField()
    uses = models.PositiveIntegerField(help_text="How many writes it allows.")
    latest_end = models.DateTimeField(
        null=True, blank=True, help_text="It ends then, however many minutes are left."
    )
    call_digest = models.CharField(
        max_length=64, blank=True, help_text="SHA-256 of the one call that it is for; empty for any."
    )
    revision = models.PositiveIntegerField(
        default=1, help_text="An edit of a pending request makes the next."
    )
    asked_by = models.ForeignKey(
        "agents.AgentInstance", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    used = models.PositiveIntegerField(default=0)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=16, choices=ElevationState, default=ElevationState.PENDING)
    starts_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=16, choices=ElevationEnd, blank=True)
    history = FieldHistory(stream=lambda elevation: f"agent/{elevation.agent_id}")

    class Meta:
        ordering = ("-requested_at",)
        constraints = (
            models.CheckConstraint(name="uses_within_budget", condition=models.Q(used__lte=models.F("uses"))),
            models.CheckConstraint(
                name="active_elevation_has_an_end",
                condition=~models.Q(state=ElevationState.ACTIVE) | models.Q(ends_at__isnull=False),
            ),
            models.CheckConstraint(
                name="over_elevation_has_a_reason",
                condition=models.Q(state__in=(ElevationState.PENDING, ElevationState.ACTIVE))
                | ~models.Q(end_reason="") & models.Q(ended_at__isnull=False),
            ),
            models.UniqueConstraint(
                fields=("proposal",),
                condition=models.Q(state__in=(ElevationState.PENDING, ElevationState.ACTIVE)),
                name="one_open_elevation_per_proposal",
            ),
        )

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} for {self.minutes} min"
