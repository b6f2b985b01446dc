"""What OCSF 1.7.0 says of the classes and objects that we send, as far as our records go.

Read from the schema's sources, github.com/ocsf/ocsf-schema, version 1.7.0 (commit dc6359b49cd3): the
files `events/**/<class>.json` with what they extend (`iam`, `application`, `finding`, `system`,
`base_event`), `objects/*.json`, and the enumerations of `dictionary.json`.
"""

from dataclasses import dataclass, field
from typing import Any

VERSION = "1.7.0"
BASE_REQUIRED = {
    "activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid",
}  # fmt: skip
BASE = BASE_REQUIRED | {
    "activity_name", "category_name", "class_name", "count", "duration", "end_time", "enrichments", "message",
    "observables", "raw_data", "raw_data_hash", "raw_data_size", "severity", "start_time", "status",
    "status_code", "status_detail", "status_id", "timezone_offset", "type_name", "unmapped",
}  # fmt: skip
# What a profile adds, for events that name it in metadata.profiles (profiles/host.json).
PROFILES = {"host": {"actor", "device"}}


@dataclass(frozen=True, slots=True)
class Class:
    """`allowed` and `required` beside the base event's; `activities` beside 0 Unknown and 99 Other."""

    category: int
    name: str
    required: frozenset[str]
    allowed: frozenset[str]
    activities: range
    statuses: frozenset[int] = frozenset({0, 1, 2, 99})
    at_least_one: frozenset[str] = frozenset()
    just_one: frozenset[str] = frozenset()


IAM = {"actor", "http_request", "http_response", "src_endpoint"}
FINDING = {
    "comment", "confidence", "confidence_id", "confidence_score", "device", "finding_info",
}  # fmt: skip
FINDING_STATUSES = frozenset({0, 1, 2, 3, 4, 5, 6, 99})

CLASSES = {
    1008: Class(
        1, "Event Log Activity", frozenset({"actor", "device"}),
        frozenset({
            "dst_endpoint", "file", "log_name", "log_provider", "log_type", "log_type_id", "src_endpoint",
        }),
        range(1, 11),
        at_least_one=frozenset({"log_file", "log_name", "log_provider", "log_type", "log_type_id"}),
    ),
    2003: Class(
        2, "Compliance Finding", frozenset({"finding_info", "compliance"}),
        frozenset(FINDING | {"evidences", "remediation", "resource", "resources"}),
        range(1, 4), FINDING_STATUSES,
    ),
    2004: Class(
        2, "Detection Finding", frozenset({"finding_info"}),
        frozenset(FINDING | {"evidences", "is_alert", "remediation", "resources", "vulnerabilities"}),
        range(1, 4), FINDING_STATUSES,
    ),
    3001: Class(
        3, "Account Change", frozenset({"user"}),
        frozenset(IAM | {"auth_factors", "policies", "policy", "user_result"}), range(1, 13),
    ),
    3002: Class(
        3, "Authentication", frozenset({"user"}),
        frozenset(IAM | {
            "auth_protocol", "auth_protocol_id", "authentication_token", "certificate", "dst_endpoint",
            "is_cleartext", "is_mfa", "is_new_logon", "is_remote", "logon_process", "logon_type",
            "logon_type_id", "service", "session",
        }),
        range(1, 8), at_least_one=frozenset({"service", "dst_endpoint"}),
    ),
    3003: Class(
        3, "Authorize Session", frozenset({"user"}),
        frozenset(IAM | {"dst_endpoint", "group", "privileges", "session"}),
        range(1, 3), just_one=frozenset({"privileges", "group"}),
    ),
    3004: Class(
        3, "Entity Management", frozenset({"entity"}),
        frozenset(IAM | {"access_list", "access_mask", "comment", "entity_result"}), range(1, 14),
    ),
    3005: Class(
        3, "User Access Management", frozenset({"privileges", "user"}),
        frozenset(IAM | {"resource", "resources"}), range(1, 3),
    ),
    6003: Class(
        6, "API Activity", frozenset({"actor", "api", "src_endpoint"}),
        frozenset({"dst_endpoint", "http_request", "http_response", "resources", "trace"}), range(1, 5),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Object:
    required: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    at_least_one: frozenset[str] = frozenset()
    enums: dict[str, frozenset[int]] = field(default_factory=dict)


NAMED = frozenset({"name", "uid"})
ENTITY_TYPES = frozenset({*range(8), 99})
USER = Object(
    allowed=frozenset({"name", "uid", "type", "type_id", "account", "full_name", "email_addr", "groups"}),
    at_least_one=frozenset({"account", "name", "uid"}),
    enums={"type_id": frozenset({0, 1, 2, 3, 4, 99})},
)
ENDPOINT = frozenset({"ip", "uid", "name", "hostname", "instance_uid", "interface_uid", "interface_name"})
RESOURCE = Object(
    allowed=frozenset({"name", "uid", "type", "labels", "role", "role_id", "owner", "version"}),
    at_least_one=NAMED,
)

OBJECTS = {
    "metadata": Object(
        required=frozenset({"product", "version"}),
        allowed=frozenset({
            "uid", "sequence", "log_name", "log_provider", "event_code", "logged_time", "original_time",
            "correlation_uid", "is_truncated", "untruncated_size", "labels", "profiles", "tenant_uid",
        }),
    ),
    "metadata.product": Object(
        allowed=frozenset({"name", "uid", "vendor_name", "version", "feature", "lang", "path", "url_string"}),
        at_least_one=NAMED,
    ),
    "actor": Object(
        allowed=frozenset({"user", "app_name", "app_uid", "authorizations", "session", "process"}),
        at_least_one=frozenset({"process", "user", "invoked_by", "session", "app_name", "app_uid"}),
    ),
    "actor.user": USER,
    "user": USER,
    "actor.authorizations": Object(allowed=frozenset({"decision", "policy"})),
    "actor.authorizations.policy": Object(
        allowed=frozenset({"name", "uid", "version", "type", "desc", "group", "is_applied"}),
        at_least_one=frozenset({"name", "type", "uid"}),
    ),
    "api": Object(
        required=frozenset({"operation"}),
        allowed=frozenset({"group", "request", "response", "service", "version"}),
    ),
    "api.service": Object(allowed=frozenset({"name", "uid", "version", "labels"}), at_least_one=NAMED),
    "service": Object(allowed=frozenset({"name", "uid", "version", "labels"}), at_least_one=NAMED),
    "src_endpoint": Object(
        allowed=ENDPOINT | {"svc_name", "port", "type", "type_id"},
        at_least_one=ENDPOINT | {"svc_name", "domain"},
    ),
    "device": Object(
        required=frozenset({"type_id"}),
        allowed=ENDPOINT | {"type", "os", "domain"},
        at_least_one=ENDPOINT,
        enums={"type_id": frozenset({*range(16), 99})},
    ),
    "entity": Object(
        allowed=frozenset({"name", "uid", "type", "type_id", "version", "policy", "user", "data"}),
        at_least_one=frozenset({"name", "uid", "device", "group", "org", "policy", "user"}),
        enums={"type_id": ENTITY_TYPES},
    ),
    "session": Object(
        allowed=frozenset({"uid", "issuer", "created_time", "expiration_time", "is_remote", "credential_uid"})
    ),
    "finding_info": Object(
        required=frozenset({"uid"}),
        allowed=frozenset({"title", "desc", "created_time", "analytic", "types", "related_events"}),
    ),
    "finding_info.analytic": Object(
        required=frozenset({"type_id"}),
        allowed=frozenset({"name", "uid", "type", "category", "desc", "version"}),
        at_least_one=NAMED,
        enums={"type_id": frozenset({*range(12), 99})},
    ),
    "compliance": Object(
        allowed=frozenset({"control", "standards", "status", "status_id", "requirements", "desc"}),
        enums={"status_id": frozenset({0, 1, 2, 3, 99})},
    ),
    "resources": RESOURCE,
}  # fmt: skip
SEVERITIES = frozenset({0, 1, 2, 3, 4, 5, 6, 99})


def faults(event: dict[str, Any]) -> list[str]:
    """What the schema does not allow in `event`, in words; empty where nothing."""
    uid = event.get("class_uid")
    kind = CLASSES.get(uid) if isinstance(uid, int) else None
    if kind is None:
        return [f"no class {uid}"]
    activity = event["activity_id"]
    checks = {
        "category": event["category_uid"] == kind.category,
        "name": event["class_name"] == kind.name,
        "type_uid": event["type_uid"] == int(str(uid)) * 100 + int(str(activity)),
        "activity": activity in (0, 99) or activity in kind.activities,
        "activity is named": activity != 99 or bool(event.get("activity_name")),
        "severity": event["severity_id"] in SEVERITIES,
        "status": event.get("status_id", 0) in kind.statuses,
        "at least one": not kind.at_least_one or bool(kind.at_least_one & event.keys()),
        "just one": not kind.just_one or len(kind.just_one & event.keys()) == 1,
    }
    wrong = [name for name, holds in checks.items() if not holds]
    wrong += [f"lacks {name}" for name in (BASE_REQUIRED | kind.required) - event.keys()]
    allowed = BASE | kind.required | kind.allowed
    for profile in event["metadata"].get("profiles", ()):
        allowed |= PROFILES[profile]
    wrong += [f"unknown {name}" for name in event.keys() - allowed]
    for name, value in event.items():
        wrong += _object_faults(name, value)
    return wrong


def _object_faults(path: str, value: object) -> list[str]:
    if isinstance(value, list):
        return [fault for item in value for fault in _object_faults(path, item)]
    if not isinstance(value, dict) or path == "unmapped":
        return []
    if path not in OBJECTS:
        return [f"unknown object {path}"]
    known = OBJECTS[path]
    wrong = [f"{path} lacks {name}" for name in known.required - value.keys()]
    wrong += [f"{path} has unknown {name}" for name in value.keys() - known.required - known.allowed]
    if known.at_least_one and not known.at_least_one & value.keys():
        wrong.append(f"{path} has none of {sorted(known.at_least_one)}")
    wrong += [
        f"{path}.{name} is {value[name]}"
        for name, allowed in known.enums.items()
        if name in value and value[name] not in allowed
    ]
    for name, inner in value.items():
        wrong += _object_faults(f"{path}.{name}", inner)
    return wrong
