from django.conf import settings
from django.db import models

from agents.choices import AgentState
from audits.models.base import Row
from audits.models.history import FieldHistory


class Agent(Row):
    """An AI agent in the register (S1-3). Without an owner it has no access (S4-1)."""

    slug = models.SlugField(unique=True, help_text="Stable name, for example vulnerability-analyst.")
    name = models.CharField(max_length=200)
    purpose = models.TextField(help_text="What it is for, in words its owner would defend.")
    business_unit = models.CharField(max_length=200)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="owned_agents",
        help_text="The person who answers for it.",
    )
    deputies = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="deputised_agents", blank=True)
    data_categories = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=16, choices=AgentState, default=AgentState.DRAFT)
    active_version = models.ForeignKey(
        "agents.AgentVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_digest = models.CharField(
        max_length=64,
        blank=True,
        help_text="SHA-256 of the dossier that the board approved.",
    )
    epoch = models.PositiveBigIntegerField(
        default=0, help_text="Raised whenever access ends; older credentials are refused."
    )
    registered_at = models.DateTimeField(auto_now_add=True)
    history = FieldHistory(stream=lambda agent: agent.stream, many={"deputies": ("pk",)})

    class Meta:
        ordering = ("slug",)
        constraints = (
            models.CheckConstraint(
                name="active_agent_was_approved",
                condition=~models.Q(state=AgentState.ACTIVE)
                | models.Q(active_version__isnull=False) & ~models.Q(approved_digest=""),
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def stream(self) -> str:
        """The ledger stream that tells this agent's whole story."""
        return f"agent/{self.pk}"
