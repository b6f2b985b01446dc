"""What people decided does not change: what the database refuses to do to votes and approvals.

A vote is neither changed nor deleted. An approval keeps what was asked, of whom and under which rule
from its first moment, and keeps everything once it is resolved.
"""

from audits.triggers import Guard

_MESSAGE = "What was put to a vote does not change"

GUARDS = (
    Guard(
        "governance_vote",
        _MESSAGE,
        unique=(("id",), ("approval_id", "person_id"), ("approval_id", "discipline")),
    ),
    Guard(
        "governance_approval",
        _MESSAGE,
        unique=(("id",),),
        may_update="OLD.state = 'pending'",
        frozen=(
            "subject",
            "subject_id",
            "agent_id",
            "title",
            "content",
            "digest",
            "rule",
            "excluded",
            "requested_by_id",
            "requested_at",
            "expires_at",
        ),
    ),
)
