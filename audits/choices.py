"""The closed vocabulary of the audit log. Retired members stay: old events keep their names."""

from django.db import models


class Action(models.TextChoices):
    """What happened: `<object>.<verb in the past>`."""

    PERSON_ADDED = "person.added"
    PERSON_AMENDED = "person.amended"
    PERSON_DEACTIVATED = "person.deactivated"
    PERSON_PASSWORD_CHANGED = "person.password_changed"  # noqa: S105 - a name of what happened
    PERSON_REACTIVATED = "person.reactivated"
    PERSON_INVITED = "person.invited"
    MAIL_CHOSEN = "mail.chosen"
    SCIM_CLIENT_ADDED = "scim_client.added"
    SCIM_CLIENT_ROTATED = "scim_client.rotated"
    SCIM_CLIENT_REVOKED = "scim_client.revoked"
    SCIM_CLIENT_REFUSED = "scim_client.refused"
    SESSION_STARTED = "session.started"
    SESSION_REFUSED = "session.refused"
    SESSION_ENDED = "session.ended"
    LOCKOUT_LIFTED = "lockout.lifted"
    SECOND_FACTOR_ADDED = "second_factor.added"
    SECOND_FACTOR_REMOVED = "second_factor.removed"
    SECOND_FACTOR_RESET = "second_factor.reset"
    API_TOKEN_ADDED = "api_token.added"  # noqa: S105 - a name of what happened
    API_TOKEN_REVOKED = "api_token.revoked"  # noqa: S105 - as above
    API_TOKEN_REFUSED = "api_token.refused"  # noqa: S105 - as above
    DELEGATION_GIVEN = "delegation.given"
    DELEGATION_ENDED = "delegation.ended"
    SUBJECT_TOKEN_ISSUED = "subject_token.issued"  # noqa: S105 - as above
    AGENT_REGISTERED = "agent.registered"
    AGENT_AMENDED = "agent.amended"
    AGENT_DISCOVERED = "agent.discovered"
    AGENT_CLAIMED = "agent.claimed"
    AGENT_POLICY_APPLIED = "agent_policy.applied"
    REGISTER_IMPORTED = "register.imported"
    AGENT_STATE_CHANGED = "agent.state_changed"
    AGENT_ATTESTED = "agent.attested"
    AGENT_RETIRED = "agent.retired"
    AGENT_KILLED = "agent.killed"
    CONTAINMENT_BEGUN = "containment.begun"
    CONTAINMENT_ENDED = "containment.ended"
    UNFREEZE_REQUESTED = "unfreeze.requested"
    UNFREEZE_ENDED = "unfreeze.ended"
    KILL_REQUESTED = "kill.requested"
    HANDOVER_OFFERED = "handover.offered"
    HANDOVER_ACCEPTED = "handover.accepted"
    HANDOVER_ENDED = "handover.ended"
    AGENT_EPOCH_RAISED = "agent.epoch_raised"
    AGENT_PUT_BACK = "agent.put_back"
    VERSION_ADDED = "version.added"
    VERSION_SUBMITTED = "version.submitted"
    DEPENDENCY_ADDED = "dependency.added"
    DEPENDENCY_CHANGED = "dependency.changed"
    DEPENDENCY_ENDED = "dependency.ended"
    TOOL_ADDED = "tool.added"
    TOOL_CHANGED = "tool.changed"
    TOOL_ENDED = "tool.ended"
    THIRD_PARTY_ADDED = "third_party.added"
    THIRD_PARTY_CHANGED = "third_party.changed"
    THIRD_PARTY_ENDED = "third_party.ended"
    TEST_RECORDED = "test.recorded"
    INSTANCE_STARTED = "instance.started"
    INSTANCE_ENDED = "instance.ended"
    INSTANCE_PROVISIONED = "instance.provisioned"
    INSTANCE_KEY_ROTATED = "instance.key_rotated"
    INSTANCE_KEY_ENDED = "instance.key_ended"
    INSTANCE_DEPROVISIONED = "instance.deprovisioned"
    SEAT_ASSIGNED = "seat.assigned"
    SEAT_ENDED = "seat.ended"
    SEAT_CHAIR_ASSIGNED = "seat.chair_assigned"
    RISK_ASSESSED = "risk.assessed"
    CHANGE_DESCRIBED = "change.described"
    RELEASE_STARTED = "release.started"
    RELEASE_PROMOTED = "release.promoted"
    RELEASE_COMPLETED = "release.completed"
    RELEASE_ROLLED_BACK = "release.rolled_back"
    RELEASE_ENDED = "release.ended"
    RISK_OVERRIDE_REQUESTED = "risk.override_requested"
    RISK_OVERRIDDEN = "risk.overridden"
    RISK_CLASS_CHANGED = "risk_class.changed"
    IMPACT_ASSESSMENT_BEGUN = "impact_assessment.begun"
    IMPACT_ASSESSMENT_WRITTEN = "impact_assessment.written"
    IMPACT_ASSESSMENT_SIGNED = "impact_assessment.signed"
    IMPACT_ASSESSMENT_WITHDRAWN = "impact_assessment.withdrawn"
    MITIGATION_CLOSED = "mitigation.closed"
    APPROVAL_REQUESTED = "approval.requested"
    APPROVAL_OPENED = "approval.opened"
    APPROVAL_VOTED = "approval.voted"
    APPROVAL_REMINDED = "approval.reminded"
    APPROVAL_RESOLVED = "approval.resolved"
    APPROVAL_WITHDRAWN = "approval.withdrawn"
    GRANT_ADDED = "grant.added"
    GRANT_ENDED = "grant.ended"
    RESOURCE_ADDED = "resource.added"
    RESOURCE_CHANGED = "resource.changed"
    RESOURCE_ENDED = "resource.ended"
    RESOURCES_IMPORTED = "resource.imported"
    AGENT_ROLE_ADDED = "agent_role.added"
    AGENT_ROLE_CHANGED = "agent_role.changed"
    AGENT_ROLE_ENDED = "agent_role.ended"
    AGENT_ROLES_IMPORTED = "agent_role.imported"
    ROLE_ASSIGNED = "role.assigned"
    ROLE_ASSIGNMENT_ENDED = "role.assignment_ended"
    SCOPE_EXCEPTION_GRANTED = "scope_exception.granted"
    SCOPE_EXCEPTION_ENDED = "scope_exception.ended"
    GRANT_SHRINK_PROPOSED = "grant.shrink_proposed"
    GRANT_SHRUNK = "grant.shrunk"
    GRANT_SHRINK_DECLINED = "grant.shrink_declined"
    ELEVATION_REQUESTED = "elevation.requested"
    ELEVATION_REVISED = "elevation.revised"
    ELEVATION_STARTED = "elevation.started"
    ELEVATION_ENDED = "elevation.ended"
    ACCESS_REQUEST_REFUSED = "access_request.refused"
    GLASS_BROKEN = "glass.broken"
    GLASS_REVIEWED = "glass.reviewed"
    GLASS_ACCOUNT_LOCKED = "glass.account_locked"
    DECISION_MADE = "decision.made"
    DECISION_SEARCHED = "decision.searched"
    ENFORCEMENT_POINT_ADDED = "enforcement_point.added"
    ENFORCEMENT_POINT_ROTATED = "enforcement_point.rotated"
    ENFORCEMENT_POINT_REVOKED = "enforcement_point.revoked"
    ENFORCEMENT_POINT_REFUSED = "enforcement_point.refused"
    ENFORCEMENT_POINT_DECLARED = "enforcement_point.declared"
    ENFORCEMENT_POINT_ACKNOWLEDGED = "enforcement_point.acknowledged"
    ENFORCEMENT_POINT_STALE = "enforcement_point.stale"
    ENFORCEMENT_POINT_RETURNED = "enforcement_point.returned"
    ENFORCEMENT_POINT_PROBE_STARTED = "enforcement_point.probe_started"
    ENFORCEMENT_POINT_PROBED = "enforcement_point.probed"
    PIPELINE_ADDED = "pipeline.added"
    PIPELINE_ROTATED = "pipeline.rotated"
    PIPELINE_REVOKED = "pipeline.revoked"
    PIPELINE_REFUSED = "pipeline.refused"
    GATE_SIGNED = "gate.signed"
    GATE_SIGNATURE_REVOKED = "gate.signature_revoked"
    GATE_ASKED = "gate.asked"
    POLICY_APPLIED = "policy.applied"
    POLICY_DRAFTED = "policy.drafted"
    POLICY_EDITED = "policy.edited"
    POLICY_VALIDATED = "policy.validated"
    POLICY_REPLAYED = "policy.replayed"
    POLICY_SHADOW_STARTED = "policy.shadow_started"
    POLICY_SHADOW_ENDED = "policy.shadow_ended"
    POLICY_PROPOSED = "policy.proposed"
    POLICY_VOTED = "policy.voted"
    POLICY_ROLLED_BACK = "policy.rolled_back"
    POLICY_WITHDRAWN = "policy.withdrawn"
    EGRESS_CHANGED = "egress.changed"
    EGRESS_EXCEPTION_ADDED = "egress_exception.added"
    EGRESS_EXCEPTION_ENDED = "egress_exception.ended"
    EGRESS_ATTEMPTED = "egress.attempted"
    EGRESS_ENDED = "egress.ended"
    EGRESS_PRUNED = "egress.pruned"
    EGRESS_ANOMALY_FOUND = "egress_anomaly.found"
    EGRESS_ANOMALY_CLOSED = "egress_anomaly.closed"
    ANOMALY_RULE_CHANGED = "anomaly_rule.changed"
    ENDPOINT_ADDED = "endpoint.added"
    ENDPOINT_CHANGED = "endpoint.changed"
    BREAKER_OPENED = "breaker.opened"
    BREAKER_HALF_OPENED = "breaker.half_opened"
    BREAKER_CLOSED = "breaker.closed"
    OUTCOME_RECORDED = "outcome.recorded"
    CREDENTIAL_MINTED = "credential.minted"
    CREDENTIAL_USED = "credential.used"
    CREDENTIAL_REFUSED = "credential.refused"
    CREDENTIAL_REVOKED = "credential.revoked"
    TOKEN_REFUSED = "token.refused"  # noqa: S105 - a name of what happened
    SIGNING_KEY_ROTATED = "signing_key.rotated"
    SECRET_ADDED = "secret.added"  # noqa: S105 - a name of what happened, as those below
    SECRET_CHANGED = "secret.changed"  # noqa: S105
    SECRET_ENDED = "secret.ended"  # noqa: S105
    SECRET_ALLOWED = "secret.allowed"  # noqa: S105
    SECRET_DISALLOWED = "secret.disallowed"  # noqa: S105
    SECRET_READ = "secret.read"  # noqa: S105
    SECRET_CHECKED = "secret.checked"  # noqa: S105
    SECRET_BREACHED = "secret.breached"  # noqa: S105
    SECRET_LEASES_ENDED = "secret.leases_ended"  # noqa: S105
    SECRET_ROTATION_ASKED = "secret.rotation_asked"  # noqa: S105
    SECRET_ROTATED = "secret.rotated"  # noqa: S105
    SECRET_VERSION_ENDED = "secret.version_ended"  # noqa: S105
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
