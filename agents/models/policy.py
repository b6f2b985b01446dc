from django.db import models

from agents.choices import AgentPolicyState
from audits.models.base import Row
from audits.models.history import FieldHistory


class AgentPolicy(Row):
    """The agent policy (S1-1) as it was applied: one counts, those before it stay readable."""

    number = models.PositiveIntegerField(unique=True, help_text="1, 2, 3 … in the order of applying.")
    state = models.CharField(max_length=16, choices=AgentPolicyState, default=AgentPolicyState.ACTIVE)
    document = models.JSONField(help_text="Units, problem classes, supervision, and where agents act alone.")
    sha256 = models.CharField(max_length=64, help_text="Of the document, as canonical JSON.")
    reason = models.TextField()
    applied_at = models.DateTimeField()
    applied_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    replaced_at = models.DateTimeField(null=True, blank=True)
    # The number is not followed: it never changes, and the rows of history have one of their own.
    history = FieldHistory(stream=lambda _policy: "system", kind="agent_policy", without=("number",))

    class Meta:
        ordering = ("-number",)
        verbose_name = "agent policy"
        verbose_name_plural = "agent policies"
        constraints = (
            models.UniqueConstraint(
                fields=("state",), condition=models.Q(state="active"), name="one_active_agent_policy"
            ),
        )

    def __str__(self) -> str:
        return f"Agent policy {self.number}"
