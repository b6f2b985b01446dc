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


class ApprovalState(models.TextChoices):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    VOIDED = "voided", "Voided by an edit"


class VoteChoice(models.TextChoices):
    APPROVE = "approve"
    REJECT = "reject"
    ABSTAIN = "abstain"


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
    EXPIRED = "expired", "Nobody decided in time"
    REJECTED = "rejected", "The approvers refused it"
    WITHDRAWN = "withdrawn", "It was withdrawn before anybody decided"


class DecisionReason(models.TextChoices):
    """Why a decision came out as it did. Stable codes; the order is that of the pipeline."""

    ALLOWED_BY_GRANT = "allowed_by_grant", "A grant allows it"
    ALLOWED_BY_ELEVATION = "allowed_by_elevation", "A live write elevation allows it"
    AGENT_NOT_ACTIVE = "agent_not_active", "The agent is not active"
    OWNER_NOT_ACTIVE = "owner_not_active", "The agent has no active owner"
    INSTANCE_NOT_LIVE = "instance_not_live", "The instance has ended or belongs to something else"
    VERSION_NOT_APPROVED = "version_not_approved", "What runs is not what was approved"
    FUNCTION_NOT_IN_MANIFEST = "function_not_in_manifest", "The approved version has no such function"
    NO_GRANT = "no_grant", "No grant allows it"
    NO_ELEVATION = "no_elevation", "A write needs a live elevation that covers it"
    BUDGET_SPENT = "budget_spent", "The elevation's uses are spent"
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
    ACTIVE = "active"
    REPLACED = "replaced"


# Colours of the admin's labels, by the words above.
LABELS = {
    ApprovalState.PENDING: "warning",
    ApprovalState.APPROVED: "success",
    ApprovalState.REJECTED: "danger",
    ApprovalState.EXPIRED: "default",
    ApprovalState.VOIDED: "default",
    ElevationState.PENDING: "warning",
    ElevationState.ACTIVE: "success",
    ElevationState.REJECTED: "danger",
    ElevationState.ENDED: "default",
    RiskLevel.LOW: "success",
    RiskLevel.MEDIUM: "warning",
    RiskLevel.HIGH: "danger",
    VoteChoice.APPROVE: "success",
    VoteChoice.REJECT: "danger",
    VoteChoice.ABSTAIN: "default",
    PolicyState.ACTIVE: "success",
    PolicyState.REPLACED: "default",
}
