"""What becomes of a target's problems from scan to scan: new, still there, gone, back again.

Scans have their order by the time at which they were made, not by that at which their reports came: a
report that arrives late takes its place among the others, and reopens nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from agents.models import Exposure, Finding, Report, ScannedTarget

BATCH = 1000
NAMED = 200


@dataclass(frozen=True, slots=True)
class Change:
    """What one report changed; `gone_ids` and `returned_ids` name the first of them."""

    target: str
    new: int
    kept: int
    returned: int
    gone: int
    returned_ids: list[str]
    gone_ids: list[str]


def target_of(*, name: str, format: str, tool: str) -> ScannedTarget:  # noqa: A002 - the model's word
    """The target of this name as this tool sees it, locked until the transaction ends."""
    key = hashlib.sha256(json.dumps([format, tool, name]).encode()).hexdigest()
    target, _ = ScannedTarget.objects.get_or_create(
        key=key, defaults={"name": name, "format": format, "tool": tool}
    )
    return ScannedTarget.objects.select_for_update(no_key=True).get(pk=target.pk)


def open_exposures(*, report: Report, problems: Mapping[str, str]) -> tuple[dict[str, Exposure], int]:
    """The exposures of these problems (identity to title), made where there are none; and how many were.

    To be followed by `settle_dates`, once the report's findings are stored.
    """
    known = {one.identity: one for one in Exposure.objects.filter(target=report.scanned_target)}
    at, later = report.scanned_at, _next_scan(report)
    missing = [
        Exposure(
            target=report.scanned_target,
            identity=identity,
            title=title,
            first_seen=at,
            last_seen=at,
            gone_at=later,
        )
        for identity, title in problems.items()
        if identity not in known
    ]
    Exposure.objects.bulk_create(missing, batch_size=BATCH)
    known.update((one.identity, one) for one in missing)
    return known, len(missing)


def settle_dates(*, report: Report, new: int) -> Change:
    """Put the dates of all the target's exposures right, now that this scan is among its scans."""
    at, later = report.scanned_at, _next_scan(report)
    of_target = Exposure.objects.filter(target=report.scanned_target)
    found = of_target.filter(Exists(Finding.objects.filter(report=report, exposure=OuterRef("pk"))))
    returned = found.filter(last_seen__lt=at, gone_at__lte=at)
    returned_ids, returned_number = _names(returned), returned.count()
    found.filter(first_seen__gt=at).update(first_seen=at)
    found.filter(last_seen__lt=at).update(last_seen=at, gone_at=later)
    # Whatever this scan found was last seen in it or later: what was last seen before is not in it.
    gone = of_target.filter(Q(gone_at__isnull=True) | Q(gone_at__gt=at), last_seen__lt=at)
    gone_ids, gone_number = _names(gone), gone.count()
    gone.update(gone_at=at)
    return Change(
        target=f"target/{report.scanned_target_id}",
        new=new,
        kept=found.count() - new - returned_number,
        returned=returned_number,
        gone=gone_number,
        returned_ids=returned_ids,
        gone_ids=gone_ids,
    )


def _next_scan(report: Report) -> datetime | None:
    """The scan after this one, where its report came earlier."""
    others = Report.objects.filter(scanned_target=report.scanned_target, scanned_at__gt=report.scanned_at)
    return others.order_by("scanned_at").values_list("scanned_at", flat=True).first()


def _names(exposures: QuerySet[Exposure]) -> list[str]:
    return [str(pk) for pk in exposures.order_by("pk").values_list("pk", flat=True)[:NAMED]]
