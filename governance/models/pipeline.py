from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory


class Pipeline(Row):
    """A CI pipeline with a credential of its own that is no person's (S1-4, S1-26).

    It records tests and asks the gate, for the agents that are named here and no others.
    """

    name = models.SlugField(max_length=64, unique=True, help_text="Stable name, for example shop-ci.")
    agents = models.ManyToManyField("agents.Agent", related_name="pipelines", blank=True)
    credential_sha256 = models.CharField(
        max_length=64, editable=False, help_text="Of the secret, which is kept nowhere."
    )
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=200, help_text="Who, as in the ledger.")
    rotated_at = models.DateTimeField(null=True, blank=True)
    rotated_by = models.CharField(max_length=200, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=200, blank=True)
    last_seen_at = models.DateTimeField(
        null=True, blank=True, help_text="Its last request, to within a minute."
    )
    history = FieldHistory(
        stream=lambda _pipeline: "system",
        kind="pipeline",
        without=("credential_sha256", "last_seen_at"),
        many={"agents": ("pk",)},
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
