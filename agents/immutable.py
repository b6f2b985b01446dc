"""Submitted versions, attached documents, test records and ended dependencies do not change (promise 4).
Revocations stay, each with its number (promise 7).

Whoever takes the triggers off still cannot make what runs fit what was approved: the digest is
compared before each run.
"""

from audits.triggers import Demand, Guard

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
        "agents_agentpolicy",
        "An agent policy that was applied does not change, apply another",
        unique=(("id",), ("number",)),
        may_update="OLD.state = 'active'",
        frozen=("id", "number", "document", "sha256", "reason", "applied_at", "applied_by"),
    ),
    Guard(
        "agents_agentdocument",
        "An attached document does not change, add a newer one",
        unique=(("id",), ("agent_id", "kind", "sha256")),
    ),
    Guard(
        "agents_versiontest",
        "A test record does not change, record the next run",
        unique=(("id",), ("version_id", "run_id", "kind")),
    ),
    Guard(
        "agents_dependency",
        "A dependency is ended and never deleted, add another one",
        unique=(("id",),),
        may_update="OLD.ended_at IS NULL",
        frozen=("agent_id", "kind", "to_agent_id", "to_tool_id", "to_third_party_id"),
    ),
    Guard(
        "agents_revocation",
        "A revocation is never taken back",
        unique=(("id",), ("number",)),
        may_update="OLD.number IS NULL",
        frozen=("id", "level", "subject", "reason", "at"),
    ),
)

DEMANDS = (
    Demand(
        table="agents_revocation",
        name="numbered_in_order",
        message="Revocations are numbered in order, without gaps",
        asked_of="NEW.number IS NOT NULL",
        holds="NEW.number = 1 + (SELECT COALESCE(MAX(number), 0) FROM agents_revocation)",
        columns=("number",),
        reads=("agents_revocation",),
    ),
)
