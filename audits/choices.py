"""The closed vocabulary of the audit log. Retired members stay: old events keep their names."""

from django.db import models


class Action(models.TextChoices):
    """What happened: `<object>.<verb in the past>`."""

    PERSON_ADDED = "person.added"
    PERSON_DEACTIVATED = "person.deactivated"
    PERSON_PASSWORD_CHANGED = "person.password_changed"  # noqa: S105 - a name of what happened
    PERSON_REACTIVATED = "person.reactivated"
    PERSON_INVITED = "person.invited"
    SESSION_STARTED = "session.started"
    SESSION_REFUSED = "session.refused"
    SESSION_ENDED = "session.ended"
    LOCKOUT_LIFTED = "lockout.lifted"
    SECOND_FACTOR_ADDED = "second_factor.added"
    SECOND_FACTOR_REMOVED = "second_factor.removed"
    SECOND_FACTOR_RESET = "second_factor.reset"
    AGENT_REGISTERED = "agent.registered"
    AGENT_STATE_CHANGED = "agent.state_changed"
    AGENT_EPOCH_RAISED = "agent.epoch_raised"
    VERSION_ADDED = "version.added"
    VERSION_SUBMITTED = "version.submitted"
    INSTANCE_STARTED = "instance.started"
    INSTANCE_ENDED = "instance.ended"
    SEAT_ASSIGNED = "seat.assigned"
    SEAT_ENDED = "seat.ended"
    RISK_ASSESSED = "risk.assessed"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_VOTED = "approval.voted"
    APPROVAL_RESOLVED = "approval.resolved"
    GRANT_ADDED = "grant.added"
    GRANT_ENDED = "grant.ended"
    ELEVATION_REQUESTED = "elevation.requested"
    ELEVATION_STARTED = "elevation.started"
    ELEVATION_ENDED = "elevation.ended"
    DECISION_MADE = "decision.made"
    DECISION_SEARCHED = "decision.searched"
    ENFORCEMENT_POINT_ADDED = "enforcement_point.added"
    ENFORCEMENT_POINT_ROTATED = "enforcement_point.rotated"
    ENFORCEMENT_POINT_REVOKED = "enforcement_point.revoked"
    ENFORCEMENT_POINT_REFUSED = "enforcement_point.refused"
    POLICY_APPLIED = "policy.applied"
    CREDENTIAL_MINTED = "credential.minted"
    CREDENTIAL_USED = "credential.used"
    CREDENTIAL_REFUSED = "credential.refused"
    REPORT_INGESTED = "report.ingested"
    RUN_QUEUED = "run.queued"
    RUN_STARTED = "run.started"
    RUN_ENDED = "run.ended"
    MODEL_ANSWERED = "model.answered"
    FUNCTION_CALLED = "function.called"
    FINDING_ASSESSED = "finding.assessed"
    ACTION_PROPOSED = "action.proposed"
    ACTION_QUEUED = "action.queued"
    ACTION_RESOLVED = "action.resolved"
    TICKET_OPENED = "ticket.opened"
    TICKET_NOTED = "ticket.noted"
    VULNERABILITIES_LOADED = "vulnerabilities.loaded"
    KEY_CREATED = "key.created"
    KEY_ROTATED = "key.rotated"
    KEY_REPLACED = "key.replaced"
    ANCHOR_CHECKED = "anchor.checked"
    SUBJECT_ERASED = "subject.erased"
    BODY_REDACTED = "body.redacted"
    SEGMENT_PRUNED = "segment.pruned"
    SUBJECT_SEARCHED = "subject.searched"
    SUBJECT_EXPORTED = "subject.exported"
    HOLD_PLACED = "hold.placed"
    HOLD_RELEASED = "hold.released"
    CASE_OPENED = "case.opened"
    CASE_AMENDED = "case.amended"
    CASE_CLOSED = "case.closed"
    RETENTION_CHANGED = "retention.changed"
    HISTORY_ADOPTED = "history.adopted"
    LEDGER_DECLARED = "ledger.declared"
    LEDGER_READ = "ledger.read"
    LEDGER_VERIFIED = "ledger.verified"
    VERIFICATION_REQUESTED = "verification.requested"
    DOCUMENT_ATTACHED = "document.attached"
    BUNDLE_REQUESTED = "bundle.requested"
    BUNDLE_BUILT = "bundle.built"
    BUNDLE_DOWNLOADED = "bundle.downloaded"
    SINK_REPLAYED = "sink.replayed"


class Outcome(models.TextChoices):
    SUCCESS = "success"
    DENIED = "denied"
    FAILED = "failed"


class BundleState(models.TextChoices):
    QUEUED = "queued"
    BUILDING = "building"
    READY = "ready"
    FAILED = "failed"


class KeyPurpose(models.TextChoices):
    SEAL = "seal", "Checkpoints"
    EXPORT = "export", "Bundles"
    MAC = "mac", "Message codes"


class AnchorState(models.TextChoices):
    PENDING = "pending", "Being published"
    ANCHORED = "anchored"
    FAILED = "failed"


class AnchorLevel(models.TextChoices):
    """What a copy of a checkpoint outside protects against; each level adds to those before it."""

    COPIED = "A1", "A1: copied out, against silent rewriting"
    TIMESTAMPED = "A2", "A2: timestamped, against backdating"
    LOCKED = "A3", "A3: locked, against administrators"
    WITNESSED = "A4", "A4: witnessed, against the key holder"


class BundleKind(models.TextChoices):
    """What a bundle is about."""

    AGENT = "agent", "An agent"
    PERSON = "person", "A person"
    PERIOD = "period", "A period"
    FRAMEWORK = "framework", "A framework"
    CASE = "case", "A case"


class BundlePhase(models.TextChoices):
    """How far the builder has come."""

    SEALING = "sealing", "Sealing what waits"
    GATHERING = "gathering", "Finding the events"
    WRITING = "writing", "Writing the events"
    RECORDS = "records", "Adding records and documents"
    PROVING = "proving", "Adding the proofs"
    READABLE = "readable", "Writing the pages for people"
    SIGNING = "signing", "Signing"


class Completeness(models.TextChoices):
    """What a bundle proves about what is *not* in it. It is shown first, everywhere."""

    RANGE = "range", "Nothing of the ledger is left out between the two entries"
    STREAM = "stream", "Nothing of the streams is left out between the counters"
    MIXED = "mixed", "Nothing of the streams is left out; of other events only that these exist"
    PRESENCE = "presence", "Only that these events exist"


class HoldScope(models.TextChoices):
    """What a legal hold covers."""

    PERSON = "person"
    AGENT = "agent"
    PERIOD = "period"
    CASE = "case"
    EVERYTHING = "everything"


class CaseState(models.TextChoices):
    OPEN = "open"
    CLOSED = "closed"


class VerificationKind(models.TextChoices):
    """How much of the ledger was verified."""

    WHOLE = "whole", "The whole ledger"
    SINCE = "since", "From a signed checkpoint on"
    STREAM = "stream", "One stream"
    EVENT = "event", "One event"
    CHECKPOINT = "checkpoint", "One checkpoint"


class Verdict(models.TextChoices):
    """What a verification found; *unable* where nothing could be said, for example without the keys.

    *Pending* is no verdict yet.
    """

    SOUND = "sound"
    WRONG = "wrong"
    UNABLE = "unable"
    PENDING = "pending", "Under way"
