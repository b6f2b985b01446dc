from django.conf import settings
from django.db import models

from agents.choices import LeaseEnd, RotationReason, RotationState, Rotator
from audits.models.base import Row
from audits.models.history import FieldHistory

OPEN_ROTATIONS = (RotationState.QUEUED, RotationState.WAITING)


class SecretReference(Row):
    """Where a secret is, and what goes for it (S2-11). What it *is* stays in its store."""

    slug = models.SlugField(unique=True, help_text="Stable name, for example crm-api-key.")
    uri = models.CharField(max_length=500, help_text="Where it is: vault://mount/path#field, for example.")
    purpose = models.TextField(help_text="What it opens, and for what.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="owned_secrets",
        help_text="The person who answers for it.",
    )
    rotator = models.CharField(
        max_length=16, choices=Rotator, default=Rotator.PERSON, help_text="Who makes its next value."
    )
    rotate_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="After how many days it is rotated."
    )
    rotate_uses = models.PositiveIntegerField(
        null=True, blank=True, help_text="After how many uses it is rotated."
    )
    rotate_on = models.JSONField(default=list, blank=True, help_text="After which events it is rotated.")
    overlap_hours = models.PositiveIntegerField(
        default=24, help_text="How long the old version stays valid beside the new one."
    )
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    rotated_at = models.DateTimeField(help_text="Since when its value is what it is, as far as we know.")
    breached_at = models.DateTimeField(
        null=True, blank=True, help_text="Since then it is given to nobody, until it is rotated."
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    uses = models.PositiveBigIntegerField(default=0, help_text="Since it was rotated.")
    last_used_at = models.DateTimeField(null=True, blank=True)
    history = FieldHistory(
        stream=lambda _reference: "system", kind="secret", without=("uses", "last_used_at")
    )

    class Meta:
        ordering = ("slug",)
        verbose_name = "secret"
        constraints = (
            models.UniqueConstraint(
                fields=("uri",), condition=models.Q(ended_at__isnull=True), name="one_live_secret_of_a_uri"
            ),
        )

    def __str__(self) -> str:
        return self.slug


class SecretUse(Row):
    """What an agent may use a secret for: one action on one resource, or on those that a template means."""

    secret = models.ForeignKey("agents.SecretReference", on_delete=models.PROTECT, related_name="allowed")
    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="secret_uses")
    action = models.CharField(max_length=100, help_text="As in the agent's manifest.")
    resource = models.CharField(max_length=500, help_text="For example endpoint/nvd, or customer/{id}.")
    allowed_at = models.DateTimeField()
    allowed_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-allowed_at",)
        verbose_name = "use of a secret"
        verbose_name_plural = "uses of secrets"
        constraints = (
            models.UniqueConstraint(
                fields=("secret", "agent", "action", "resource"),
                condition=models.Q(ended_at__isnull=True),
                name="one_live_use_of_a_secret",
            ),
        )

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


class SecretLease(Row):
    """One reading of a secret for an agent, and until when it may use what it got."""

    secret = models.ForeignKey("agents.SecretReference", on_delete=models.PROTECT, related_name="leases")
    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="secret_leases")
    instance = models.ForeignKey(
        "agents.AgentInstance", on_delete=models.PROTECT, related_name="secret_leases"
    )
    decision_id = models.UUIDField(help_text="The decision that allowed the call.")
    task_id = models.UUIDField(null=True, blank=True)
    action = models.CharField(max_length=100)
    resource = models.CharField(max_length=500)
    version = models.CharField(max_length=100, blank=True, help_text="Of the secret, where its store counts.")
    handed_out = models.BooleanField(
        default=False, help_text="The value left the portal: the agent could keep it."
    )
    leased_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=16, choices=LeaseEnd, blank=True)

    class Meta:
        ordering = ("-leased_at",)
        verbose_name = "lease of a secret"
        verbose_name_plural = "leases of secrets"
        indexes = (models.Index(fields=("agent", "expires_at"), name="leases_of_an_agent"),)

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


class SecretRotation(Row):
    """One replacement of a secret's value: asked for, done, and the old version ended (S2-13)."""

    secret = models.ForeignKey("agents.SecretReference", on_delete=models.PROTECT, related_name="rotations")
    reason = models.CharField(max_length=16, choices=RotationReason)
    rotator = models.CharField(max_length=16, choices=Rotator)
    uri = models.CharField(max_length=500, help_text="Where: the reference may name another place later.")
    state = models.CharField(max_length=16, choices=RotationState)
    asked_at = models.DateTimeField()
    asked_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    due_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, help_text="Why the last try did not do it.")
    from_version = models.CharField(max_length=100, blank=True)
    to_version = models.CharField(max_length=100, blank=True)
    rotated_at = models.DateTimeField(null=True, blank=True)
    rotated_by = models.CharField(max_length=200, blank=True, help_text="Who, as in the ledger.")
    overlap_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(
        null=True, blank=True, help_text="When the old version ended, or this was dropped."
    )

    class Meta:
        ordering = ("-asked_at",)
        verbose_name = "rotation of a secret"
        verbose_name_plural = "rotations of secrets"
        constraints = (
            models.UniqueConstraint(
                fields=("secret",),
                condition=models.Q(state__in=("queued", "waiting")),
                name="one_open_rotation_of_a_secret",
            ),
        )

    def __str__(self) -> str:
        return self.get_reason_display()
