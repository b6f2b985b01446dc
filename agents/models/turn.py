from django.db import models

from audits.models.base import Row


class ModelTurn(Row):
    """One answer of the model: what was asked, what came back."""

    run = models.ForeignKey("agents.Run", on_delete=models.CASCADE, related_name="model_turns")
    finding = models.ForeignKey("agents.Finding", on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField(help_text="From 1, for each finding of the run.")
    request = models.JSONField(help_text="The chat-completions request that was sent.")
    response = models.JSONField(help_text="The chat-completions response as it came.")
    finish_reason = models.CharField(max_length=50, blank=True)
    tokens = models.PositiveIntegerField(default=0)
    milliseconds = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("run", "at", "id")
        constraints = (models.UniqueConstraint("run", "finding", "number", name="one_turn_per_number"),)

    def __str__(self) -> str:
        return f"Turn {self.number}"
