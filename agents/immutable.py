"""Submitted versions and attached documents do not change (promise 4): what the database refuses to do to it.

Whoever takes the triggers off still cannot make what runs fit what was approved: the digest is
compared before each run.
"""

from audits.triggers import Guard

_DRAFT = "OLD.submitted_at IS NULL"

GUARDS = (
    Guard(
        "agents_agentversion",
        "A submitted version does not change, add a new one",
        unique=(("id",), ("agent_id", "label")),
        may_update=_DRAFT,
        may_delete=_DRAFT,
    ),
    Guard(
        "agents_agentdocument",
        "An attached document does not change, add a newer one",
        unique=(("id",), ("agent_id", "kind", "sha256")),
    ),
)
