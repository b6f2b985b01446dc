from audits.models.anchor import Anchor
from audits.models.api_answer import ApiAnswer
from audits.models.bundle import Bundle
from audits.models.erasure import DestroyedKey, Erasure, Redaction, Tombstone
from audits.models.event import Body, Event, Pending
from audits.models.hold import Case, Hold
from audits.models.key import Key
from audits.models.retention import RetentionRule
from audits.models.sink import SinkCursor
from audits.models.tree import Checkpoint, Entry, Node, StreamHead
from audits.models.verification import Verification

__all__ = [
    "Anchor",
    "ApiAnswer",
    "Body",
    "Bundle",
    "Case",
    "Checkpoint",
    "DestroyedKey",
    "Entry",
    "Erasure",
    "Event",
    "Hold",
    "Key",
    "Node",
    "Pending",
    "Redaction",
    "RetentionRule",
    "SinkCursor",
    "StreamHead",
    "Tombstone",
    "Verification",
]
