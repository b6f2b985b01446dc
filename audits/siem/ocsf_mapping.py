"""What each action of the ledger is in OCSF 1.7.0, and what its class requires (schema.ocsf.io)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from audits.choices import Action, Outcome
from audits.siem.record import HEADS, PRODUCT, Record, milliseconds

OTHER = 99
INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL = 1, 2, 3, 4, 5
USER_TYPES = {"person": 1, "system": 3, "agent": 4}  # User, System, Service
SERVER = 1
RULE = 1
FINDINGS = 2
PASS, FAIL = 1, 3

Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Class:
    """A class of the schema; `attributes` are those that it requires beyond the base event's."""

    category: int
    uid: int
    name: str
    attributes: Callable[[Record], Told]


class Mapped(NamedTuple):
    """What an action is in OCSF. `activity` names an activity that the class does not number (99).

    `failure` is the least severity of one that was denied or failed.
    """

    kind: Class
    activity_id: int
    severity: int = INFORMATIONAL
    activity: str = ""
    failure: int = MEDIUM


def user_of(reference: str, name: str = "") -> Told:
    """A person, an agent's instance or a part of the system; the reference is opaque, the name is not."""
    kind = reference.partition("/")[0]
    told: Told = {"uid": reference, "type_id": USER_TYPES.get(kind, OTHER), "type": kind}
    return told | ({"name": name} if name else {})


def _subject(record: Record) -> Told:
    """Whose story it is: a header names the object, and its stream the agent or person concerned."""
    whose = next(
        (name for name in (record.object, record.stream) if name.startswith(("person/", "agent/"))),
        record.object,
    )
    return user_of(whose)


def _resource(record: Record) -> Told:
    return {"uid": record.object, "type": record.object.partition("/")[0]}


# --- What each class requires -------------------------------------------------------------------------
def _api(record: Record) -> Told:
    """The ledger keeps no network addresses: the source that it knows is the ledger's own service."""
    return {
        "api": {"operation": record.action, "service": {"name": PRODUCT, "uid": record.origin}},
        "src_endpoint": {"svc_name": PRODUCT, "name": record.origin},
        "resources": [_resource(record)],
    }


def _evaluation(record: Record) -> Told:
    """An answer of the decision point, with the policy that decided (AuthZEN)."""
    authorization: Told = {"decision": record.outcome}
    if policy := record.header.get("policy"):
        authorization["policy"] = {"version": policy["version"], "uid": policy["sha256"]}
    return {
        **_api(record),
        "actor": {
            "user": user_of(record.actor, record.actor_name),
            "app_name": PRODUCT,
            "authorizations": [authorization],
        },
    }


def _entity(record: Record) -> Told:
    return {"entity": {"uid": record.object, "type": record.object.partition("/")[0]}}


def _account(record: Record) -> Told:
    return {"user": user_of(record.object)}


def _privileges(record: Record) -> Told:
    return {
        "user": _subject(record),
        "privileges": [record.object],
        "resources": [_resource(record)],
    }


def _session(record: Record) -> Told:
    return {
        "user": _subject(record),
        "session": {"uid": record.object, "issuer": record.origin},
        "privileges": [record.object],
    }


def _authentication(record: Record) -> Told:
    return {
        "user": _subject(record),
        "service": {"name": PRODUCT, "uid": record.origin},
        "is_remote": True,
    }


def _finding(record: Record) -> Told:
    return {
        "finding_info": {
            "uid": record.object,
            "title": record.action,
            "created_time": milliseconds(record.time),
            "analytic": {"name": f"{PRODUCT} {record.action}", "type_id": RULE},
        },
        "resources": [_resource(record)],
    }


def _compliance(record: Record) -> Told:
    status = PASS if record.outcome == Outcome.SUCCESS else FAIL
    standards = record.header.get("frameworks") or [f"{PRODUCT} {record.action.partition('.')[0]}"]
    return {
        **_finding(record),
        "compliance": {"control": record.action, "standards": standards, "status_id": status},
    }


def _log(record: Record) -> Told:
    return {
        "device": {"type_id": SERVER, "name": record.origin},
        "log_name": record.origin,
        "log_provider": f"{PRODUCT} ledger",
    }


API = Class(6, 6003, "API Activity", _api)
EVALUATION = Class(6, 6003, "API Activity", _evaluation)
ENTITY = Class(3, 3004, "Entity Management", _entity)
ACCOUNT = Class(3, 3001, "Account Change", _account)
PRIVILEGES = Class(3, 3005, "User Access Management", _privileges)
SESSION = Class(3, 3003, "Authorize Session", _session)
AUTHENTICATION = Class(3, 3002, "Authentication", _authentication)
COMPLIANCE = Class(2, 2003, "Compliance Finding", _compliance)
DETECTION = Class(2, 2004, "Detection Finding", _finding)
LOG = Class(1, 1008, "Event Log Activity", _log)

CREATE, READ, UPDATE, DELETE = 1, 2, 3, 4
UNKNOWN = Mapped(API, OTHER, activity="Other")

MAPPING: Mapping[str, Mapped] = {
    HEADS: Mapped(LOG, OTHER, activity="Heads sealed"),
    # People and their accounts: 1 Create, 2 Enable, 3 Password Change, 5 Disable.
    Action.PERSON_ADDED: Mapped(ACCOUNT, 1, LOW),
    Action.PERSON_AMENDED: Mapped(ACCOUNT, OTHER, LOW, "Amend"),
    Action.PERSON_DEACTIVATED: Mapped(ACCOUNT, 5, LOW),
    Action.PERSON_PASSWORD_CHANGED: Mapped(ACCOUNT, 3),
    Action.PERSON_REACTIVATED: Mapped(ACCOUNT, 2, LOW),
    Action.PERSON_INVITED: Mapped(ACCOUNT, OTHER, LOW, "Invite"),
    Action.MAIL_CHOSEN: Mapped(ACCOUNT, OTHER, INFORMATIONAL, "Choose mail"),
    Action.SESSION_STARTED: Mapped(AUTHENTICATION, 1),
    Action.SESSION_REFUSED: Mapped(AUTHENTICATION, 1, MEDIUM),
    Action.SESSION_ENDED: Mapped(AUTHENTICATION, 2),
    Action.LOCKOUT_LIFTED: Mapped(ACCOUNT, OTHER, LOW, "Unlock"),
    Action.SECOND_FACTOR_ADDED: Mapped(ACCOUNT, 10),
    Action.SECOND_FACTOR_REMOVED: Mapped(ACCOUNT, 11, LOW),
    Action.SECOND_FACTOR_RESET: Mapped(ACCOUNT, 11, MEDIUM),
    Action.DELEGATION_GIVEN: Mapped(PRIVILEGES, 1, LOW),
    Action.DELEGATION_ENDED: Mapped(PRIVILEGES, 2),
    Action.SUBJECT_TOKEN_ISSUED: Mapped(ENTITY, CREATE),
    Action.API_TOKEN_ADDED: Mapped(ENTITY, CREATE, LOW),
    Action.API_TOKEN_REVOKED: Mapped(ENTITY, 11, LOW),
    # What is governed: 1 Create, 3 Update, 10 Activate, 11 Deactivate.
    Action.AGENT_REGISTERED: Mapped(ENTITY, CREATE),
    Action.AGENT_AMENDED: Mapped(ENTITY, UPDATE, LOW),
    Action.AGENT_DISCOVERED: Mapped(ENTITY, CREATE, MEDIUM),
    Action.AGENT_CLAIMED: Mapped(ENTITY, UPDATE, LOW),
    Action.AGENT_POLICY_APPLIED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.REGISTER_IMPORTED: Mapped(ENTITY, UPDATE, LOW),
    Action.AGENT_STATE_CHANGED: Mapped(ENTITY, UPDATE, LOW),
    Action.AGENT_ATTESTED: Mapped(ENTITY, UPDATE),
    Action.AGENT_RETIRED: Mapped(ENTITY, 11, LOW),
    Action.AGENT_KILLED: Mapped(ENTITY, 11, HIGH),
    Action.CONTAINMENT_BEGUN: Mapped(ENTITY, 11, HIGH),
    Action.CONTAINMENT_ENDED: Mapped(ENTITY, 10, HIGH),
    Action.UNFREEZE_REQUESTED: Mapped(ENTITY, CREATE, MEDIUM),
    Action.UNFREEZE_ENDED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.KILL_REQUESTED: Mapped(ENTITY, CREATE, MEDIUM),
    Action.HANDOVER_OFFERED: Mapped(PRIVILEGES, OTHER, LOW, "Offer ownership"),
    Action.HANDOVER_ACCEPTED: Mapped(PRIVILEGES, 1, LOW),
    Action.HANDOVER_ENDED: Mapped(PRIVILEGES, OTHER, LOW, "Ownership not taken"),
    Action.AGENT_EPOCH_RAISED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.AGENT_PUT_BACK: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.VERSION_ADDED: Mapped(ENTITY, CREATE),
    Action.VERSION_SUBMITTED: Mapped(ENTITY, UPDATE),
    Action.CHANGE_DESCRIBED: Mapped(ENTITY, UPDATE),
    Action.RELEASE_STARTED: Mapped(ENTITY, UPDATE, LOW),
    Action.RELEASE_PROMOTED: Mapped(ENTITY, UPDATE, LOW),
    Action.RELEASE_COMPLETED: Mapped(ENTITY, UPDATE, LOW),
    Action.RELEASE_ROLLED_BACK: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.RELEASE_ENDED: Mapped(ENTITY, UPDATE, LOW),
    Action.DEPENDENCY_ADDED: Mapped(ENTITY, CREATE),
    Action.DEPENDENCY_CHANGED: Mapped(ENTITY, UPDATE),
    Action.DEPENDENCY_ENDED: Mapped(ENTITY, 11),
    Action.TOOL_ADDED: Mapped(ENTITY, CREATE),
    Action.TOOL_CHANGED: Mapped(ENTITY, UPDATE),
    Action.TOOL_ENDED: Mapped(ENTITY, 11),
    Action.RESOURCE_ADDED: Mapped(ENTITY, CREATE),
    Action.RESOURCE_CHANGED: Mapped(ENTITY, UPDATE, LOW),
    Action.RESOURCE_ENDED: Mapped(ENTITY, 11, LOW),
    Action.RESOURCES_IMPORTED: Mapped(ENTITY, UPDATE, LOW),
    Action.AGENT_ROLE_ADDED: Mapped(ENTITY, CREATE, LOW),
    Action.AGENT_ROLE_CHANGED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.AGENT_ROLE_ENDED: Mapped(ENTITY, 11, LOW),
    Action.AGENT_ROLES_IMPORTED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.THIRD_PARTY_ADDED: Mapped(ENTITY, CREATE),
    Action.THIRD_PARTY_CHANGED: Mapped(ENTITY, UPDATE, LOW),
    Action.THIRD_PARTY_ENDED: Mapped(ENTITY, 11, LOW),
    Action.INSTANCE_STARTED: Mapped(ENTITY, 10),
    Action.INSTANCE_ENDED: Mapped(ENTITY, 11),
    Action.INSTANCE_PROVISIONED: Mapped(ENTITY, 1),
    Action.INSTANCE_KEY_ROTATED: Mapped(ENTITY, UPDATE),
    Action.INSTANCE_KEY_ENDED: Mapped(ENTITY, 11),
    Action.INSTANCE_DEPROVISIONED: Mapped(ENTITY, 4),
    Action.APPROVAL_REQUESTED: Mapped(ENTITY, CREATE),
    Action.APPROVAL_OPENED: Mapped(ENTITY, READ),
    Action.APPROVAL_VOTED: Mapped(ENTITY, UPDATE),
    Action.APPROVAL_REMINDED: Mapped(ENTITY, UPDATE),
    Action.APPROVAL_RESOLVED: Mapped(ENTITY, UPDATE, LOW),
    Action.APPROVAL_WITHDRAWN: Mapped(ENTITY, UPDATE, LOW),
    Action.ELEVATION_REQUESTED: Mapped(ENTITY, CREATE, LOW),
    Action.ENFORCEMENT_POINT_ADDED: Mapped(ENTITY, CREATE, LOW),
    Action.ENFORCEMENT_POINT_ROTATED: Mapped(ENTITY, UPDATE, LOW),
    Action.ENFORCEMENT_POINT_REVOKED: Mapped(ENTITY, 11, MEDIUM),
    Action.ENFORCEMENT_POINT_DECLARED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.ENFORCEMENT_POINT_ACKNOWLEDGED: Mapped(ENTITY, UPDATE),
    Action.ENFORCEMENT_POINT_STALE: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.ENFORCEMENT_POINT_RETURNED: Mapped(ENTITY, UPDATE),
    Action.ENFORCEMENT_POINT_PROBE_STARTED: Mapped(ENTITY, READ),
    Action.ENFORCEMENT_POINT_PROBED: Mapped(ENTITY, READ, failure=HIGH),
    Action.SCIM_CLIENT_ADDED: Mapped(ENTITY, CREATE, LOW),
    Action.SCIM_CLIENT_ROTATED: Mapped(ENTITY, UPDATE, LOW),
    Action.SCIM_CLIENT_REVOKED: Mapped(ENTITY, 11, MEDIUM),
    Action.PIPELINE_ADDED: Mapped(ENTITY, CREATE, LOW),
    Action.PIPELINE_ROTATED: Mapped(ENTITY, UPDATE, LOW),
    Action.PIPELINE_REVOKED: Mapped(ENTITY, 11, MEDIUM),
    Action.POLICY_APPLIED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.POLICY_DRAFTED: Mapped(ENTITY, CREATE),
    Action.POLICY_EDITED: Mapped(ENTITY, UPDATE),
    Action.POLICY_VALIDATED: Mapped(ENTITY, UPDATE),
    Action.POLICY_REPLAYED: Mapped(ENTITY, UPDATE),
    Action.POLICY_SHADOW_STARTED: Mapped(ENTITY, UPDATE),
    Action.POLICY_SHADOW_ENDED: Mapped(ENTITY, UPDATE),
    Action.POLICY_PROPOSED: Mapped(ENTITY, UPDATE, LOW),
    Action.POLICY_VOTED: Mapped(ENTITY, UPDATE, LOW),
    Action.POLICY_ROLLED_BACK: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.POLICY_WITHDRAWN: Mapped(ENTITY, UPDATE, LOW),
    Action.EGRESS_CHANGED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.EGRESS_EXCEPTION_ADDED: Mapped(ENTITY, CREATE, MEDIUM),
    Action.EGRESS_EXCEPTION_ENDED: Mapped(ENTITY, 11, LOW),
    Action.ENDPOINT_ADDED: Mapped(ENTITY, CREATE, LOW),
    Action.ENDPOINT_CHANGED: Mapped(ENTITY, UPDATE, LOW),
    Action.BREAKER_OPENED: Mapped(ENTITY, 11, MEDIUM),
    Action.BREAKER_HALF_OPENED: Mapped(ENTITY, UPDATE, LOW),
    Action.BREAKER_CLOSED: Mapped(ENTITY, 10, LOW),
    Action.ANOMALY_RULE_CHANGED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.KEY_CREATED: Mapped(ENTITY, CREATE, LOW),
    Action.KEY_ROTATED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.HOLD_PLACED: Mapped(ENTITY, CREATE, LOW),
    Action.HOLD_RELEASED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.CASE_OPENED: Mapped(ENTITY, CREATE, LOW),
    Action.CASE_AMENDED: Mapped(ENTITY, UPDATE),
    Action.CASE_CLOSED: Mapped(ENTITY, UPDATE, LOW),
    Action.DOCUMENT_ATTACHED: Mapped(ENTITY, CREATE),
    Action.RETENTION_CHANGED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.RISK_CLASS_CHANGED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.IMPACT_ASSESSMENT_BEGUN: Mapped(ENTITY, CREATE),
    Action.IMPACT_ASSESSMENT_WRITTEN: Mapped(ENTITY, UPDATE),
    Action.IMPACT_ASSESSMENT_SIGNED: Mapped(ENTITY, UPDATE, LOW),
    Action.IMPACT_ASSESSMENT_WITHDRAWN: Mapped(ENTITY, UPDATE, LOW),
    Action.MITIGATION_CLOSED: Mapped(ENTITY, UPDATE),
    Action.HISTORY_ADOPTED: Mapped(ENTITY, UPDATE),
    # Who may do what: 1 Assign Privileges, 2 Revoke Privileges.
    Action.SEAT_ASSIGNED: Mapped(PRIVILEGES, 1, LOW),
    Action.SEAT_ENDED: Mapped(PRIVILEGES, 2, LOW),
    Action.SEAT_CHAIR_ASSIGNED: Mapped(PRIVILEGES, 1, LOW),
    Action.GRANT_ADDED: Mapped(PRIVILEGES, 1, LOW),
    Action.GRANT_ENDED: Mapped(PRIVILEGES, 2),
    Action.ROLE_ASSIGNED: Mapped(PRIVILEGES, 1, LOW),
    Action.ROLE_ASSIGNMENT_ENDED: Mapped(PRIVILEGES, 2),
    Action.SCOPE_EXCEPTION_GRANTED: Mapped(PRIVILEGES, 1, MEDIUM),
    Action.SCOPE_EXCEPTION_ENDED: Mapped(PRIVILEGES, 2),
    Action.ELEVATION_REVISED: Mapped(ENTITY, UPDATE, LOW),
    Action.ACCESS_REQUEST_REFUSED: Mapped(AUTHENTICATION, 1, MEDIUM),
    Action.GRANT_SHRINK_PROPOSED: Mapped(PRIVILEGES, OTHER, LOW, "Propose to shrink a grant"),
    Action.GRANT_SHRUNK: Mapped(PRIVILEGES, 2),
    Action.GRANT_SHRINK_DECLINED: Mapped(PRIVILEGES, OTHER, LOW, "Keep a grant as it is"),
    Action.ELEVATION_STARTED: Mapped(SESSION, 1, MEDIUM),
    Action.GLASS_BROKEN: Mapped(SESSION, 1, HIGH),
    Action.GLASS_REVIEWED: Mapped(ENTITY, UPDATE, MEDIUM),
    Action.GLASS_ACCOUNT_LOCKED: Mapped(ENTITY, UPDATE, HIGH),
    Action.ELEVATION_ENDED: Mapped(PRIVILEGES, 2),
    # Credentials of one call: 4 Service Ticket Request, 1 Logon.
    Action.CREDENTIAL_MINTED: Mapped(AUTHENTICATION, 4),
    Action.CREDENTIAL_USED: Mapped(AUTHENTICATION, 1),
    Action.CREDENTIAL_REFUSED: Mapped(AUTHENTICATION, 1, MEDIUM),
    Action.CREDENTIAL_REVOKED: Mapped(AUTHENTICATION, OTHER, LOW, "Revoked"),
    Action.TOKEN_REFUSED: Mapped(AUTHENTICATION, 1, MEDIUM),
    Action.SIGNING_KEY_ROTATED: Mapped(ENTITY, UPDATE, LOW),
    Action.SECRET_ADDED: Mapped(ENTITY, CREATE, LOW),
    Action.SECRET_CHANGED: Mapped(ENTITY, UPDATE, LOW),
    Action.SECRET_ENDED: Mapped(ENTITY, 11, LOW),
    Action.SECRET_ALLOWED: Mapped(PRIVILEGES, 1, LOW),
    Action.SECRET_DISALLOWED: Mapped(PRIVILEGES, 2, LOW),
    Action.SECRET_READ: Mapped(API, READ),
    Action.SECRET_CHECKED: Mapped(API, READ),
    Action.SECRET_BREACHED: Mapped(ENTITY, UPDATE, HIGH),
    Action.SECRET_LEASES_ENDED: Mapped(PRIVILEGES, 2, MEDIUM),
    Action.SECRET_ROTATION_ASKED: Mapped(ENTITY, UPDATE, LOW),
    Action.SECRET_ROTATED: Mapped(ENTITY, UPDATE, LOW),
    Action.SECRET_VERSION_ENDED: Mapped(ENTITY, UPDATE, LOW),
    Action.PIPELINE_REFUSED: Mapped(AUTHENTICATION, 1, MEDIUM),
    Action.ENFORCEMENT_POINT_REFUSED: Mapped(AUTHENTICATION, 1, MEDIUM),
    Action.SCIM_CLIENT_REFUSED: Mapped(AUTHENTICATION, 1, MEDIUM),
    Action.API_TOKEN_REFUSED: Mapped(AUTHENTICATION, 1, MEDIUM),
    # What agents and the portal do: 1 Create, 2 Read, 3 Update, 4 Delete.
    Action.DECISION_MADE: Mapped(EVALUATION, OTHER, activity="Access evaluation"),
    Action.DECISION_SEARCHED: Mapped(API, READ),
    Action.OUTCOME_RECORDED: Mapped(API, UPDATE),
    Action.EGRESS_ATTEMPTED: Mapped(API, OTHER, activity="Egress"),
    Action.EGRESS_ENDED: Mapped(API, OTHER, activity="Egress ended"),
    Action.REPORT_INGESTED: Mapped(API, CREATE),
    Action.RUN_QUEUED: Mapped(API, CREATE),
    Action.RUN_STARTED: Mapped(API, UPDATE),
    Action.RUN_ENDED: Mapped(API, UPDATE),
    Action.MODEL_ANSWERED: Mapped(API, OTHER, activity="Model call"),
    Action.FUNCTION_CALLED: Mapped(API, OTHER, activity="Function call"),
    Action.ACTION_PROPOSED: Mapped(API, CREATE, LOW),
    Action.ACTION_QUEUED: Mapped(API, UPDATE),
    Action.ACTION_RESOLVED: Mapped(API, UPDATE),
    Action.TICKET_OPENED: Mapped(API, CREATE),
    Action.TICKET_NOTED: Mapped(API, UPDATE),
    Action.VULNERABILITIES_LOADED: Mapped(API, UPDATE),
    # Findings: 1 Create.
    Action.TEST_RECORDED: Mapped(COMPLIANCE, CREATE),
    Action.GATE_SIGNED: Mapped(COMPLIANCE, CREATE),
    Action.GATE_SIGNATURE_REVOKED: Mapped(COMPLIANCE, CREATE, LOW),
    Action.GATE_ASKED: Mapped(COMPLIANCE, CREATE, failure=LOW),
    Action.RISK_ASSESSED: Mapped(COMPLIANCE, CREATE),
    Action.RISK_OVERRIDE_REQUESTED: Mapped(COMPLIANCE, UPDATE, LOW),
    Action.RISK_OVERRIDDEN: Mapped(COMPLIANCE, UPDATE, MEDIUM),
    Action.FINDING_ASSESSED: Mapped(DETECTION, CREATE),
    Action.EGRESS_ANOMALY_FOUND: Mapped(DETECTION, CREATE, MEDIUM),
    Action.EGRESS_ANOMALY_CLOSED: Mapped(DETECTION, UPDATE, LOW),
    # The ledger itself, and evidence that leaves it.
    Action.LEDGER_DECLARED: Mapped(DETECTION, CREATE, HIGH),
    Action.KEY_REPLACED: Mapped(DETECTION, CREATE, HIGH),
    Action.LEDGER_VERIFIED: Mapped(COMPLIANCE, CREATE, failure=CRITICAL),
    Action.VERIFICATION_REQUESTED: Mapped(API, CREATE),
    Action.ANCHOR_CHECKED: Mapped(COMPLIANCE, CREATE, failure=HIGH),
    Action.LEDGER_READ: Mapped(API, READ),
    Action.SUBJECT_SEARCHED: Mapped(API, READ, LOW),
    Action.SUBJECT_EXPORTED: Mapped(API, READ, MEDIUM),
    Action.SUBJECT_ERASED: Mapped(API, DELETE, MEDIUM),
    Action.BODY_REDACTED: Mapped(API, DELETE, MEDIUM),
    Action.SEGMENT_PRUNED: Mapped(API, DELETE, MEDIUM),
    Action.EGRESS_PRUNED: Mapped(API, DELETE),
    Action.BUNDLE_REQUESTED: Mapped(API, CREATE),
    Action.BUNDLE_BUILT: Mapped(API, CREATE),
    Action.BUNDLE_DOWNLOADED: Mapped(API, READ, LOW),
    Action.SINK_REPLAYED: Mapped(API, READ, LOW),
}
