"""The ledger and its evidence, to look at. Importing this package registers its pages."""

from audits.admin.checkpoint import CheckpointAdmin
from audits.admin.event import EventAdmin

__all__ = ["CheckpointAdmin", "EventAdmin"]
