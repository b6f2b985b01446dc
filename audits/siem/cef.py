r"""ArcSight Common Event Format (CEF:0), as Micro Focus' implementation standard, revision 25, has it.

Header fields escape `\` and `|`; extension values escape `\`, `=` and line ends. What else could end a
line or hide in one (control characters, U+2028 …) becomes U+FFFD: CEF has no way to write it.
"""

import json
import re
from collections.abc import Mapping

from audits.choices import Outcome
from audits.siem.ocsf import severity
from audits.siem.record import PRODUCT, PRODUCT_VERSION, VENDOR, Record, milliseconds

_unwritable = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# OCSF's severities, 1 to 5, on CEF's scale from 0 to 10.
SEVERITIES = {1: 2, 2: 4, 3: 6, 4: 8, 5: 10}
OUTCOMES = {Outcome.SUCCESS.value: "success"}


def line(record: Record) -> bytes:
    """One line of UTF-8, without its end."""
    head = (
        "CEF:0", VENDOR, PRODUCT, PRODUCT_VERSION, record.action, _in_words(record.action),
        str(SEVERITIES[severity(record)]),
    )  # fmt: skip
    extension = " ".join(f"{key}={_value(value)}" for key, value in _extension(record).items() if value)
    return f"{'|'.join(map(_head, head))}|{extension}".encode()


def _extension(record: Record) -> Mapping[str, str]:
    """Keys of CEF's own dictionary; numbered custom ones carry a label."""
    header = record.header
    payload = "" if record.payload is None else json.dumps(record.payload, separators=(",", ":"))
    return {
        "rt": str(milliseconds(record.time)),
        "externalId": record.uid,
        "act": record.action,
        "outcome": OUTCOMES.get(record.outcome, "failure"),
        "reason": record.outcome,
        "suid": record.actor,
        "suser": record.actor_name,
        "dvchost": record.origin.partition("/")[0],
        "cat": record.stream,
        "fileId": record.object,
        "cn1Label": "ledgerSeq",
        "cn1": str(record.seq),
        "cn2Label": "streamSeq",
        "cn2": str(record.number),
        "cs1Label": "ledgerLeaf",
        "cs1": record.leaf,
        "cs2Label": "ledgerOrigin",
        "cs2": record.origin,
        "cs3Label": "ledgerEntry",
        "cs3": record.entry,
        **_labelled("cs4", "checkpoint", record.checkpoint),
        **_labelled("cs4", "trace", str(header.get("trace", ""))),
        **_labelled("cs5", "frameworks", ",".join(header.get("frameworks", ()))),
        **_labelled("cs6", "payload", payload or (record.withheld and f"withheld: {record.withheld}")),
    }


def _labelled(key: str, label: str, value: str) -> dict[str, str]:
    return {f"{key}Label": label, key: value} if value else {}


def _in_words(action: str) -> str:
    return action.replace(".", " ").replace("_", " ").capitalize()


def _head(text: str) -> str:
    cleaned = re.sub(r"[\r\n]", " ", _unwritable.sub("\ufffd", text))
    return cleaned.replace("\\", "\\\\").replace("|", "\\|")


def _value(text: str) -> str:
    escaped = _unwritable.sub("\ufffd", text).replace("\\", "\\\\").replace("=", "\\=")
    return escaped.replace("\r", "\\r").replace("\n", "\\n")
