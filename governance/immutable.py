"""What people decided does not change: what the database refuses to do to votes and approvals.

A vote is neither changed nor deleted. An approval keeps what was asked, of whom and under which rule
from its first moment, and keeps everything once it is resolved. A policy version keeps what was applied.
"""

from audits.triggers import Guard

_MESSAGE = "What was put to a vote does not change"
_POLICY = "An applied policy version does not change"

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
    Guard(
        "governance_policyversion",
        _POLICY,
        unique=(("id",), ("number",)),
        may_update="OLD.state = 'active'",
        frozen=(
            "number",
            "policies",
            "schema",
            "entities",
            "policies_sha256",
            "schema_sha256",
            "entities_sha256",
            "sha256",
            "applied_at",
            "applied_by",
        ),
    ),
)
