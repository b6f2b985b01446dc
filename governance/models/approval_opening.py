from django.conf import settings
from django.db import models

from audits.models.base import Row


class ApprovalOpening(Row):
    """When somebody who could vote first saw what was asked: against approval fatigue. Never changed."""

    approval = models.ForeignKey("governance.Approval", on_delete=models.PROTECT, related_name="openings")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField()

    class Meta:
        ordering = ("opened_at",)
        constraints = (models.UniqueConstraint(fields=("approval", "person"), name="opened_first_once"),)

    def __str__(self) -> str:
        return f"{self.person} opened {self.approval}"
