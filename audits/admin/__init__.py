"""The ledger and its evidence, to look at. Importing this package registers its pages."""

from audits.admin.anchor import AnchorAdmin
from audits.admin.case import CaseAdmin
from audits.admin.checkpoint import CheckpointAdmin
from audits.admin.erasure import ErasureAdmin, RedactionAdmin
from audits.admin.event import EventAdmin
from audits.admin.hold import HoldAdmin
from audits.admin.key import KeyAdmin
from audits.admin.retention import RetentionRuleAdmin, TombstoneAdmin
from audits.admin.sink import SinkCursorAdmin
from audits.admin.verification import VerificationAdmin

__all__ = [
    "AnchorAdmin",
    "CaseAdmin",
    "CheckpointAdmin",
    "ErasureAdmin",
    "EventAdmin",
    "HoldAdmin",
    "KeyAdmin",
    "RedactionAdmin",
    "RetentionRuleAdmin",
    "SinkCursorAdmin",
    "TombstoneAdmin",
    "VerificationAdmin",
]
