"""The one question everybody asks: what does NVD say about this CVE? (S0-6)"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from agents import strict_json
from agents.choices import LookupOutcome, RecordSource
from agents.models import Vulnerability
from agents.nvd import client, records
from agents.nvd.records import NvdFacts
from agents.outbound import OutboundError


@dataclass(frozen=True, slots=True)
class NvdAnswer:
    """What came of the lookup.

    `reason` says in words why there are no facts, or what to know about them (a stale record); ""
    where nothing needs saying. `source` says where the facts come from. `temporary`: asking again
    later can help.
    """

    outcome: LookupOutcome
    reason: str
    source: str
    facts: NvdFacts | None
    temporary: bool = False


def lookup(cve_id: str, *, key: client.Key | None = None) -> NvdAnswer:
    """What NVD says about `cve_id`; never raises for what NVD or the network does.

    In this order: a fresh record of ours (fetched within `NVD_MAX_AGE_HOURS`; of the mirror, however
    old, where the product is offline), NVD's API where `NVD_ONLINE`, an older record of ours with a
    note, else `UNAVAILABLE` with the reason. No transaction may be open where the API is asked. `key` gives
    the API key then; what it raises is raised.
    """
    if not records.CVE_ID.fullmatch(cve_id):
        return _unavailable(f"{cve_id[:40]!r} is not a CVE id, and NVD lists nothing else.")
    known = Vulnerability.objects.filter(pk=cve_id).first()
    if known is not None and _is_fresh(known):
        return _found(known)
    if not settings.NVD_ONLINE:
        return _without_nvd(cve_id, known, "the product is offline (COUNTERSIGN_NVD_ONLINE=false)")
    try:
        cve = client.fetch(cve_id, key=key)
    except OutboundError as error:
        return _without_nvd(cve_id, known, error.message, temporary=error.temporary)
    if cve is None:
        return NvdAnswer(
            LookupOutcome.NOT_FOUND, f"NVD has no record of {cve_id}.", RecordSource.API.label, None
        )
    stored, _ = Vulnerability.objects.update_or_create(
        cve_id=cve_id,
        defaults={
            "record": strict_json.storable(cve),
            "source": RecordSource.API,
            "last_modified": strict_json.storable(cve["lastModified"])[:32],
            "fetched_at": timezone.now(),
        },
    )
    return _found(stored)


def _is_fresh(known: Vulnerability) -> bool:
    if known.source == RecordSource.MIRROR and not settings.NVD_ONLINE:
        return True
    return timezone.now() - known.fetched_at <= timedelta(hours=settings.NVD_MAX_AGE_HOURS)


def _found(known: Vulnerability, reason: str = "", *, temporary: bool = False) -> NvdAnswer:
    source = f"{RecordSource(known.source).label}, {known.fetched_at:%Y-%m-%d %H:%M} UTC"
    try:
        found = records.facts(known.record, source=source)
    except records.RecordError as error:
        return _unavailable(f"The stored record of {known.cve_id} is not understood: {error}.")
    return NvdAnswer(LookupOutcome.FOUND, reason, source, found, temporary)


def _without_nvd(cve_id: str, known: Vulnerability | None, why: str, *, temporary: bool = False) -> NvdAnswer:
    why = why.rstrip(".")
    if known is not None:
        note = f"NVD was not reached ({why}); this record of ours is from {known.fetched_at:%Y-%m-%d}."
        return _found(known, note, temporary=temporary)
    return _unavailable(
        f"NVD could not be asked about {cve_id}: {why}. The local mirror has no record of it; load one "
        "with `manage.py nvd load FILE`.",
        temporary=temporary,
    )


def _unavailable(reason: str, *, temporary: bool = False) -> NvdAnswer:
    return NvdAnswer(LookupOutcome.UNAVAILABLE, reason, "", None, temporary)
