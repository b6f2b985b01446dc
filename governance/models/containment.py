from django.conf import settings
from django.db import models
from django.db.models import F, Q

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance.choices import ContainmentLevel, ContainmentState, UnfreezeState


def _stream(containment: "Containment") -> str:
    if containment.agent_id:
        return f"agent/{containment.agent_id}"
    return f"person/{containment.person_id}" if containment.person_id else "system"


def _unfreeze_stream(unfreeze: "Unfreeze") -> str:
    return _stream(unfreeze.containment)


class Containment(Row):
    """Somebody froze an agent, one copy of it, all that somebody owns, or everything (promise 7).

    One person is enough to begin it; lifting it takes two (`Unfreeze`), or the board, which ends the agent.
    """

    level = models.CharField(max_length=16, choices=ContainmentLevel)
    agent = models.ForeignKey(
        "agents.Agent",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="containments",
        help_text="The agent, or the one whose copy it is.",
    )
    agent_instance = models.ForeignKey(
        "agents.AgentInstance",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="containments",
    )
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The owner whose agents are frozen.",
    )
    reason = models.TextField(help_text="Why, in the words of who froze it.")
    state = models.CharField(max_length=16, choices=ContainmentState, default=ContainmentState.IN_FORCE)
    before = models.JSONField(default=dict, blank=True, help_text="What the agent was, and comes back to.")
    begun_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    history = FieldHistory(stream=_stream)

    class Meta:
        ordering = ("-begun_at",)
        constraints = (
            models.CheckConstraint(
                name="containment_names_what_it_is_of",
                condition=Q(
                    level=ContainmentLevel.EVERYTHING,
                    agent__isnull=True,
                    agent_instance__isnull=True,
                    person__isnull=True,
                )
                | Q(
                    level=ContainmentLevel.OWNER,
                    agent__isnull=True,
                    agent_instance__isnull=True,
                    person__isnull=False,
                )
                | Q(
                    level=ContainmentLevel.AGENT,
                    agent__isnull=False,
                    agent_instance__isnull=True,
                    person__isnull=True,
                )
                | Q(
                    level=ContainmentLevel.INSTANCE,
                    agent__isnull=False,
                    agent_instance__isnull=False,
                    person__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="containment_in_force_has_no_end",
                condition=Q(state=ContainmentState.IN_FORCE, ended_at__isnull=True)
                | ~Q(state=ContainmentState.IN_FORCE) & Q(ended_at__isnull=False),
            ),
            models.UniqueConstraint(
                fields=("agent",),
                condition=Q(state=ContainmentState.IN_FORCE, level=ContainmentLevel.AGENT),
                name="one_containment_per_agent",
            ),
            models.UniqueConstraint(
                fields=("agent_instance",),
                condition=Q(state=ContainmentState.IN_FORCE),
                name="one_containment_per_instance",
            ),
            models.UniqueConstraint(
                fields=("person",),
                condition=Q(state=ContainmentState.IN_FORCE),
                name="one_containment_per_owner",
            ),
            models.UniqueConstraint(
                fields=("level",),
                condition=Q(state=ContainmentState.IN_FORCE, level=ContainmentLevel.EVERYTHING),
                name="one_containment_of_everything",
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_level_display()}: {self.of}"

    @property
    def of(self) -> str:
        """What is frozen, in words."""
        return str(self.agent_instance or self.agent or self.person or "everything")

    @property
    def stream(self) -> str:
        return _stream(self)


class Unfreeze(Row):
    """Somebody asks for a containment to be lifted; another person confirms it (promise 5).

    `digest` is of what would come back: whatever of it changes meanwhile makes the request void.
    """

    containment = models.ForeignKey(Containment, on_delete=models.PROTECT, related_name="unfreezes")
    reason = models.TextField(help_text="Why it is safe to go on.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of what would come back.")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=UnfreezeState, default=UnfreezeState.REQUESTED)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True, help_text="Why it ended as it did.")
    history = FieldHistory(stream=_unfreeze_stream)

    class Meta:
        ordering = ("-requested_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("containment",),
                condition=Q(state=UnfreezeState.REQUESTED),
                name="one_open_unfreeze_per_containment",
            ),
            models.CheckConstraint(
                name="unfreeze_confirmed_by_another",
                condition=~Q(state=UnfreezeState.CONFIRMED)
                | Q(ended_by__isnull=False, ended_at__isnull=False) & ~Q(ended_by=F("requested_by")),
            ),
            models.CheckConstraint(
                name="open_unfreeze_has_no_end",
                condition=Q(state=UnfreezeState.REQUESTED, ended_at__isnull=True)
                | ~Q(state=UnfreezeState.REQUESTED) & Q(ended_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"Unfreeze {self.containment.of}"
