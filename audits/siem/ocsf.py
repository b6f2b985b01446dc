"""OCSF 1.7.0 (schema.ocsf.io): each action of the ledger as an event of the class that fits it best.

`ocsf_mapping.MAPPING` is the whole table; a test holds it against the actions there are, and every record
against the schema's requirements.
"""

from audits.choices import Outcome
from audits.siem.ocsf_mapping import CRITICAL, FINDINGS, MAPPING, UNKNOWN, Class, Mapped, Told, user_of
from audits.siem.record import PRODUCT, PRODUCT_VERSION, VENDOR, Record, json_line, milliseconds

VERSION = "1.7.0"
SUCCESS, FAILURE = 1, 2
FINDING_NEW = 1


def line(record: Record) -> bytes:
    """One line, without its end."""
    return json_line(fields(record))


def fields(record: Record) -> Told:
    """The record as an OCSF event."""
    mapped = mapped_of(record)
    kind = mapped.kind
    told: Told = {
        "category_uid": kind.category,
        "class_uid": kind.uid,
        "class_name": kind.name,
        "activity_id": mapped.activity_id,
        "type_uid": kind.uid * 100 + mapped.activity_id,
        "time": milliseconds(record.time),
        "severity_id": severity(record),
        "status_id": _status(record, kind),
        "status_code": record.outcome,
        "message": f"{record.action} {record.object}: {record.outcome}",
        "metadata": _metadata(record),
        "actor": {"user": user_of(record.actor, record.actor_name), "app_name": PRODUCT},
        **kind.attributes(record),
        "raw_data": record.entry,
        "unmapped": _unmapped(record),
    }
    if mapped.activity:
        told["activity_name"] = mapped.activity
    return told


def mapped_of(record: Record) -> Mapped:
    """What is not in the table is told all the same: nothing is dropped for want of a class."""
    return MAPPING.get(record.action, UNKNOWN)


def severity(record: Record) -> int:
    """As the table has it; what was denied or failed weighs more than its success, and is medium at least."""
    mapped = mapped_of(record)
    if record.outcome == Outcome.SUCCESS:
        return mapped.severity
    return min(max(mapped.severity + 1, mapped.failure), CRITICAL)


def _status(record: Record, kind: Class) -> int:
    """A finding's status is where work on it stands; every other class says whether it succeeded."""
    if kind.category == FINDINGS:
        return FINDING_NEW
    return SUCCESS if record.outcome == Outcome.SUCCESS else FAILURE


def _metadata(record: Record) -> Told:
    told: Told = {
        "version": VERSION,
        "product": {"name": PRODUCT, "vendor_name": VENDOR, "version": PRODUCT_VERSION},
        "uid": record.uid,
        "sequence": record.seq,
        "log_name": record.origin,
        "log_provider": f"{PRODUCT} ledger",
        "event_code": record.action,
        "logged_time": milliseconds(record.sealed_at),
        "original_time": str(record.header.get("time", record.time.isoformat())),
    }
    if trace := record.header.get("trace"):
        told["correlation_uid"] = trace
    if record.withheld:
        told["is_truncated"] = True
    if mapped_of(record).kind.category == FINDINGS:
        told["profiles"] = ["host"]  # it gives findings their actor
    return told


def _unmapped(record: Record) -> Told:
    """What proves the record and has no place in the schema. Foreign text is below `payload` alone."""
    told: Told = {
        "ledger": {
            "seq": record.seq,
            "stream": record.stream,
            "stream_seq": record.number,
            "leaf": record.leaf,
        },
        "object": record.object,
    }
    for name in ("evaluation", "policy", "provenance", "frameworks"):
        if value := record.header.get(name):
            told[name] = value
    if record.checkpoint:
        told["checkpoint"] = record.checkpoint
    if record.payload is not None:
        told["payload"] = record.payload
    if record.withheld:
        told["payload_withheld"] = record.withheld
    return told
