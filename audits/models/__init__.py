from audits.models.bundle import Bundle
from audits.models.event import Body, Event, Pending
from audits.models.tree import Checkpoint, Entry, Node, StreamHead

__all__ = ["Body", "Bundle", "Checkpoint", "Entry", "Event", "Node", "Pending", "StreamHead"]
