"""What explains that something is gone: each row names the event that says why (promise 13)."""

from typing import ClassVar

from django.db import models

from audits.choices import Action, Outcome
from audits.models.event import Event


class ErasureManager(models.Manager["Erasure"]):
    def get_queryset(self) -> "models.QuerySet[Erasure]":
        return super().get_queryset().filter(action=Action.SUBJECT_ERASED, outcome=Outcome.SUCCESS)


class Erasure(Event):
    """The erasure of a person, as its event tells it."""

    objects: ClassVar[ErasureManager] = ErasureManager()

    class Meta:
        proxy = True
        ordering = ("-id",)


class DestroyedKey(models.Model):
    """A subject's key that was destroyed: everything boxed under it is erased."""

    key_id = models.BinaryField(primary_key=True, max_length=20)
    subject = models.CharField(max_length=200)
    by = models.UUIDField(help_text="The event `subject.erased` that lists this key.")
    destroyed_at = models.DateTimeField()

    class Meta:
        ordering = ("destroyed_at",)

    def __str__(self) -> str:
        return f"Key of {self.subject}"


class Redaction(models.Model):
    """An event whose body was deleted."""

    event_id = models.UUIDField(primary_key=True)
    by = models.UUIDField(help_text="The event `body.redacted` that lists this one.")
    redacted_at = models.DateTimeField()

    class Meta:
        ordering = ("redacted_at",)

    def __str__(self) -> str:
        return f"Redaction of {self.event_id}"


class Tombstone(models.Model):
    """The entries [low, high) of a segment that was pruned: a complete subtree, of which the root stays."""

    low = models.BigIntegerField(primary_key=True)
    high = models.BigIntegerField()
    root = models.BinaryField(max_length=32)
    by = models.UUIDField(help_text="The event `segment.pruned`, which says where the streams were.")
    pruned_at = models.DateTimeField()

    class Meta:
        ordering = ("low",)

    def __str__(self) -> str:
        return f"Entries {self.low} to {self.high - 1}"
