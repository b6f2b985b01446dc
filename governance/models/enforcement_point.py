from django.db import models

from agents.models.machine import Machine
from audits.models.history import FieldHistory
from governance.choices import PointMode


class EnforcementPoint(Machine):
    """What asks the decision point over HTTP and enforces the answer (PEP), with a credential of its own."""

    name = models.SlugField(max_length=64, unique=True, help_text="Stable name, for example crm-gateway.")
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

    @property
    def stream(self) -> str:
        """The ledger stream of what it asked about others than agents."""
        return f"point/{self.pk}"
