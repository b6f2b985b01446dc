from audits.models.bundle import Bundle
from audits.models.erasure import DestroyedKey, Redaction, Tombstone
from audits.models.event import Body, Event, Pending
from audits.models.sink import SinkCursor
from audits.models.tree import Checkpoint, Entry, Node, StreamHead

__all__ = [
    "Body",
    "Bundle",
    "Checkpoint",
    "DestroyedKey",
    "Entry",
    "Event",
    "Node",
    "Pending",
    "Redaction",
    "SinkCursor",
    "StreamHead",
    "Tombstone",
]
