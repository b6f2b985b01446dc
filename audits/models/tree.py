"""The sealed ledger: an RFC 6962 (9162) Merkle tree, its heads and its signed checkpoints."""

from django.db import models

from audits.models.event import Event


class Entry(models.Model):
    """A leaf of the tree: an event, or the heads of all streams, in its sealed place.

    The evidence is `payload` (the event's header, or the heads) and `seal`, exact canonical bytes;
    the columns are copies to search by.
    """

    seq = models.BigIntegerField(primary_key=True, help_text="Index of the leaf, dense, from 0.")
    event = models.OneToOneField(Event, on_delete=models.PROTECT, null=True, related_name="entry")
    heads = models.BinaryField(null=True, help_text="Exact bytes of a heads entry.")
    seal = models.BinaryField(help_text="Exact bytes of the sealed place.")
    stream = models.CharField(max_length=200)
    stream_seq = models.BigIntegerField(help_text="Place in the stream, dense, from 1.")
    previous = models.BinaryField(max_length=32, help_text="Leaf before this one in the stream.")
    sealed_at = models.DateTimeField()
    leaf = models.BinaryField(max_length=32)

    class Meta:
        ordering = ("seq",)
        verbose_name_plural = "entries"
        constraints = (
            models.UniqueConstraint(fields=("stream", "stream_seq"), name="one_entry_a_place"),
            models.CheckConstraint(
                name="entry_is_event_or_heads",
                condition=models.Q(event__isnull=True) ^ models.Q(heads__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"Entry {self.seq}"


class Node(models.Model):
    """The hash of a complete subtree of 2^level leaves (level 1 and up; leaves are in the entries)."""

    pk = models.CompositePrimaryKey("level", "index")
    level = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)

    def __str__(self) -> str:
        return f"Node {self.level}/{self.index}"


class StreamHead(models.Model):
    """Where each stream ends. Derived from the entries, and checked against them before each use."""

    stream = models.CharField(max_length=200, primary_key=True)
    stream_seq = models.BigIntegerField()
    seq = models.BigIntegerField()
    leaf = models.BinaryField(max_length=32)

    class Meta:
        ordering = ("stream",)

    def __str__(self) -> str:
        return self.stream


class Checkpoint(models.Model):
    """A signed tree head: a C2SP signed note over origin, size and root."""

    size = models.BigIntegerField(primary_key=True)
    root = models.BinaryField(max_length=32)
    note = models.TextField()
    key_id = models.CharField(max_length=8)
    sealed_at = models.DateTimeField()

    class Meta:
        ordering = ("-size",)

    def __str__(self) -> str:
        return f"Checkpoint {self.size}"
