from typing import Any

import orjson
from django.db import models

from audits.choices import Action, Outcome
from audits.models.base import Row


class Event(Row):
    """What happened, as the application recorded it. Append-only; the database refuses changes.

    The evidence is `header`, canonical JSON without personal data. The columns beside it are copies
    to search by, and verification compares them. There is no foreign key to any subject: evidence
    outlives it.
    """

    header = models.BinaryField()
    mac = models.BinaryField(max_length=32)
    time = models.DateTimeField()
    stream = models.CharField(max_length=200)
    action = models.CharField(max_length=64, choices=Action)
    actor = models.CharField(max_length=200)
    object = models.CharField(max_length=200)
    outcome = models.CharField(max_length=16, choices=Outcome)
    frameworks = models.CharField(max_length=500, blank=True, help_text="Comma-separated.")

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=("stream", "id"), name="event_stream"),
            models.Index(fields=("object", "id"), name="event_object"),
            models.Index(fields=("action", "id"), name="event_action"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.object}"

    @property
    def fields(self) -> dict[str, Any]:
        """The header, parsed."""
        parsed: dict[str, Any] = orjson.loads(bytes(self.header))
        return parsed

    @property
    def details(self) -> dict[str, Any]:
        """The body, parsed; empty once it has been erased."""
        try:
            return self.body.parsed
        except Body.DoesNotExist:
            return {}


class Body(models.Model):
    """The erasable part of an event: payload and personal data.

    The header commits to it with a salt, so that a body can go and nothing can be guessed from what
    stays. Only erasure may delete it.
    """

    # No database constraint: it costs a trigger for each insert; `ledger verify` reports orphans.
    event = models.OneToOneField(
        Event, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="body"
    )
    salt = models.BinaryField(max_length=32)
    content = models.BinaryField()

    class Meta:
        verbose_name_plural = "bodies"

    def __str__(self) -> str:
        return f"Body of {self.event_id}"

    @property
    def parsed(self) -> dict[str, Any]:
        body: dict[str, Any] = orjson.loads(bytes(self.content))
        return body


class Pending(models.Model):
    """An event that waits to be sealed. The sealer takes them in the order of `id`."""

    event = models.OneToOneField(
        Event, on_delete=models.DO_NOTHING, db_constraint=False, related_name="pending"
    )

    class Meta:
        ordering = ("id",)
        verbose_name_plural = "pending"

    def __str__(self) -> str:
        return f"Pending {self.event_id}"
