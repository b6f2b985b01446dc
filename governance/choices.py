"""Closed vocabularies of governance."""

from django.db import models


class Discipline(models.TextChoices):
    """The five seats of the board (S1-2)."""

    SECURITY = "security"
    COMPLIANCE = "compliance"
    LEGAL = "legal"
    PRODUCT = "product"
    ENGINEERING = "engineering"


class RiskLevel(models.TextChoices):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class ApprovalSubject(models.TextChoices):
    AGENT_VERSION = "agent_version", "Agent dossier"
    ELEVATION = "elevation", "Write elevation"
    RISK_OVERRIDE = "risk_override", "Risk class of an agent"
    KILL = "kill", "End of an agent for good"


class ContainmentLevel(models.TextChoices):
    """What was frozen. Narrower ones stand further down."""

    EVERYTHING = "everything"
    OWNER = "owner", "All agents of an owner"
    AGENT = "agent"
    INSTANCE = "instance", "Running copy"


class ContainmentState(models.TextChoices):
    IN_FORCE = "in_force", "In force"
    LIFTED = "lifted", "Lifted by two people"
    KILLED = "killed", "Ended with the agent"


class UnfreezeState(models.TextChoices):
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    DECLINED = "declined"
    VOIDED = "voided", "Voided by a change"
    EXPIRED = "expired"


class Exercise(models.TextChoices):
    """What must have been played through before an agent of a class is approved (S1-6)."""

    NONE = "none", "None"
    TABLETOP = "tabletop", "A tabletop exercise or a red-team test"
    RED_TEAM = "red_team", "A red-team test"


class AssessmentKind(models.TextChoices):
    """What people write down about an agent before it is approved (S1-6, S1-28)."""

    PRIVACY = "privacy", "Privacy impact assessment"
    SECURITY = "security", "Security impact assessment"
    MODEL_CARD = "model_card", "Model card"
    SECURITY_CHECKLIST = "security_checklist", "Security checklist"


class AssessmentState(models.TextChoices):
    """One signed assessment of each kind is in force; it ends when a newer one is signed."""

    DRAFT = "draft"
    SIGNED = "signed"
    SUPERSEDED = "superseded", "Superseded by a newer one"
    WITHDRAWN = "withdrawn"


class MitigationState(models.TextChoices):
    OPEN = "open"
    DONE = "done"
    LAPSED = "lapsed", "Lapsed with its assessment"


class Gate(models.TextChoices):
    """The ten points of the deployment checklist (S1-27), in its order."""

    POLICY_ALIGNMENT = "policy_alignment", "Policy alignment"
    RISK_ASSESSMENT = "risk_assessment", "Risk assessment"
    IDENTITY_AND_ACCESS = "identity_and_access", "Identity and access"
    PROVENANCE = "provenance"
    TESTING = "testing"
    MONITORING = "monitoring"
    DATA_PROTECTIONS = "data_protections", "Data protections"
    RUNBOOKS = "runbooks"
    COMPLIANCE_EVIDENCE = "compliance_evidence", "Compliance evidence"
    POST_DEPLOYMENT = "post_deployment", "Post deployment"


class GateState(models.TextChoices):
    """How a gate stands for one version. *After approval*: nothing is missing before the board is asked."""

    MET = "met"
    MISSING = "missing"
    NEEDS_SIGNATURE = "needs_signature", "Needs signature"
    STALE = "stale"
    AFTER_APPROVAL = "after_approval", "After approval"


class Place(models.TextChoices):
    """Where something that a gate misses is mended. Pages resolve it to an address."""

    ENTRY = "entry", "The agent's entry in the register"
    VERSION = "version", "The version"
    QUESTIONNAIRE = "questionnaire", "The risk questionnaire"
    ASSESSMENTS = "assessments", "The assessments"
    GRANTS = "grants", "The grants"
    TESTS = "tests", "The test records"
    DOCUMENTS = "documents", "The documents"
    RETENTION = "retention", "The retention rules"
    BUNDLES = "bundles", "The evidence bundles"
    SIGNATURE = "signature", "The signature"


class ApprovalState(models.TextChoices):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOIDED = "voided", "Voided by an edit"
    CHANGES_REQUESTED = "changes_requested", "Changes asked for"
    WITHDRAWN = "withdrawn"


class ChangeKind(models.TextChoices):
    """What a new version changes (S1-24)."""

    BEHAVIOUR = "behaviour", "What it does"
    MODEL = "model", "The model"
    DATA = "data", "The data that it uses"
    ENVIRONMENT = "environment", "Where it runs"
    INTEGRATION = "integration", "What it is connected to"


class ReleaseState(models.TextChoices):
    """How far an approved version has come (S1-18)."""

    UNDER_WAY = "under_way", "Under way"
    COMPLETE = "complete"
    ROLLED_BACK = "rolled_back", "Rolled back"
    ENDED = "ended", "Ended with the agent's access"


class VoteChoice(models.TextChoices):
    APPROVE = "approve"
    REJECT = "reject"
    ABSTAIN = "abstain"
    REQUEST_CHANGES = "request_changes", "Ask for changes"


class ElevationState(models.TextChoices):
    PENDING = "pending"
    ACTIVE = "active"
    REJECTED = "rejected"
    ENDED = "ended"


class ElevationEnd(models.TextChoices):
    """Why an elevation is over. Any of these takes effect at once."""

    TIME = "time", "Its time is over"
    BUDGET = "budget", "Its uses are spent"
    REVOKED = "revoked", "Somebody ended it"
    OWNER = "owner", "The agent has no active owner"
    CHANGED = "changed", "What is approved for the agent has changed"
    POLICY = "policy", "The policies have changed"
    SENSITIVITY = "sensitivity", "The resource is more sensitive than when it was approved"
    CONTAINED = "contained", "The agent was frozen"
    EXPIRED = "expired", "Nobody decided in time"
    REJECTED = "rejected", "The approvers refused it"
    WITHDRAWN = "withdrawn", "It was withdrawn before anybody decided"


class ResourceKind(models.TextChoices):
    """What a resource of the catalogue is (S2-4)."""

    DATABASE = "database", "Database table or collection"
    API = "api", "API endpoint"
    FILES = "files", "Filesystem path"
    NETWORK = "network", "Network"


class Operation(models.TextChoices):
    """What can be done on a resource (S2-4). All but reading needs a write elevation."""

    READ = "read"
    WRITE = "write"
    EXECUTE = "execute"
    DELETE = "delete"


class Sensitivity(models.TextChoices):
    """How much harm it does if a resource is misused, from the least to the most."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    RESTRICTED = "restricted"


class AssignmentKind(models.TextChoices):
    """How an agent holds a role (S2-6)."""

    STATIC = "static", "Static: at any time"
    DYNAMIC = "dynamic", "Dynamic: while its conditions hold"
    HYBRID = "hybrid", "Hybrid: a base, and an addition while its conditions hold"


class Withholding(models.TextChoices):
    """Why a role does not give something that it names."""

    STANDING_WRITE = "standing_write", "No standing write"
    NOT_APPROVED = "not_approved", "The board did not approve it"
    WILDCARD = "wildcard", "A wildcard without an exception"
    SENSITIVITY = "sensitivity", "More sensitive than the class that it allows"
    UNKNOWN = "unknown", "Not in the resource catalogue"


class DecisionReason(models.TextChoices):
    """Why a decision came out as it did. Stable codes; the order is that of the pipeline."""

    ALLOWED_BY_GRANT = "allowed_by_grant", "A grant allows it"
    ALLOWED_BY_ELEVATION = "allowed_by_elevation", "A live write elevation allows it"
    CONTAINED_EVERYTHING = "contained_everything", "Everything is frozen"
    CONTAINED_OWNER = "contained_owner", "All agents of its owner are frozen"
    CONTAINED_AGENT = "contained_agent", "The agent is frozen"
    CONTAINED_INSTANCE = "contained_instance", "The running copy is frozen"
    REVOKED = "revoked", "What the token rests on was revoked after it was minted"
    AGENT_NOT_ACTIVE = "agent_not_active", "The agent is not active"
    OWNER_NOT_ACTIVE = "owner_not_active", "The agent has no active owner"
    SPONSOR_GONE = "sponsor_gone", "The agent's sponsor is gone"
    REVIEW_OVERDUE = "review_overdue", "The review of the agent's entry is too long overdue"
    INSTANCE_NOT_LIVE = "instance_not_live", "The instance has ended or belongs to something else"
    VERSION_NOT_APPROVED = "version_not_approved", "What runs is not what was approved"
    EDITED = "edited", "Edited since the board approved it: it may only read"
    FUNCTION_NOT_IN_MANIFEST = "function_not_in_manifest", "The approved version has no such function"
    NO_GRANT = "no_grant", "No grant allows it"
    GUARDRAIL = "guardrail", "A guardrail forbids it"
    NO_PERMIT = "no_permit", "The policies ask for a permit, and none fits"
    CONDITION_NOT_MET = "condition_not_met", "A condition of its role is not met"
    NOT_IN_ROLE = "not_in_role", "Its roles speak of the resource, and give no right to ask for this"
    NO_ELEVATION = "no_elevation", "A write needs a live elevation that covers it"
    BUDGET_SPENT = "budget_spent", "The elevation's uses are spent"
    # On behalf of somebody else.
    DELEGATION_MISSING = "delegation_missing", "Nobody it is known to act for lets it"
    PERSON_NOT_ACTIVE = "person_not_active", "The person it acts for has left"
    DELEGATION_ENDED = "delegation_ended", "The person does not let it act for them any more"
    DELEGATION_EXCEEDED = "delegation_exceeded", "The person lets it act for them, but not for this"
    CHAIN_TOO_LONG = "chain_too_long", "Too many act in the chain"
    CHAIN_BROKEN = "chain_broken", "A link of the chain does not hold any more"
    # Of requests over HTTP, before the pipeline.
    REQUEST_INVALID = "request_invalid", "The question is incomplete or malformed"
    AGENT_UNKNOWN = "agent_unknown", "The register has no such agent"
    OWNER_DIFFERS = "owner_differs", "The named owner does not answer for the agent"
    # Of policies, for what the register does not know.
    ALLOWED_BY_POLICY = "allowed_by_policy", "A policy permits it"
    FORBIDDEN_BY_POLICY = "forbidden_by_policy", "A policy forbids it"
    NO_POLICY = "no_policy", "No policy permits it"
    POLICY_ERROR = "policy_error", "The policies could not be evaluated"


class PolicyState(models.TextChoices):
    """The life of a policy version, in its order. At most one at a time is active, in shadow or proposed."""

    DRAFT = "draft"
    VALIDATED = "validated"
    SHADOW = "shadow", "In shadow"
    PROPOSED = "proposed"
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


class ShrinkKind(models.TextChoices):
    END = "end", "End it"
    NARROW = "narrow", "Narrow it"


class ShrinkState(models.TextChoices):
    """What became of a proposal to shrink a grant."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    DECLINED = "declined"


class PolicyChoice(models.TextChoices):
    """What somebody says to a proposed policy version."""

    APPROVE = "approve"
    REJECT = "reject"


# Colours of the admin's labels, by the words above.
LABELS = {
    ApprovalState.PENDING: "warning",
    ApprovalState.APPROVED: "success",
    ApprovalState.REJECTED: "danger",
    ApprovalState.EXPIRED: "default",
    ApprovalState.VOIDED: "default",
    ApprovalState.CHANGES_REQUESTED: "warning",
    ApprovalState.WITHDRAWN: "default",
    ReleaseState.UNDER_WAY: "info",
    ReleaseState.COMPLETE: "success",
    ReleaseState.ROLLED_BACK: "danger",
    ReleaseState.ENDED: "default",
    AssessmentState.DRAFT: "info",
    AssessmentState.SIGNED: "success",
    AssessmentState.SUPERSEDED: "default",
    AssessmentState.WITHDRAWN: "default",
    MitigationState.OPEN: "warning",
    MitigationState.DONE: "success",
    MitigationState.LAPSED: "default",
    GateState.MET: "success",
    GateState.MISSING: "danger",
    GateState.NEEDS_SIGNATURE: "warning",
    GateState.STALE: "warning",
    GateState.AFTER_APPROVAL: "info",
    ElevationState.PENDING: "warning",
    ElevationState.ACTIVE: "success",
    ElevationState.REJECTED: "danger",
    ElevationState.ENDED: "default",
    Sensitivity.PUBLIC: "default",
    Sensitivity.INTERNAL: "info",
    Sensitivity.CONFIDENTIAL: "warning",
    Sensitivity.RESTRICTED: "danger",
    AssignmentKind.STATIC: "default",
    AssignmentKind.DYNAMIC: "info",
    AssignmentKind.HYBRID: "info",
    RiskLevel.LOW: "success",
    RiskLevel.MEDIUM: "warning",
    RiskLevel.HIGH: "danger",
    VoteChoice.APPROVE: "success",
    VoteChoice.REJECT: "danger",
    VoteChoice.ABSTAIN: "default",
    VoteChoice.REQUEST_CHANGES: "warning",
    PolicyState.DRAFT: "default",
    PolicyState.VALIDATED: "info",
    PolicyState.SHADOW: "info",
    PolicyState.PROPOSED: "warning",
    ContainmentState.IN_FORCE: "danger",
    ContainmentState.LIFTED: "success",
    ContainmentState.KILLED: "default",
    UnfreezeState.REQUESTED: "warning",
    UnfreezeState.CONFIRMED: "success",
    UnfreezeState.DECLINED: "danger",
    UnfreezeState.VOIDED: "default",
    UnfreezeState.EXPIRED: "default",
    PolicyState.ACTIVE: "success",
    PolicyState.SUPERSEDED: "default",
    PolicyState.WITHDRAWN: "default",
    ShrinkState.PROPOSED: "warning",
    ShrinkState.CONFIRMED: "success",
    ShrinkState.DECLINED: "default",
    PolicyChoice.APPROVE: "success",
    PolicyChoice.REJECT: "danger",
}


class PointMode(models.TextChoices):
    """How an enforcement point learns that something has ended. A person declares it; a probe looks."""

    FOLLOWS = "follows", "Follows the feed"
    ASKS = "asks", "Asks each time, keeps nothing"


class ProbeOutcome(models.TextChoices):
    """What an enforcement point did with a credential that had ended before it was sent."""

    REFUSED = "refused", "Refused it"
    LET_THROUGH = "let_through", "Let it through"
    UNCLEAR = "unclear", "Neither refused it nor let it through"
    UNREACHABLE = "unreachable", "Did not answer"


class PointState(models.TextChoices):
    """What is known of an enforcement point. Only *acknowledged* is a confirmation."""

    ACKNOWLEDGED = "acknowledged"
    DECLARED = "declared", "Asks each time, as declared"
    BEHIND = "behind"
    STALE = "stale"
    NEVER_ASKED = "never_asked", "Never asked"
    LETS_THROUGH = "lets_through", "Lets through"
    UNKNOWN = "unknown"


# Colours of the states of enforcement points: what is not known is never green.
POINT_COLOURS = {
    PointState.ACKNOWLEDGED: "success",
    PointState.DECLARED: "info",
    PointState.BEHIND: "warning",
    PointState.STALE: "danger",
    PointState.NEVER_ASKED: "warning",
    PointState.LETS_THROUGH: "danger",
    PointState.UNKNOWN: "warning",
}
PROBE_COLOURS = {
    ProbeOutcome.REFUSED: "success",
    ProbeOutcome.LET_THROUGH: "danger",
    ProbeOutcome.UNCLEAR: "warning",
    ProbeOutcome.UNREACHABLE: "warning",
}
