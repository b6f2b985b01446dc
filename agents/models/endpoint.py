from django.conf import settings
from django.db import models

from agents.choices import BreakerState
from agents.defaults import ENDPOINTS
from audits.models.base import Row
from audits.models.history import FieldHistory

_SHIPPED: dict[str, object] = {
    "url": "",
    "failure_threshold": None,
    "open_seconds": None,
    "max_bytes": None,
    "added_by": "",
}


class Endpoint(Row):
    """What a function's call reaches, by the name in its resource ``endpoint/<name>``, and its breaker.

    A circuit breaker (S0-11) opens after so many failures in a row, for so many seconds; then one call tries.
    Opened by a person it stays open until a person closes it. Figures that are not given here are those of
    the settings.
    """

    name = models.SlugField(unique=True, max_length=64, help_text="As resources say it: endpoint/<name>.")
    url = models.CharField(
        max_length=500, blank=True, help_text="Where it is. Empty: inside, or as the settings say."
    )
    failure_threshold = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="Failures in a row that open its breaker; empty: as the settings say.",
    )
    open_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text="Until one call tries again; empty: as the settings say."
    )
    max_bytes = models.PositiveIntegerField(
        null=True, blank=True, help_text="The longest answer a model is shown; empty: as the settings say."
    )
    added_by = models.CharField(
        max_length=200, blank=True, help_text="Who, as in the ledger; empty: built in."
    )
    state = models.CharField(max_length=16, choices=BreakerState, default=BreakerState.CLOSED)
    state_reason = models.CharField(max_length=500, blank=True)
    state_since = models.DateTimeField(null=True, blank=True)
    tripped = models.BooleanField(default=False, help_text="Opened by a person, who closes it again.")
    failures = models.PositiveIntegerField(default=0, help_text="In a row, since the last success.")
    probe = models.UUIDField(
        null=True, blank=True, help_text="The one call that tries while it is half open."
    )
    history = FieldHistory(
        stream=lambda _endpoint: "system",
        without=("state", "state_reason", "state_since", "tripped", "failures", "probe"),
        shipped=lambda key: _SHIPPED if key in ENDPOINTS.values() else None,
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    @property
    def threshold(self) -> int:
        return self.failure_threshold or int(settings.BREAKER_FAILURES)

    @property
    def seconds(self) -> int:
        return self.open_seconds or int(settings.BREAKER_SECONDS)

    @property
    def longest(self) -> int:
        """Bytes."""
        return self.max_bytes or int(settings.RESPONSE_MAX_BYTES)
