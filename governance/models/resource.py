from django.conf import settings
from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance.choices import ResourceKind, Sensitivity


class Resource(Row):
    """What roles speak of (S2-4): a table, an endpoint, a path, a network, with its sensitivity and owner."""

    name = models.SlugField(
        max_length=64, unique=True, help_text="As roles call it, for example sales_database."
    )
    title = models.CharField(max_length=200, help_text="What it is, in words.")
    kind = models.CharField(max_length=16, choices=ResourceKind)
    type = models.CharField(max_length=49, help_text="The first part of its reference, for example table.")
    identifier = models.CharField(
        max_length=250,
        help_text="The rest of its reference; {name} stands for one part between slashes: sales/{table}.",
    )
    operations = models.JSONField(help_text="What can be done on it: read, write, execute, delete.")
    sensitivity = models.CharField(max_length=16, choices=Sensitivity)
    personal_data = models.BooleanField(default=False, help_text="Whether it holds personal data.")
    data_categories = models.JSONField(default=list, blank=True, help_text="What it holds.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="owned_resources",
        help_text="Who answers for it.",
    )
    added_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    added_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Since when no role speaks of it.")
    history = FieldHistory(stream=lambda _resource: "system")

    class Meta:
        ordering = ("name",)
        indexes = (models.Index("type", "identifier", name="resource_lookup"),)
        constraints = (
            models.UniqueConstraint(
                fields=("type", "identifier"),
                condition=models.Q(ended_at__isnull=True),
                name="one_live_resource_per_reference",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def reference(self) -> str:
        """The pattern that questions are compared with: `type/identifier`."""
        return f"{self.type}/{self.identifier}"
