from django.conf import settings
from django.db import models
from django.db.models import F, Q

from agents.choices import DelegationEnd
from audits.models.base import Row
from audits.models.history import FieldHistory


class Delegation(Row):
    """That a person lets an agent act for them, within bounds and for a time (S2-1: delegated identity).

    It gives the agent nothing that it may not do anyway: acting for the person takes both.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations")
    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="delegations")
    actions = models.JSONField(help_text="Names of functions.")
    resources = models.JSONField(help_text="type/id each, or a template: customer/{id}.")
    purpose = models.TextField(help_text="What for, in the person's words.")
    data_scope = models.JSONField(default=list, blank=True, help_text="Which of its data categories.")
    may_pass_on = models.BooleanField(
        default=False, help_text="Whether agents that it calls or creates may act for the person in turn."
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=200, blank=True, help_text="Who, as in the ledger.")
    end_reason = models.CharField(max_length=16, blank=True, choices=DelegationEnd)
    history = FieldHistory(stream=lambda delegation: f"person/{delegation.person_id}")

    class Meta:
        ordering = ("-starts_at", "-id")
        indexes = (models.Index("person", "agent", "ended_at", name="delegation_of_person"),)
        constraints = (
            models.CheckConstraint(name="delegation_has_an_end", condition=Q(ends_at__gt=F("starts_at"))),
        )

    def __str__(self) -> str:
        return f"{self.agent} for {self.person}"
