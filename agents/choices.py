"""Closed vocabularies of the register and of what agents do."""

from django.db import models


class AgentState(models.TextChoices):
    DRAFT = "draft"
    IN_REVIEW = "in_review", "In review"
    ACTIVE = "active"
    FROZEN = "frozen"
    RETIRED = "retired"


class DocumentKind(models.TextChoices):
    """What the evidence about an agent is made of, besides what the portal records itself (S1-20)."""

    ARCHITECTURE = "architecture", "Architecture diagram"
    DATA_FLOW = "data_flow", "Data-flow map"
    POLICY = "policy", "Policy document"
    RISK = "risk", "Risk assessment"
    TESTING = "testing", "Testing record"
    INCIDENTS = "incidents", "Incident log"


class SessionEnd(models.TextChoices):
    """Why a session ended."""

    SIGNED_OUT = "signed_out", "Signed out"
    ENDED = "ended", "Ended from another session"
    IDLE = "idle", "Not used for too long"
    EXPIRED = "expired", "Its time was over"
    DEACTIVATED = "deactivated", "The account was deactivated"
    PASSWORD = "password", "The password was changed"
    SECOND_FACTOR = "second_factor", "The second factors were changed"


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


# Colours of the admin's labels, by the words above; `portal` shows the same state in the same colour.
LABELS = {
    AgentState.DRAFT: "info",
    AgentState.IN_REVIEW: "warning",
    AgentState.ACTIVE: "success",
    AgentState.FROZEN: "danger",
    AgentState.RETIRED: "default",
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
    AnalysisState.ASSESSED: "success",
    AnalysisState.FAILED: "danger",
    ProposalState.WAITING: "warning",
    ProposalState.QUEUED: "info",
    ProposalState.EXECUTED: "success",
    ProposalState.REFUSED: "danger",
    ProposalState.FAILED: "danger",
    TicketState.OPEN: "info",
    TicketState.CLOSED: "default",
}
