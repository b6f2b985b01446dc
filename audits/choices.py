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
    SUBJECT_ERASED = "subject.erased"
    BODY_REDACTED = "body.redacted"
    SEGMENT_PRUNED = "segment.pruned"
    LEDGER_DECLARED = "ledger.declared"
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


class Completeness(models.TextChoices):
    """What a bundle proves about what is *not* in it. It is shown first, everywhere."""

    STREAM = "stream", "Nothing of the stream is left out between the two counters"
    PRESENCE = "presence", "Only that these events exist"
