from django.db import models

from agents.choices import ToolKind
from audits.models.base import Row
from audits.models.history import FieldHistory


class Tool(Row):
    """A system that agents depend on, ours or a third party's. What a version may call is a function."""

    slug = models.SlugField(unique=True, help_text="Stable name, for example ticket-system.")
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=16, choices=ToolKind)
    endpoint = models.CharField(max_length=500, help_text="Its address, or the name of the resource.")
    provider = models.ForeignKey(
        "agents.ThirdParty",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="tools",
        help_text="Who runs it; empty: we do.",
    )
    data_categories = models.JSONField(default=list, blank=True, help_text="What it holds.")
    jurisdictions = models.JSONField(
        default=list, help_text="Where it processes data: ISO 3166-1 alpha-2, or EU."
    )
    added_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    added_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Since when nothing new depends on it.")
    history = FieldHistory(stream=lambda _tool: "system")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
