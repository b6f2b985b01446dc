"""What a `cve` object of the NVD API 2.0 says, as facts. Pure: no ORM, no clock, no I/O."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

CVE_ID = re.compile(r"CVE-[0-9]{4}-[0-9]{4,19}")
CWE_ID = re.compile(r"CWE-[0-9]{1,6}")
NVD_SOURCE = "nvd@nist.gov"
MAX_REFERENCES = 5

# Of `metrics` only these hold CVSS; other keys (SSVC, whatever comes next) are other things.
METRIC_KEYS = ("cvssMetricV40", "cvssMetricV31", "cvssMetricV30", "cvssMetricV2")


class RecordError(ValueError):
    """Not a `cve` object of the NVD API 2.0; the message says what is missing."""


class NvdFacts(BaseModel):
    """What NVD says about one CVE. Scores are text, as published ("9.8"); "" is: NVD says nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cve_id: str
    status: str
    description: str
    cvss_version: str
    cvss_score: str
    cvss_vector: str
    severity: str
    cwes: list[str]
    published: str
    last_modified: str
    kev: bool
    kev_added: str
    references: list[str]
    source: str


def facts(cve: object, *, source: str) -> NvdFacts:
    """The facts in a `cve` object; `source` says where the object came from.

    The description is the first English one. The score is the preferred one: NVD's own Primary
    before another Primary before Secondary, and of equals CVSS 4.0 before 3.1, 3.0 and 2.0. A CVE is
    in CISA's Known Exploited Vulnerabilities catalogue where `cisaExploitAdd` is given.

    Raises:
        RecordError: not such an object.
    """
    record = checked(cve)
    metric = _preferred_metric(record)
    data = _mapping(metric.get("cvssData"))
    added = _text(record.get("cisaExploitAdd"))
    return NvdFacts(
        cve_id=record["id"],
        status=_text(record.get("vulnStatus")),
        description=_description(record),
        cvss_version=_text(data.get("version")),
        cvss_score=_score(data.get("baseScore")),
        cvss_vector=_text(data.get("vectorString")),
        severity=_text(data.get("baseSeverity") or metric.get("baseSeverity")).lower(),
        cwes=_cwes(record),
        published=_text(record.get("published")),
        last_modified=_text(record.get("lastModified")),
        kev=bool(added),
        kev_added=added,
        references=_references(record),
        source=source,
    )


def checked(cve: object) -> Mapping[str, Any]:
    """The object itself, once it has an id, a date of change, and lists where lists belong.

    Raises:
        RecordError: it has not.
    """
    if not isinstance(cve, dict):
        raise RecordError("a record is a JSON object (`cve` of the NVD API 2.0)")
    name = cve.get("id")
    if not isinstance(name, str) or not CVE_ID.fullmatch(name):
        raise RecordError(f"`id` is not a CVE id: {str(name)[:40]!r}")
    if not _text(cve.get("lastModified")):
        raise RecordError(f"{name} has no `lastModified`")
    if not isinstance(cve.get("descriptions"), list):
        raise RecordError(f"{name} has no list of `descriptions`")
    if not isinstance(cve.get("metrics", {}), dict):
        raise RecordError(f"the `metrics` of {name} are not an object")
    return cve


def _description(record: Mapping[str, Any]) -> str:
    texts = list(_mappings(record.get("descriptions")))
    english = (entry for entry in texts if _text(entry.get("lang")).lower().startswith("en"))
    return _text(next(english, {}).get("value"))


def _preferred_metric(record: Mapping[str, Any]) -> Mapping[str, Any]:
    metrics = _mapping(record.get("metrics"))
    found = [metric for key in METRIC_KEYS for metric in _mappings(metrics.get(key))]
    scored = [metric for metric in found if _mapping(metric.get("cvssData")).get("vectorString")]
    return min(scored, key=_distance, default={})


def _distance(metric: Mapping[str, Any]) -> int:
    if metric.get("type") != "Primary":
        return 2
    return int(metric.get("source") != NVD_SOURCE)


def _score(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return ""
    return f"{value:.1f}"


def _cwes(record: Mapping[str, Any]) -> list[str]:
    named = (
        _text(description.get("value"))
        for weakness in _mappings(record.get("weaknesses"))
        for description in _mappings(weakness.get("description"))
    )
    return list(dict.fromkeys(name for name in named if CWE_ID.fullmatch(name)))


def _references(record: Mapping[str, Any]) -> list[str]:
    urls = (_text(reference.get("url")) for reference in _mappings(record.get("references")))
    return [url for url in urls if url.startswith(("https://", "http://"))][:MAX_REFERENCES]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> Iterator[Mapping[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())
