"""Reads: how releases stand at the promotion gate, of many at once (S1-18)."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Func, IntegerField, OuterRef, QuerySet, Subquery
from django.utils import timezone

from agents.choices import RunState, VersionTestOutcome
from agents.models import AgentInstance, Run, VersionTest
from governance import release_gate
from governance.models import Decision, Release

DONE = (RunState.COMPLETED, RunState.FAILED)


def why_not_promote(releases: Collection[Release]) -> dict[UUID, list[str]]:
    """What the promotion gate says now of each, by release; an empty list where it may go on."""
    work = {
        **_work("candidate", "version", "gte", "step_at"),
        **_work("active", "previous", "lt", "started_at"),
    }
    rows = Release.objects.filter(pk__in=[release.pk for release in releases]).annotate(**work)
    failed = _failed_tests({release.version_id for release in releases})
    now = timezone.now()
    return {
        row.pk: release_gate.why_not_promote(
            release_gate.Facts(
                candidate=_read(row, "candidate"),
                active=_read(row, "active"),
                failed_tests=failed.get(row.version_id, ()),
                at_step=now - row.step_at,
                soak=timedelta(hours=settings.RELEASE_SOAK_HOURS),
                tolerance=settings.RELEASE_TOLERANCE_PERCENT / 100,
            )
        )
        for row in rows
    }


def _work(name: str, version: str, compare: str, moment: str) -> Mapping[str, Any]:
    """What was decided for the copies of a version since or until that moment, and how its runs ended."""
    copies = AgentInstance.objects.filter(version=OuterRef(OuterRef(version))).values("pk")
    decisions = Decision.objects.filter(
        instance_id__in=copies, **{f"decided_at__{compare}": OuterRef(moment)}
    )
    runs = Run.objects.filter(
        version=OuterRef(version), state__in=DONE, **{f"ended_at__{compare}": OuterRef(moment)}
    )
    return {
        f"{name}_decisions": _counted(decisions),
        f"{name}_denied": _counted(decisions.filter(allowed=False)),
        f"{name}_runs": _counted(runs),
        f"{name}_failed": _counted(runs.filter(state=RunState.FAILED)),
    }


def _counted(rows: QuerySet[Any]) -> Subquery:
    """How many, as one value: `Count` would group them."""
    number = Func(F("pk"), function="COUNT", output_field=IntegerField())
    return Subquery(rows.order_by().annotate(number=number).values("number"))


def _read(row: Any, name: str) -> release_gate.Work:
    return release_gate.Work(
        *(getattr(row, f"{name}_{what}") for what in ("decisions", "denied", "runs", "failed"))
    )


def _failed_tests(versions: Collection[UUID]) -> Mapping[UUID, tuple[str, ...]]:
    """The suites whose newest run on a version failed, by kind and name."""
    newest: dict[UUID, dict[tuple[str, str], VersionTest]] = defaultdict(dict)
    for test in VersionTest.objects.filter(version__in=versions).order_by("ended_at", "pk"):
        newest[test.version_id][test.kind, test.suite] = test
    return {
        version: tuple(str(test) for test in tests.values() if test.outcome == VersionTestOutcome.FAILED)
        for version, tests in newest.items()
    }
