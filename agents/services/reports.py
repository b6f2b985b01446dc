"""Bringing a scanner's report in."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import PurePath

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from agents import permissions
from agents.choices import SETTLED, ReportFormat
from agents.models import Agent, Exposure, Finding, Report
from agents.reports import reading, shape
from agents.reports.shape import ParsedFinding, ParsedReport, ReportError
from agents.services import history
from audits.actor import Actor
from audits.choices import Action
from audits.services import ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

BATCH = 1000
FILE_NAME = 255
Progress = Callable[[int, int], None]


def ingest(
    *,
    actor: Actor,
    file_name: str,
    content: bytes,
    format: str = reading.AUTO,  # noqa: A002 - the word of the API and the model
    agent: Agent | None = None,
    target: str = "",
    progress: Progress | None = None,
) -> tuple[Report, bool]:
    """Read a report and store it with its findings; the same bytes are one report (S0-12).

    Returns the report, and whether it is new: if not, nothing was changed. The event goes to the
    stream of `agent`, where one will work on it, else to `system`. A report of counts only
    (`summary`) yields no findings.

    Args:
        target: what was scanned, where the report does not say it or other words are wanted. Reports
            about the same target by the same tool are compared; one that names none is not.
        progress: called with how many findings of how many are stored.

    Raises:
        ReportError: it cannot be read (too long, empty, not of a known format, …); nothing is stored.
        Denied: the actor may not bring reports; recorded.
    """
    stream = agent.stream if agent is not None else SYSTEM_STREAM
    with attempt(action=Action.REPORT_INGESTED, actor=actor, stream=stream, object="reports"):
        refuse(permissions.why_not_ingest(actor))
    sha256 = hashlib.sha256(content).hexdigest()
    name = shape.cut(PurePath(file_name).name, FILE_NAME) or "report"
    known = Report.objects.filter(sha256=sha256).first()
    if known is not None:
        if not reading.may_be(format, known.format):
            label = ReportFormat(known.format).label
            raise ReportError(f"known already, as {label}: leave the format out.", file_name=name)
        return known, False
    found, parsed = reading.read(name, content, named=format, max_bytes=settings.REPORT_MAX_BYTES)
    named = shape.cut(target, shape.TARGET) or parsed.target
    now = timezone.now()
    report = Report(
        format=found,
        scanner=parsed.scanner,
        target=named or shape.cut(name, shape.TARGET),
        # A scan of the future would keep every later one from counting as newer.
        scanned_at=min(parsed.scanned_at or now, now),
        notes=parsed.notes,
        file_name=name,
        sha256=sha256,
        size=len(content),
        counts=parsed.counts,
        ingested_by=actor.ref,
    )
    try:
        _store(report, parsed, actor, stream, target=named, progress=progress)
    except IntegrityError:
        # Somebody else brought the same bytes at the same moment.
        known = Report.objects.filter(sha256=sha256).first()
        if known is None:
            raise
        return known, False
    return report, True


def _store(
    report: Report, parsed: ParsedReport, actor: Actor, stream: str, *, target: str, progress: Progress | None
) -> None:
    with transaction.atomic():
        if target and not parsed.stated_counts:
            report.scanned_target = history.target_of(name=target, format=report.format, tool=parsed.tool)
        report.save(force_insert=True)
        exposures: dict[str, Exposure] = {}
        identities = [_tracked(finding) for finding in parsed.findings]
        if report.scanned_target is not None:
            titles = zip(identities, (finding.title for finding in parsed.findings), strict=True)
            problems = {identity: title for identity, title in titles if identity}
            exposures, new = history.open_exposures(report=report, problems=problems)
        for start in range(0, len(identities), BATCH):
            part = range(start, min(start + BATCH, len(identities)))
            Finding.objects.bulk_create(
                _row(report, place, parsed.findings[place], exposures.get(identities[place]))
                for place in part
            )
            if progress is not None:
                progress(part.stop, len(identities))
        change = history.settle_dates(report=report, new=new) if report.scanned_target is not None else None
        ledger.record(
            stream=stream,
            action=Action.REPORT_INGESTED,
            actor=actor,
            object=f"report/{report.pk}",
            body={
                "file_name": report.file_name,
                "target": report.target,
                "format": ReportFormat(report.format).value,
                "scanner": report.scanner,
                "scanned_at": report.scanned_at.isoformat(),
                "findings": len(parsed.findings),
                "counts": dict(report.counts),
                "sha256": report.sha256,
                "size": report.size,
                "history": asdict(change) if change is not None else {},
            },
        )


def _tracked(finding: ParsedFinding) -> str:
    """What later scans find it by; empty for what its report says nothing is left to do about."""
    return "" if finding.vex_state in SETTLED else finding.identity


def _row(report: Report, position: int, finding: ParsedFinding, exposure: Exposure | None) -> Finding:
    return Finding(
        report=report,
        exposure=exposure,
        vex_state=finding.vex_state or "",
        position=position,
        vulnerability_ids=list(finding.vulnerability_ids),
        title=finding.title,
        description=finding.description,
        severity=finding.severity,
        component_name=finding.component_name,
        component_version=finding.component_version,
        fixed_version=finding.fixed_version,
        purl=finding.purl,
        location=finding.location,
        cvss_vectors=list(finding.cvss_vectors),
        cwes=list(finding.cwes),
        category=finding.category,
        rule_id=finding.rule_id,
    )
