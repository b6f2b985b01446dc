from django.db import models

from agents.choices import CallOutcome
from audits.models.base import Row


class FunctionCall(Row):
    """One function call, from what the model asked for to what became of it (S0-8)."""

    run = models.ForeignKey("agents.Run", on_delete=models.CASCADE, related_name="function_calls")
    finding = models.ForeignKey("agents.Finding", on_delete=models.CASCADE, related_name="+")
    turn = models.ForeignKey(
        "agents.ModelTurn", on_delete=models.CASCADE, null=True, blank=True, related_name="function_calls"
    )
    function = models.CharField(max_length=100)
    arguments = models.JSONField(help_text="As the model gave them.")
    resource = models.CharField(max_length=300, blank=True)
    service = models.CharField(max_length=100, blank=True, help_text="What answered: nvd, tickets, …")
    location = models.CharField(max_length=500, blank=True, help_text="The address or service called.")
    decision_id = models.UUIDField(null=True, blank=True)
    decision_reason = models.CharField(max_length=64, blank=True)
    requestable = models.BooleanField(default=False)
    credential = models.OneToOneField(
        "agents.Credential", on_delete=models.PROTECT, null=True, blank=True, related_name="call"
    )
    outcome = models.CharField(max_length=16, choices=CallOutcome)
    result = models.JSONField(null=True, blank=True)
    error = models.TextField(blank=True)
    milliseconds = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("run", "at", "id")

    def __str__(self) -> str:
        return self.function
