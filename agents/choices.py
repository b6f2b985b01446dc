"""Closed vocabularies of the register and of what agents do."""

from django.db import models

STEWARDS = "Stewards"
"""The group of those who keep what all agents share; `portal.roles` says what it may see."""


class AgentState(models.TextChoices):
    DISCOVERED = "discovered"
    DRAFT = "draft"
    IN_REVIEW = "in_review", "In review"
    ACTIVE = "active"
    FROZEN = "frozen"
    OWNERLESS = "ownerless", "Without an owner"
    RETIRED = "retired"


class FreezeReason(models.TextChoices):
    """Why an agent is frozen. Each is lifted in its own way."""

    REVIEW = "review", "Its review is overdue"
    SPONSOR = "sponsor", "Its sponsor is gone"
    CONTAINED = "contained", "Somebody froze it; two people lift that"
    KILLED = "killed", "The board ended it for good"


class RevocationLevel(models.TextChoices):
    """Of what a revocation ends what was minted for it. Narrower ones stand further down."""

    EVERYTHING = "everything"
    OWNER = "owner", "All agents of an owner"
    AGENT = "agent"
    INSTANCE = "instance", "Running copy"
    ELEVATION = "elevation", "Write elevation"
    DELEGATION = "delegation", "What a person let it do"
    KEY = "key", "Key of a running copy"


class RevocationReason(models.TextChoices):
    """Why something was revoked. Stable codes; retired ones stay."""

    CONTAINED = "contained", "It was frozen"
    KILLED = "killed", "The board ended it for good"
    RETIRED = "retired", "It was retired"
    SUSPENDED = "suspended", "Its review is overdue"
    OWNER_GONE = "owner_gone", "Its owner is gone"
    SPONSOR_GONE = "sponsor_gone", "Its sponsor is gone"
    HANDED_OVER = "handed_over", "It has another owner"
    VERSION = "version", "Another version is active"
    ROLLED_BACK = "rolled_back", "Its release was rolled back"
    ENDED = "ended", "It has ended"
    KEY_REPLACED = "key_replaced", "Its copy has another key"
    ACCESS_ENDED = "access_ended", "Some of its access has ended"


class HandoverState(models.TextChoices):
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    LAPSED = "lapsed", "No longer possible"


class Environment(models.TextChoices):
    """Where an agent runs."""

    DEVELOPMENT = "development"
    TEST = "test"
    STAGING = "staging"
    PRODUCTION = "production"


class Autonomy(models.TextChoices):
    """Who decides before something happens; the words of the risk questionnaire (S1-5)."""

    ADVISES = "advises", "It advises; people act"
    ASKS = "asks", "It acts on a person's approval of each action"
    REPORTS = "reports", "It acts by itself within limits and reports afterwards"
    ALONE = "alone", "It acts by itself; nobody looks at single actions"


class AgentPolicyState(models.TextChoices):
    ACTIVE = "active"
    REPLACED = "replaced"


class VersionTestKind(models.TextChoices):
    """What a version was tested for (S1-18, S1-26)."""

    FUNCTIONAL = "functional", "Functional test"
    REGRESSION = "regression", "Regression of decision boundaries"
    SAFETY = "safety", "Safety test"
    PROMPT_INJECTION = "prompt_injection", "Prompt injection"
    DATA_POISONING = "data_poisoning", "Data poisoning"
    UNAUTHORISED_CALLS = "unauthorised_calls", "Unauthorised calls"
    RED_TEAM = "red_team", "Red-team test"
    TABLETOP = "tabletop", "Tabletop exercise"


class VersionTestOutcome(models.TextChoices):
    PASSED = "passed"
    FAILED = "failed"


class DocumentKind(models.TextChoices):
    """What the evidence about an agent is made of, besides what the portal records itself (S1-20)."""

    ARCHITECTURE = "architecture", "Architecture diagram"
    DATA_FLOW = "data_flow", "Data-flow map"
    POLICY = "policy", "Policy document"
    RISK = "risk", "Risk assessment"
    TESTING = "testing", "Testing record"
    INCIDENTS = "incidents", "Incident log"


class DependencyKind(models.TextChoices):
    """How an agent depends on another agent, a tool or a third party (S1-21, S4-3)."""

    INTERACTS_WITH = "interacts_with", "Interacts with"
    CALLS = "calls"
    CREATES = "creates"


class ToolKind(models.TextChoices):
    """What sort of system a tool is."""

    API = "api", "API"
    DATABASE = "database"
    QUEUE = "queue"
    FILES = "files", "File store"
    MODEL = "model", "Language model"
    OTHER = "other"


class SessionEnd(models.TextChoices):
    """Why a session ended."""

    SIGNED_OUT = "signed_out", "Signed out"
    ENDED = "ended", "Ended from another session"
    IDLE = "idle", "Not used for too long"
    EXPIRED = "expired", "Its time was over"
    DEACTIVATED = "deactivated", "The account was deactivated"
    PASSWORD = "password", "The password was changed"
    SECOND_FACTOR = "second_factor", "The second factors were changed"


class TokenScope(models.TextChoices):
    """What a personal API token may do of what its person may do."""

    READ = "read", "Read"
    WRITE = "write", "Read and write"


class TokenEnd(models.TextChoices):
    """Why an API token ended before its time."""

    REVOKED = "revoked", "Revoked"
    DEACTIVATED = "deactivated", "The account was deactivated"
    PASSWORD = "password", "The password was changed"
    SECOND_FACTOR = "second_factor", "The second factors were reset"


class DelegationEnd(models.TextChoices):
    """Why an agent acts for a person no more."""

    WITHDRAWN = "withdrawn", "Taken back"
    DEACTIVATED = "deactivated", "The person has left"
    STOPPED = "stopped", "The agent was stopped"


class TokenRefusal(models.TextChoices):
    """Why an API token was refused."""

    UNKNOWN = "unknown", "This is no token of this portal"
    EXPIRED = "expired", "This token has expired"
    REVOKED = "revoked", "This token was revoked"
    INACTIVE = "inactive", "The account of this token is not active"


class Refusal(models.TextChoices):
    """Why a sign-in was refused."""

    CREDENTIALS = "credentials", "The name or the password is wrong"
    SECOND_FACTOR = "second_factor", "The second factor is wrong"
    CONFIRMATION = "confirmation", "A confirmation is wrong"
    LOCKED = "locked", "Locked after too many failures"
    INACTIVE = "inactive", "The account is not active"
    UNKNOWN = "unknown", "Nobody here is known by what the identity provider says"


class Access(models.TextChoices):
    """What a function does to its resource; agents read by default (S4-1)."""

    READ = "read"
    WRITE = "write"


class ClientAuth(models.TextChoices):
    """How a copy of an agent proves itself at the token endpoint, in the words of the registry of OAuth."""

    PRIVATE_KEY_JWT = "private_key_jwt", "Assertions signed with its key (RFC 7523)"
    TLS = "tls_client_auth", "A certificate of the trust domain with its SPIFFE id (RFC 8705)"
    SELF_SIGNED_TLS = "self_signed_tls_client_auth", "The certificate given for it (RFC 8705)"


class ReportFormat(models.TextChoices):
    TRIVY = "trivy", "Trivy JSON"
    GRYPE = "grype", "Grype JSON"
    SARIF = "sarif", "SARIF 2.1.0"
    CYCLONEDX = "cyclonedx", "CycloneDX JSON or XML"
    SNYK = "snyk", "Snyk JSON"
    NPM_AUDIT = "npm_audit", "npm audit JSON"
    PIP_AUDIT = "pip_audit", "pip-audit JSON"
    DEPENDENCY_CHECK = "dependency_check", "Dependency-Check XML or JSON"
    CLAIR = "clair", "Clair JSON"
    INSPECTOR = "aws_inspector2", "AWS Inspector 2 JSON"
    OSV_SCANNER = "osv_scanner", "OSV-Scanner JSON"
    OPENVAS = "openvas", "OpenVAS XML or CSV"
    NESSUS = "nessus", "Nessus XML or CSV"
    GITHUB = "github", "GitHub alerts JSON"
    SUMMARY = "summary", "Summary counts (S0-12)"


class Severity(models.TextChoices):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


class FindingCategory(models.TextChoices):
    """What kind of thing a scanner found."""

    VULNERABILITY = "vulnerability"
    MISCONFIGURATION = "misconfiguration"
    SECRET = "secret"  # noqa: S105 - a kind of finding
    LICENCE = "licence"
    CODE = "code", "Weakness in code"


class VexState(models.TextChoices):
    """What somebody said about a finding in its report (CycloneDX's words, and `suppressed`)."""

    EXPLOITABLE = "exploitable"
    IN_TRIAGE = "in_triage"
    NOT_AFFECTED = "not_affected"
    FALSE_POSITIVE = "false_positive"
    RESOLVED = "resolved"
    RESOLVED_WITH_PEDIGREE = "resolved_with_pedigree"
    SUPPRESSED = "suppressed", "Suppressed in the scanner"


# Nothing is left to do about these: the analyst leaves them out, and in a target's history they are gone.
SETTLED = (
    VexState.NOT_AFFECTED,
    VexState.FALSE_POSITIVE,
    VexState.RESOLVED,
    VexState.RESOLVED_WITH_PEDIGREE,
    VexState.SUPPRESSED,
)


class RunState(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class RunReason(models.TextChoices):
    """Why a run ended (promise 9)."""

    DONE = "done", "Every finding was worked through"
    FINDINGS_FAILED = "findings_failed", "Some findings could not be analysed"
    NOT_APPROVED = "not_approved", "What would run is not what was approved"
    DENIED = "denied", "The agent may not act"
    MODEL_UNREACHABLE = "model_unreachable", "The model could not be reached"
    MODEL_TIMEOUT = "model_timeout", "The model did not answer in time"
    MODEL_REFUSED = "model_refused", "The model's server refused the request"
    MODEL_NONSENSE = "model_nonsense", "The model's server answered with what is not a chat completion"
    SECONDS_CAP = "seconds_cap", "The cap on seconds was reached"
    TOKENS_CAP = "tokens_cap", "The cap on tokens was reached"
    CALLS_CAP = "calls_cap", "The cap on function calls was reached"
    WORKER_LOST = "worker_lost", "The worker died"
    INTERNAL_ERROR = "internal_error", "An error of the portal itself"


class AnalysisState(models.TextChoices):
    """How the analysis of one finding ended."""

    ASSESSED = "assessed"
    FAILED = "failed"


class AnalysisReason(models.TextChoices):
    DONE = "done", "Assessed"
    TURNS_CAP = "turns_cap", "The cap on model turns was reached"
    NONSENSE = "nonsense", "The model's answer does not fit the assessment's schema"
    NO_LOOKUP = "no_lookup", "A CVE without an NVD lookup or a recorded reason for skipping it"
    TRUNCATED = "truncated", "The model's answer was cut off"


class CallOutcome(models.TextChoices):
    """What became of a function call."""

    EXECUTED = "executed"
    INVALID = "invalid", "Refused: unknown function or arguments"
    DENIED = "denied"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous", "Unknown: it may have taken effect"
    NEVER_RAN = "never_ran", "It never ran"


class ActionOutcome(models.TextChoices):
    """What became of what a decision allowed (S2-7)."""

    EXECUTED = "executed"
    FAILED = "failed"
    DENIED = "denied", "Denied after all"
    AMBIGUOUS = "ambiguous", "Unknown: it may have taken effect"
    NEVER_RAN = "never_ran", "It never ran"


class EgressMode(models.TextChoices):
    """Which lists say what an agent may reach (S2-9). What its approved version names is always listed."""

    ALLOW = "allow", "Only what is listed"
    DENY = "deny", "Everything but what is denied"
    HYBRID = "hybrid", "Only what is listed, without what is denied"


class EgressReason(models.TextChoices):
    """Why something may leave for an agent, or not. Stable codes."""

    ENDPOINT = "endpoint", "The approved version names the endpoint"
    ALLOW_LIST = "allow_list", "The allow list names it"
    NOT_DENIED = "not_denied", "The deny list does not name it"
    TOO_LONG = "too_long", "The URL is too long"
    MALFORMED = "malformed", "This is not a URL"
    SCHEME = "scheme", "Neither http nor https"
    USERINFO = "userinfo", "A user name or password in the URL"
    HOST = "host", "This is not a host name"
    PORT = "port", "This is not a port"
    PATH = "path", "The path can be read in more than one way"
    DENY_LIST = "deny_list", "The deny list names it"
    NOT_LISTED = "not_listed", "Nothing allows it"
    PRIVATE_ADDRESS = "private_address", "The address is not public"
    BREAKER_OPEN = "breaker_open", "The endpoint's circuit breaker is open"
    AGENT_NOT_ACTIVE = "agent_not_active", "The agent may not act"
    AGENT_UNKNOWN = "agent_unknown", "The register has no such agent"


class AnomalyKind(models.TextChoices):
    """What may be unusual of what an agent reaches (S2-10)."""

    RATE = "rate", "More connections than usual"
    DESTINATION = "destination", "A destination never seen before"
    TRANSFER = "transfer", "A larger transfer than usual"
    OFF_HOURS = "off_hours", "Out of working hours"


class BreakerState(models.TextChoices):
    """Whether calls reach an endpoint (S0-11)."""

    CLOSED = "closed", "Closed: calls go through"
    OPEN = "open", "Open: calls are refused"
    HALF_OPEN = "half_open", "Half open: one call tries"


class CredentialRefusal(models.TextChoices):
    """Why a token was refused. Stable codes."""

    MALFORMED = "malformed", "It is not a signed access token"
    TYPE = "type", "Its type is not at+jwt"
    ALGORITHM = "algorithm", "Its algorithm is not allowed for the key"
    KEY = "key", "It names another signing key"
    SIGNATURE = "signature", "Its signature does not hold"
    ISSUER = "issuer", "Somebody else issued it"
    AUDIENCE = "audience", "It is for another service"
    EXPIRED = "expired", "Its time is over or has not come"
    CLAIMS = "claims", "A claim is missing or not what was minted"
    UNKNOWN = "unknown", "It was not minted here"
    HOLDER = "holder", "It was minted for another instance"
    TASK = "task", "Its task does not cover this action on this resource"
    ENDED = "ended", "The agent's access has ended since it was minted"
    USED = "used", "It was used already"
    BINDING = "binding", "The key or certificate that it is bound to was not proved"


class ProposalState(models.TextChoices):
    """What became of a write that was refused as requestable."""

    WAITING = "waiting", "Waiting for write elevation"
    QUEUED = "queued", "Elevated; about to run"
    EXECUTED = "executed"
    REFUSED = "refused"
    FAILED = "failed"


# Of these somebody may still ask for write elevation.
OPEN_PROPOSALS = (ProposalState.WAITING, ProposalState.REFUSED)


class TicketState(models.TextChoices):
    OPEN = "open"
    CLOSED = "closed"


class LookupOutcome(models.TextChoices):
    """What came of asking NVD for a CVE (S0-6)."""

    FOUND = "found"
    NOT_FOUND = "not_found", "NVD has no such record"
    UNAVAILABLE = "unavailable", "The lookup could not be made"


class ComplianceStatus(models.TextChoices):
    """What a finding means for compliance (S0-13)."""

    COMPLIANT = "COMPLIANT", "Compliant"
    AT_RISK = "AT_RISK", "At risk"
    NON_COMPLIANT = "NON_COMPLIANT", "Not compliant"


class RecordSource(models.TextChoices):
    API = "api", "NVD API 2.0"
    MIRROR = "mirror", "Local mirror"


class NotificationGroup(models.TextChoices):
    """What a person chooses mail for; notifications in the portal are always there."""

    VOTES = "votes", "Votes and signatures that are asked of you"
    AGENTS = "agents", "Your agents, and what you asked for"
    REMINDERS = "reminders", "Reminders"
    ACCOUNT = "account", "Your account"
    EMERGENCIES = "emergencies", "Emergencies"


class NotificationKind(models.TextChoices):
    """What somebody is told. Each belongs to a group (`NOTIFICATION_GROUPS`)."""

    APPROVAL_REQUESTED = "approval_requested", "An approval is asked for"
    ELEVATION_REQUESTED = "elevation_requested", "A write elevation is asked for"
    APPROVAL_RESOLVED = "approval_resolved", "An approval was decided or closed"
    ELEVATION_STARTED = "elevation_started", "A write elevation began"
    ELEVATION_ENDED = "elevation_ended", "A write elevation is over"
    ACTION_PROPOSED = "action_proposed", "An agent proposes a write"
    ACCESS_USED = "access_used", "An agent used an access that you are told of"
    RUN_FAILED = "run_failed", "A run failed"
    BUNDLE_ENDED = "bundle_ended", "A bundle was built"
    APPROVAL_REMINDED = "approval_reminded", "A vote is missing"
    SECOND_FACTORS_RESET = "second_factors_reset", "Second factors were reset"
    PASSWORD_CHOSEN = "password_chosen", "A password was chosen by invitation"
    HANDOVER_OFFERED = "handover_offered", "An agent is offered"
    HANDOVER_ENDED = "handover_ended", "An offer was accepted or declined"
    AGENT_OWNERLESS = "agent_ownerless", "An agent lost its owner"
    AGENT_SUSPENDED = "agent_suspended", "An agent was suspended"
    AGENT_EDITED = "agent_edited", "An agent was edited since its approval"
    AGENT_PUT_BACK = "agent_put_back", "What was approved was put back"
    REVIEW_DUE = "review_due", "A review is due"
    RELEASE_MOVED = "release_moved", "A release began or ended"
    SIGNATURE_REVOKED = "signature_revoked", "A signature was taken back"
    ASSESSMENT_TO_SIGN = "assessment_to_sign", "An assessment waits for a signature"
    ASSESSMENT_WITHDRAWN = "assessment_withdrawn", "An assessment was withdrawn"
    MITIGATION_DUE = "mitigation_due", "A mitigation is due"
    RISK_CLASS_CHANGED = "risk_class_changed", "A risk class was changed"
    POINT_LETS_THROUGH = "point_lets_through", "An enforcement point lets through"
    POINT_STALE = "point_stale", "An enforcement point stopped asking"
    GLASS_BROKEN = "glass_broken", "Somebody broke the glass"
    GLASS_REVIEWED = "glass_reviewed", "A broken glass was reviewed, or its account locked"
    SECRET_DUE = "secret_due", "A secret is to be rotated"
    SECRET_BREACHED = "secret_breached", "A secret was declared breached"
    EGRESS_UNUSUAL = "egress_unusual", "What an agent reaches is unusual"
    UNFREEZE_REQUESTED = "unfreeze_requested", "What is frozen is asked to go on"
    UNFREEZE_ENDED = "unfreeze_ended", "A request to unfreeze was decided or closed"
    SHRINK_PROPOSED = "shrink_proposed", "An unused grant is proposed to shrink"
    SHRINK_DECIDED = "shrink_decided", "A proposal to shrink a grant was decided"
    POLICY_DECIDED = "policy_decided", "A policy version was approved or ended"


NOTIFICATION_GROUPS = {
    NotificationKind.APPROVAL_REQUESTED: NotificationGroup.VOTES,
    NotificationKind.ELEVATION_REQUESTED: NotificationGroup.VOTES,
    NotificationKind.APPROVAL_RESOLVED: NotificationGroup.AGENTS,
    NotificationKind.ELEVATION_STARTED: NotificationGroup.AGENTS,
    NotificationKind.ELEVATION_ENDED: NotificationGroup.AGENTS,
    NotificationKind.ACTION_PROPOSED: NotificationGroup.AGENTS,
    NotificationKind.ACCESS_USED: NotificationGroup.AGENTS,
    NotificationKind.RUN_FAILED: NotificationGroup.AGENTS,
    NotificationKind.BUNDLE_ENDED: NotificationGroup.AGENTS,
    NotificationKind.APPROVAL_REMINDED: NotificationGroup.REMINDERS,
    NotificationKind.SECOND_FACTORS_RESET: NotificationGroup.ACCOUNT,
    NotificationKind.PASSWORD_CHOSEN: NotificationGroup.ACCOUNT,
    NotificationKind.HANDOVER_OFFERED: NotificationGroup.AGENTS,
    NotificationKind.HANDOVER_ENDED: NotificationGroup.AGENTS,
    NotificationKind.AGENT_OWNERLESS: NotificationGroup.AGENTS,
    NotificationKind.AGENT_SUSPENDED: NotificationGroup.AGENTS,
    NotificationKind.AGENT_EDITED: NotificationGroup.AGENTS,
    NotificationKind.AGENT_PUT_BACK: NotificationGroup.AGENTS,
    NotificationKind.REVIEW_DUE: NotificationGroup.REMINDERS,
    NotificationKind.RELEASE_MOVED: NotificationGroup.AGENTS,
    NotificationKind.SIGNATURE_REVOKED: NotificationGroup.AGENTS,
    NotificationKind.ASSESSMENT_TO_SIGN: NotificationGroup.VOTES,
    NotificationKind.ASSESSMENT_WITHDRAWN: NotificationGroup.AGENTS,
    NotificationKind.MITIGATION_DUE: NotificationGroup.REMINDERS,
    NotificationKind.RISK_CLASS_CHANGED: NotificationGroup.AGENTS,
    NotificationKind.POINT_LETS_THROUGH: NotificationGroup.AGENTS,
    NotificationKind.POINT_STALE: NotificationGroup.AGENTS,
    NotificationKind.GLASS_BROKEN: NotificationGroup.EMERGENCIES,
    NotificationKind.GLASS_REVIEWED: NotificationGroup.EMERGENCIES,
    NotificationKind.SECRET_DUE: NotificationGroup.REMINDERS,
    NotificationKind.SECRET_BREACHED: NotificationGroup.AGENTS,
    NotificationKind.EGRESS_UNUSUAL: NotificationGroup.AGENTS,
    NotificationKind.UNFREEZE_REQUESTED: NotificationGroup.VOTES,
    NotificationKind.UNFREEZE_ENDED: NotificationGroup.AGENTS,
    NotificationKind.SHRINK_PROPOSED: NotificationGroup.AGENTS,
    NotificationKind.SHRINK_DECIDED: NotificationGroup.AGENTS,
    NotificationKind.POLICY_DECIDED: NotificationGroup.AGENTS,
}
# What nobody turns off: who takes an account over must not silence the warning first.
ALWAYS_MAILED = (NotificationGroup.ACCOUNT, NotificationGroup.EMERGENCIES)


class MailTiming(models.TextChoices):
    """When a notification is mailed."""

    AT_ONCE = "at_once", "At once"
    DAILY = "daily", "In a daily summary"
    NEVER = "never", "Not by mail"


class DeliveryChannel(models.TextChoices):
    MAIL = "mail"
    WEBHOOK = "webhook"


class DeliveryState(models.TextChoices):
    """What became of a mail or a call of the webhook. Only what waits is ever sent."""

    WAITING = "waiting"
    SENDING = "sending"
    DELIVERED = "delivered", "Taken by the receiver"
    GIVEN_UP = "given_up", "Given up"
    UNCERTAIN = "uncertain", "Unknown: it may have arrived"


class Rotator(models.TextChoices):
    """Who makes the next value of a secret."""

    PERSON = "person", "A person, in the store"
    PORTAL = "portal", "The portal: a random value, written to the store"
    STORE = "store", "The store itself"


class RotationReason(models.TextChoices):
    """Why a secret is rotated (S2-13)."""

    TIME = "time", "Its time is over"
    USES = "uses", "It was used often enough"
    PERSON_LEFT = "person_left", "Somebody left"
    AGENT_ENDED = "agent_ended", "An agent that knew it ended"
    BREACH = "breach", "It was declared breached"
    DEMAND = "demand", "Somebody asked for it"


# Events after which a reference may ask to be rotated; a breach always does.
ROTATE_ON = (RotationReason.PERSON_LEFT, RotationReason.AGENT_ENDED)


class RotationState(models.TextChoices):
    QUEUED = "queued"
    WAITING = "waiting", "Waiting for a person"
    OVERLAPPING = "overlapping", "The old version is still valid"
    DONE = "done"
    DROPPED = "dropped", "No longer needed"


class LeaseEnd(models.TextChoices):
    """Why a lease of a secret ended before its time."""

    PERSON = "person", "Ended by a person"
    BREACH = "breach", "The secret was declared breached"
    AGENT = "agent", "The agent was stopped"
    COPY = "copy", "The copy ended"
    DISALLOWED = "disallowed", "It may not use it any more"


class SecretRefusal(models.TextChoices):
    """Why a secret was not given. Stable codes."""

    UNKNOWN = "unknown", "There is no such secret"
    ENDED = "ended", "This secret is not used any more"
    BREACHED = "breached", "This secret was declared breached and is not rotated yet"
    DECISION = "decision", "The decision point does not allow this call"
    USE = "use", "The agent may not use this secret for this action on this resource"
    STOPPED = "stopped", "The agent's access has ended since the decision"


# Colours of the admin's labels, by the words above; `portal` shows the same state in the same colour.
LABELS = {
    VersionTestOutcome.PASSED: "success",
    VersionTestOutcome.FAILED: "danger",
    AgentPolicyState.REPLACED: "default",
    AgentState.DISCOVERED: "warning",
    AgentState.OWNERLESS: "danger",
    HandoverState.OFFERED: "warning",
    HandoverState.ACCEPTED: "success",
    HandoverState.DECLINED: "danger",
    HandoverState.WITHDRAWN: "default",
    HandoverState.EXPIRED: "default",
    HandoverState.LAPSED: "default",
    AgentState.DRAFT: "info",
    AgentState.IN_REVIEW: "warning",
    AgentState.ACTIVE: "success",
    AgentState.FROZEN: "danger",
    AgentState.RETIRED: "default",
    DependencyKind.INTERACTS_WITH: "default",
    DependencyKind.CALLS: "info",
    DependencyKind.CREATES: "primary",
    Severity.CRITICAL: "danger",
    Severity.HIGH: "warning",
    Severity.MEDIUM: "info",
    Severity.LOW: "default",
    Severity.INFO: "default",
    VexState.EXPLOITABLE: "danger",
    VexState.IN_TRIAGE: "warning",
    VexState.NOT_AFFECTED: "default",
    VexState.FALSE_POSITIVE: "default",
    VexState.RESOLVED: "success",
    VexState.RESOLVED_WITH_PEDIGREE: "success",
    VexState.SUPPRESSED: "default",
    RunState.QUEUED: "info",
    RunState.RUNNING: "info",
    RunState.COMPLETED: "success",
    RunState.FAILED: "danger",
    CallOutcome.EXECUTED: "success",
    CallOutcome.INVALID: "danger",
    CallOutcome.DENIED: "warning",
    CallOutcome.FAILED: "danger",
    CallOutcome.AMBIGUOUS: "danger",
    BreakerState.CLOSED: "success",
    BreakerState.OPEN: "danger",
    BreakerState.HALF_OPEN: "warning",
    CallOutcome.NEVER_RAN: "warning",
    AnalysisState.ASSESSED: "success",
    AnalysisState.FAILED: "danger",
    ProposalState.WAITING: "warning",
    ProposalState.QUEUED: "info",
    ProposalState.EXECUTED: "success",
    ProposalState.REFUSED: "danger",
    ProposalState.FAILED: "danger",
    TicketState.OPEN: "info",
    TicketState.CLOSED: "default",
    DeliveryState.WAITING: "info",
    DeliveryState.SENDING: "info",
    DeliveryState.DELIVERED: "success",
    DeliveryState.GIVEN_UP: "danger",
    DeliveryState.UNCERTAIN: "warning",
    RotationState.QUEUED: "info",
    RotationState.WAITING: "warning",
    RotationState.OVERLAPPING: "info",
    RotationState.DONE: "success",
    RotationState.DROPPED: "default",
}
