from django.db import models

from audits.models.base import Row
from governance.choices import PolicyState


class PolicyVersion(Row):
    """A set of Cedar policies with its schema and entities, as it was applied."""

    number = models.PositiveIntegerField(unique=True, help_text="1, 2, 3 … in the order of applying.")
    state = models.CharField(max_length=16, choices=PolicyState, default=PolicyState.ACTIVE)
    policies = models.JSONField(help_text="File name to the text of the policies.")
    schema = models.TextField()
    entities = models.TextField(help_text="JSON, as it was given.")
    policies_sha256 = models.CharField(max_length=64)
    schema_sha256 = models.CharField(max_length=64)
    entities_sha256 = models.CharField(max_length=64)
    sha256 = models.CharField(max_length=64, help_text="Of the three digests, as canonical JSON.")
    applied_at = models.DateTimeField()
    applied_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    replaced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(
                fields=("state",), condition=models.Q(state="active"), name="one_active_policy_version"
            ),
        )

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The version that decisions name."""
        return f"cedar/{self.number}"
