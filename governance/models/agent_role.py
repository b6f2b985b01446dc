from django.conf import settings
from django.db import models
from django.utils import timezone

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance.choices import AssignmentKind


class AgentRole(Row):
    """A named set of permissions for agents (S2-5). What it says is its current version."""

    name = models.CharField(max_length=63, unique=True, help_text="For example data_analyst.")
    current = models.ForeignKey(
        "governance.AgentRoleVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    added_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    added_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Since when nobody holds it.")
    history = FieldHistory(stream=lambda _role: "system", kind="agent_role")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class AgentRoleVersion(Row):
    """What a role said from one change to the next; never changed."""

    role = models.ForeignKey(AgentRole, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(help_text="1, 2, 3 … of its role.")
    permissions = models.JSONField(help_text="Resource, actions and conditions, as in the YAML of S2-5.")
    sha256 = models.CharField(max_length=64, help_text="Of name and permissions, as canonical JSON.")
    reason = models.TextField(help_text="Why it was changed.")
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")

    class Meta:
        ordering = ("-made_at",)
        constraints = (models.UniqueConstraint("role", "number", name="unique_role_version"),)

    def __str__(self) -> str:
        return f"{self.role} {self.number}"


class RoleAssignment(Row):
    """An agent holds a role (S2-6). It gives reading under the role's conditions, and never a standing write.

    Hybrid: `role` is the base, and `addition` is another role that it holds while `conditions` are met.
    """

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="role_assignments")
    role = models.ForeignKey(AgentRole, on_delete=models.PROTECT, related_name="assignments")
    kind = models.CharField(max_length=16, choices=AssignmentKind, default=AssignmentKind.STATIC)
    addition = models.ForeignKey(
        AgentRole, on_delete=models.PROTECT, null=True, blank=True, related_name="additions"
    )
    conditions = models.JSONField(default=list, blank=True, help_text="While these are met.")
    reason = models.TextField(help_text="What the agent needs it for.")
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until somebody ends it.")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it was ended.")
    ended_by = models.CharField(max_length=200, blank=True, help_text="Who ended it, as in the ledger.")
    end_reason = models.TextField(blank=True)
    history = FieldHistory(stream=lambda assignment: f"agent/{assignment.agent_id}", kind="role_assignment")

    class Meta:
        ordering = ("-starts_at",)
        indexes = (models.Index("agent", "ended_at", name="assignment_lookup"),)
        constraints = (
            models.CheckConstraint(
                name="only_a_hybrid_has_an_addition",
                condition=models.Q(kind=AssignmentKind.HYBRID, addition__isnull=False)
                | ~models.Q(kind=AssignmentKind.HYBRID) & models.Q(addition__isnull=True),
            ),
            models.CheckConstraint(
                name="assignment_ends_after_it_starts",
                condition=models.Q(ends_at__isnull=True) | models.Q(ends_at__gt=models.F("starts_at")),
            ),
            models.UniqueConstraint(
                fields=("agent", "role"),
                condition=models.Q(ended_at__isnull=True),
                name="one_open_assignment_per_role",
            ),
        )

    def __str__(self) -> str:
        return f"{self.role} of {self.agent}"
