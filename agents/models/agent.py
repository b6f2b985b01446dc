from django.conf import settings
from django.db import models

from agents.choices import AgentState, Autonomy, Environment, FreezeReason
from audits.models.base import Row
from audits.models.history import FieldHistory


class Agent(Row):
    """An AI agent in the register (S1-3). Without an owner it has no access (S4-1)."""

    slug = models.SlugField(unique=True, help_text="Stable name, for example vulnerability-analyst.")
    name = models.CharField(max_length=200)
    purpose = models.TextField(help_text="What it is for, in words its owner would defend.")
    business_unit = models.CharField(max_length=200)
    problem_class = models.CharField(
        max_length=64,
        blank=True,
        help_text="Which kind of problem it works on, as the agent policy names it.",
    )
    environment = models.CharField(max_length=16, choices=Environment, default=Environment.PRODUCTION)
    autonomy = models.CharField(
        max_length=16,
        choices=Autonomy,
        default=Autonomy.ASKS,
        help_text="Who decides before something happens.",
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="owned_agents",
        help_text="The person who answers for it.",
    )
    deputies = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="deputised_agents", blank=True)
    sponsor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="sponsored_agents",
        help_text="Who wants it to exist, and pays for it.",
    )
    data_categories = models.JSONField(default=list, blank=True)
    jurisdictions = models.JSONField(
        default=list, blank=True, help_text="Where it works and its data is: ISO 3166-1 alpha-2 codes."
    )
    frameworks = models.JSONField(
        default=list, blank=True, help_text="Retention rules that apply to its records, for example GDPR."
    )
    runbook = models.TextField(blank=True, help_text="How to isolate it, roll it back, and quarantine it.")
    monitoring_plan = models.TextField(
        blank=True, help_text="What is watched while it runs, what is too much, and who looks."
    )
    review_date = models.DateField(
        null=True, blank=True, help_text="Until when its owner has to say that all this is still true."
    )
    state = models.CharField(max_length=16, choices=AgentState, default=AgentState.DRAFT)
    active_version = models.ForeignKey(
        "agents.AgentVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_digest = models.CharField(
        max_length=64,
        blank=True,
        help_text="SHA-256 of the dossier that the board approved.",
    )
    candidate = models.ForeignKey(
        "agents.AgentVersion",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The approved version that is being released beside the active one.",
    )
    candidate_digest = models.CharField(
        max_length=64,
        blank=True,
        help_text="SHA-256 of the dossier that the board approved for the candidate.",
    )
    candidate_percent = models.PositiveSmallIntegerField(
        default=0, help_text="For how many of a hundred tasks the candidate may run."
    )
    edited = models.JSONField(
        default=list,
        blank=True,
        help_text="What was edited since the board approved it; until it does again it only reads.",
    )
    ownerless_at = models.DateTimeField(null=True, blank=True, help_text="Since when it has no owner.")
    reads_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since its owner or its sponsor is gone it does not write, and reads until then.",
    )
    freeze_reason = models.CharField(max_length=16, choices=FreezeReason, blank=True)
    attested_at = models.DateTimeField(
        null=True, blank=True, help_text="When its owner last said that all this is still true."
    )
    found_by = models.CharField(
        max_length=200, blank=True, help_text="What found it, where it was discovered and not registered."
    )
    evidence = models.TextField(blank=True, help_text="What was found, where it was discovered.")
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
            models.CheckConstraint(
                name="candidate_was_approved",
                condition=models.Q(candidate__isnull=True, candidate_digest="", candidate_percent=0)
                | models.Q(candidate__isnull=False, candidate_percent__gte=1, candidate_percent__lte=99)
                & ~models.Q(candidate_digest=""),
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def stream(self) -> str:
        """The ledger stream that tells this agent's whole story."""
        return f"agent/{self.pk}"
