from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance.choices import PointMode


class EnforcementPoint(Row):
    """What asks the decision point over HTTP and enforces the answer (PEP), with a credential of its own."""

    name = models.SlugField(max_length=64, unique=True, help_text="Stable name, for example crm-gateway.")
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
    mode = models.CharField(
        max_length=8,
        choices=PointMode,
        default=PointMode.FOLLOWS,
        help_text="How it learns of what has ended.",
    )
    declared_at = models.DateTimeField(null=True, blank=True, help_text="When mode or probe were declared.")
    declared_by = models.CharField(max_length=200, blank=True, help_text="Who, as in the ledger.")
    probe_url = models.CharField(
        max_length=500, blank=True, help_text="Where a credential that has ended must be refused."
    )
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text="When it last asked the feed, to within two seconds."
    )
    stale_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when it is known to ask no more; empty while it asks."
    )
    history = FieldHistory(
        stream=lambda _point: "system",
        kind="enforcement_point",
        without=("credential_sha256", "last_seen_at", "asked_at", "stale_since"),
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def stream(self) -> str:
        """The ledger stream of what it asked about others than agents."""
        return f"point/{self.pk}"
