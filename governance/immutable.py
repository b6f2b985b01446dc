"""What people decided does not change: what the database refuses to do to votes, approvals and agents.

A vote is neither changed nor deleted. An approval keeps what was asked, of whom and under which rule
from its first moment, and keeps everything once it is resolved. A policy version keeps what was applied.
A signed assessment keeps what was signed, and a mitigation what was promised; they only end, once.
A broken glass keeps what was opened and is reviewed once; who asked over HTTP and who opened what they
were asked stays as it was.
A version of a role keeps what it said, an exception what it leaves, and an assignment what was assigned.
No agent is active without an approval of exactly the version that it names, for exactly that digest. No
policy version but an installation's first is active unless two people approved its digest, neither of whom
wrote or proposed it.
No grant writes but under the live elevation of exactly that action, and none outlives it (promise 2).
"""

from audits.triggers import Demand, Guard

_MESSAGE = "What was put to a vote does not change"
_SIGNATURE = "A signature does not change, sign again"
_ASSESSMENT = "A signed assessment does not change, begin a newer one"
_GLASS = "A broken glass does not change, but for its one review"
_REQUEST = "What was asked and opened does not change"
_POLICY = "A validated policy version does not change"
_POLICY_VOTE = "A vote on a policy version does not change"
_ROLE = "What a role said does not change, change the role"
_EXCEPTION = "An exception does not change, end it and grant another"
_ASSIGNMENT = "An assignment does not change, end it and assign anew"
_CONTAINMENT = "What is frozen does not change, it ends once"

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
            "revision",
            "rule",
            "excluded",
            "requested_by_id",
            "requested_at",
            "expires_at",
        ),
    ),
    Guard(
        "governance_decisionoutcome",
        "What became of a decision is said once",
        unique=(("id",), ("decision_id",)),
    ),
    Guard(
        "governance_policyversion",
        _POLICY,
        unique=(("id",), ("number",)),
        may_update="OLD.state <> 'withdrawn'",
        frozen=("number", "is_first", "author_id", "drafted_by", "drafted_at"),
        # Not by its state: what was validated once never becomes a draft that can be edited.
        closed="OLD.validated_at IS NOT NULL",
        closed_frozen=(
            "policies",
            "schema",
            "entities",
            "policies_sha256",
            "schema_sha256",
            "entities_sha256",
            "sha256",
            "title",
            "validated_at",
        ),
    ),
    Guard(
        "governance_shrinking",
        "A decided proposal to shrink a grant does not change",
        unique=(("id",),),
        may_update="OLD.state = 'proposed'",
        frozen=("grant_id", "kind", "resource", "days", "proposed_by_id", "proposed_at"),
    ),
    Guard("governance_policyreplay", "A replay does not change, make another one", unique=(("id",),)),
    Guard("governance_policyvote", _POLICY_VOTE, unique=(("id",), ("version_id", "person_id"))),
    Guard(
        "governance_breakglass",
        _GLASS,
        unique=(("id",), ("elevation_id",)),
        may_update="OLD.reviewed_at IS NULL",
        frozen=(
            "elevation_id",
            "agent_id",
            "person_id",
            "reason",
            "content",
            "digest",
            "broken_at",
            "review_due_at",
        ),
    ),
    Guard(
        "governance_accessrequest",
        _REQUEST,
        unique=(("id",), ("elevation_id",), ("decision_id",), ("asked_by_id", "idempotency_key")),
    ),
    Guard("governance_approvalopening", _REQUEST, unique=(("id",), ("approval_id", "person_id"))),
    Guard(
        "governance_impactassessment",
        _ASSESSMENT,
        unique=(("id",), ("agent_id", "kind", "serial")),
        may_update="OLD.state IN ('draft', 'signed')",
        frozen=("agent_id", "kind", "serial", "begun_at"),
        closed="OLD.state <> 'draft'",
        closed_frozen=(
            "template_version",
            "answers",
            "plan",
            "revision",
            "writers",
            "written_by_id",
            "updated_at",
            "signed_by_id",
            "signed_as",
            "signed_at",
            "content",
            "sha256",
        ),
    ),
    Guard(
        "governance_mitigation",
        _ASSESSMENT,
        unique=(("id",), ("assessment_id", "position")),
        may_update="OLD.state = 'open'",
        frozen=("assessment_id", "position", "risk", "measure", "owner_id", "due"),
    ),
    Guard(
        "governance_containment",
        _CONTAINMENT,
        unique=(("id",),),
        may_update="OLD.state = 'in_force'",
        frozen=(
            "level",
            "agent_id",
            "agent_instance_id",
            "person_id",
            "reason",
            "before",
            "begun_by_id",
            "begun_at",
        ),
    ),
    Guard(
        "governance_unfreeze",
        _CONTAINMENT,
        unique=(("id",),),
        may_update="OLD.state = 'requested'",
        frozen=("containment_id", "reason", "digest", "requested_by_id", "requested_at", "expires_at"),
    ),
    Guard(
        "governance_gatesignature",
        _SIGNATURE,
        unique=(("id",),),
        may_update="OLD.ended_at IS NULL",
        frozen=(
            "agent_id",
            "version_id",
            "gate",
            "statement",
            "document_id",
            "person_id",
            "signed_as",
            "digest",
            "signed_at",
        ),
    ),
    Guard(
        "governance_acknowledgement",
        "An acknowledgement does not change",
        unique=(("id",), ("point_id", "number")),
    ),
    Guard("governance_probe", "The outcome of a probe does not change, probe again", unique=(("id",),)),
    Guard("governance_agentroleversion", _ROLE, unique=(("id",), ("role_id", "number"))),
    Guard(
        "governance_scopeexception",
        _EXCEPTION,
        unique=(("id",),),
        may_update="OLD.ended_at IS NULL",
        frozen=("reference", "reason", "granted_by_id", "granted_at", "until"),
    ),
    Guard(
        "governance_roleassignment",
        _ASSIGNMENT,
        unique=(("id",),),
        may_update="OLD.ended_at IS NULL",
        frozen=(
            "agent_id",
            "role_id",
            "kind",
            "addition_id",
            "conditions",
            "reason",
            "assigned_by_id",
            "starts_at",
            "ends_at",
        ),
    ),
)

DEMANDS = (
    Demand(
        table="agents_agent",
        name="frozen_stays_so",
        message="A frozen agent comes back when two people have lifted that",
        asked_of="NEW.state NOT IN ('frozen', 'retired')",
        holds=(
            "NOT EXISTS (SELECT 1 FROM governance_containment AS containment WHERE "
            "containment.agent_id = NEW.id AND containment.level = 'agent' "
            "AND containment.state = 'in_force')"
        ),
        columns=("id", "state"),
        reads=("governance_containment",),
    ),
    Demand(
        table="governance_containment",
        name="lifted_by_two",
        message="What is frozen is lifted by two people",
        asked_of="NEW.state = 'lifted'",
        holds=(
            "EXISTS (SELECT 1 FROM governance_unfreeze AS unfreeze WHERE unfreeze.containment_id = NEW.id "
            "AND unfreeze.state = 'confirmed' AND unfreeze.ended_by_id <> unfreeze.requested_by_id)"
        ),
        columns=("id", "state"),
        reads=("governance_unfreeze",),
    ),
    Demand(
        table="governance_containment",
        name="killed_with_agent",
        message="Only with its agent does what is frozen end for good",
        asked_of="NEW.state = 'killed'",
        holds=(
            "EXISTS (SELECT 1 FROM agents_agent AS agent "
            "WHERE agent.id = NEW.agent_id AND agent.state = 'retired')"
        ),
        columns=("id", "state"),
        reads=("agents_agent",),
    ),
    Demand(
        table="agents_agent",
        name="killed_stays_so",
        message="An agent that the board ended does not come back",
        asked_of="NEW.state <> 'retired'",
        holds=(
            "NOT EXISTS (SELECT 1 FROM governance_containment AS containment WHERE "
            "containment.agent_id = NEW.id AND containment.level = 'agent' AND containment.state = 'killed')"
        ),
        columns=("id", "state"),
        reads=("governance_containment",),
    ),
    Demand(
        table="agents_agent",
        name="active_is_approved",
        message="An active agent needs an approval of its active version",
        asked_of="NEW.state = 'active'",
        holds=(
            "EXISTS (SELECT 1 FROM governance_approval AS approval WHERE approval.agent_id = NEW.id "
            "AND approval.subject = 'agent_version' AND approval.subject_id = NEW.active_version_id "
            "AND approval.digest = NEW.approved_digest AND approval.state = 'approved')"
        ),
        columns=("id", "state", "active_version_id", "approved_digest"),
        reads=("governance_approval",),
    ),
    Demand(
        table="governance_policyversion",
        name="active_is_approved",
        message="Policy activated without approval: two people approve it first",
        asked_of="NEW.state = 'active'",
        holds=(
            "(NEW.is_first AND NEW.number = 1) OR ((SELECT COUNT(DISTINCT vote.person_id) "
            "FROM governance_policyvote AS vote WHERE vote.version_id = NEW.id AND vote.choice = 'approve' "
            "AND vote.digest = NEW.sha256 AND (NEW.author_id IS NULL OR vote.person_id <> NEW.author_id) "
            "AND (NEW.proposed_by_id IS NULL OR vote.person_id <> NEW.proposed_by_id)) >= 2)"
        ),
        columns=("id", "state", "sha256", "author_id", "proposed_by_id", "is_first", "number"),
        reads=("governance_policyvote",),
    ),
    Demand(
        table="governance_policyvote",
        name="is_on_a_proposal",
        message="A vote is on the digest of a proposed policy version, by another person than its author",
        asked_of="1 = 1",
        holds=(
            "EXISTS (SELECT 1 FROM governance_policyversion AS version WHERE version.id = NEW.version_id "
            "AND version.state = 'proposed' AND version.sha256 = NEW.digest "
            "AND (version.author_id IS NULL OR version.author_id <> NEW.person_id) "
            "AND (version.proposed_by_id IS NULL OR version.proposed_by_id <> NEW.person_id))"
        ),
        columns=("id", "version_id", "person_id", "digest", "choice"),
        reads=("governance_policyversion",),
    ),
    Demand(
        table="governance_grant",
        name="write_is_elevated",
        message="A write needs a live elevation of exactly that, and ends with it",
        asked_of="NEW.access <> 'read'",
        holds=(
            "EXISTS (SELECT 1 FROM governance_elevation AS elevation WHERE elevation.id = NEW.elevation_id "
            "AND (elevation.state = 'active' AND elevation.agent_id = NEW.agent_id "
            "AND elevation.action = NEW.action AND elevation.resource = NEW.resource "
            "AND NEW.ends_at <= elevation.ends_at "
            # Ending is never refused, whatever the grant says.
            "OR elevation.state = 'ended' AND NEW.ends_at <= elevation.ended_at))"
        ),
        columns=("agent_id", "action", "resource", "access", "elevation_id", "ends_at"),
        reads=("governance_elevation",),
    ),
    Demand(
        table="governance_grant",
        name="wildcard_is_excepted",
        message="A wildcard needs a live exception, and ends with it",
        # A write's class was named by the manifest, and is approved by people each time.
        asked_of="NEW.access = 'read' AND (NEW.resource LIKE '%*%' OR NEW.resource LIKE '{%')",
        holds=(
            "EXISTS (SELECT 1 FROM governance_scopeexception AS given WHERE given.id = NEW.exception_id "
            "AND given.reference = NEW.resource AND NEW.ends_at <= given.until "
            "AND (given.ended_at IS NULL OR NEW.ends_at <= given.ended_at))"
        ),
        columns=("resource", "access", "exception_id", "ends_at"),
        reads=("governance_scopeexception",),
    ),
)
