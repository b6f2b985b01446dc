from typing import Any

import orjson
from django.db import models

from audits import bodies
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
            models.Index(fields=("actor", "id"), name="event_actor"),
            # Most succeed and name no framework: what is searched for is the rest.
            models.Index(
                fields=("outcome", "id"),
                name="event_outcome",
                condition=models.Q(outcome__in=(Outcome.DENIED, Outcome.FAILED)),
            ),
            models.Index(fields=("frameworks", "id"), name="event_frameworks"),
        )
        permissions = (("view_names", "Can read names and payloads"),)

    def __str__(self) -> str:
        """For titles, which not everybody reads who may know who a person is."""
        return self.action if self.object.startswith("person/") else f"{self.action} {self.object}"

    @property
    def fields(self) -> dict[str, Any]:
        """The header, parsed."""
        parsed: dict[str, Any] = orjson.loads(bytes(self.header))
        return parsed

    @property
    def details(self) -> dict[str, Any]:
        """The payload, parsed; empty once it has been erased."""
        opened = self._opened(bodies.PAYLOAD)
        parsed: dict[str, Any] = orjson.loads(opened.content) if opened else {}
        return parsed

    @property
    def actor_name(self) -> str:
        """The actor's name as it was then; empty once it has been erased."""
        opened = self._opened(bodies.NAME)
        return opened.content.decode() if opened else ""

    def _opened(self, part: bytes) -> bodies.Opened | None:
        try:
            body = self.body
        except Body.DoesNotExist:
            return None
        return bodies.unseal(part, self.pk.bytes, body.payload if part == bodies.PAYLOAD else body.name)


class Body(models.Model):
    """The erasable part of an event: payload and actor's name, each boxed under a subject's key.

    The header commits to both with a salt each, so that they can go and nothing can be guessed from
    what stays. A row goes only with a redaction; destroying a subject's key erases what it boxed.
    """

    # No database constraint: it costs a trigger for each insert; `ledger verify` reports orphans.
    event = models.OneToOneField(
        Event, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="body"
    )
    body_key = models.BinaryField(max_length=20)
    body_box = models.BinaryField()
    name_key = models.BinaryField(max_length=20)
    name_box = models.BinaryField()

    class Meta:
        verbose_name_plural = "bodies"

    def __str__(self) -> str:
        return f"Body of {self.event_id}"

    @property
    def payload(self) -> bodies.Sealed:
        return bodies.Sealed(bytes(self.body_key), bytes(self.body_box))

    @property
    def name(self) -> bodies.Sealed:
        return bodies.Sealed(bytes(self.name_key), bytes(self.name_box))


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
