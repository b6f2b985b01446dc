from django.db import models

from agents.choices import Access
from audits.models.base import Row
from audits.models.history import FieldHistory


class Grant(Row):
    """One agent may do one action on one resource.

    No standing write (promise 2): the database refuses a write grant without an elevation and an end.
    """

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="grants")
    action = models.CharField(max_length=100)
    resource = models.CharField(max_length=300, help_text="type/id, for example endpoint/nvd.")
    access = models.CharField(max_length=8, choices=Access)
    elevation = models.ForeignKey(
        "governance.Elevation", on_delete=models.PROTECT, null=True, blank=True, related_name="grants"
    )
    approval = models.ForeignKey("governance.Approval", on_delete=models.PROTECT, related_name="grants")
    starts_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    history = FieldHistory(stream=lambda grant: f"agent/{grant.agent_id}")

    class Meta:
        ordering = ("agent", "action", "resource")
        indexes = (models.Index("agent", "action", "resource", name="grant_lookup"),)
        constraints = (
            models.CheckConstraint(
                name="no_standing_write",
                condition=models.Q(access=Access.READ)
                | models.Q(access=Access.WRITE, elevation__isnull=False, ends_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"
