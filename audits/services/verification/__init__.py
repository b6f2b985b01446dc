"""Checking the ledger from its bytes: nothing stored is believed but keys and what memory is outside."""

from audits.services.verification.proofs import Comparison, Proved, Unreadable, Unsound, compare, prove
from audits.services.verification.report import Progress, Report
from audits.services.verification.requests import request, run_requested, sweep
from audits.services.verification.runs import (
    check_checkpoint,
    check_event,
    check_if_due,
    check_ledger,
    last_sound,
    of_everything,
)
from audits.services.verification.single import verify_checkpoint, verify_event
from audits.services.verification.stream import verify_stream
from audits.services.verification.whole import verify

__all__ = [
    "Comparison",
    "Progress",
    "Proved",
    "Report",
    "Unreadable",
    "Unsound",
    "check_checkpoint",
    "check_event",
    "check_if_due",
    "check_ledger",
    "compare",
    "last_sound",
    "of_everything",
    "prove",
    "request",
    "run_requested",
    "sweep",
    "verify",
    "verify_checkpoint",
    "verify_event",
    "verify_stream",
]
