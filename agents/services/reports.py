"""Bringing a scanner's report in."""

import hashlib
from pathlib import PurePath

from django.conf import settings
from django.db import IntegrityError, transaction

from agents import permissions
from agents.choices import ReportFormat
from agents.models import Agent, Finding, Report
from agents.reports import reading, shape
from agents.reports.shape import ParsedFinding, ParsedReport, ReportError
from agents.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.actor import Actor
from audits.choices import Action
from audits.services import ledger

BATCH = 1000
FILE_NAME = 255


def ingest(
    *,
    actor: Actor,
    file_name: str,
    content: bytes,
    format: str = reading.AUTO,  # noqa: A002 - the word of the API and the model
    agent: Agent | None = None,
) -> tuple[Report, bool]:
    """Read a report and store it with its findings; the same bytes are one report (S0-12).

    Returns the report, and whether it is new: if not, nothing was changed. The event goes to the
    stream of `agent`, where one will work on it, else to `system`. A report of counts only
    (`summary`) yields no findings.

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
        if format not in (reading.AUTO, known.format):
            label = ReportFormat(known.format).label
            raise ReportError(f"known already, as {label}: leave the format out.", file_name=name)
        return known, False
    found, parsed = reading.read(name, content, named=format, max_bytes=settings.REPORT_MAX_BYTES)
    report = Report(
        format=found,
        scanner=parsed.scanner,
        target=parsed.target or shape.cut(name, shape.TARGET),
        file_name=name,
        sha256=sha256,
        size=len(content),
        counts=parsed.counts,
        ingested_by=actor.ref,
    )
    try:
        _store(report, parsed, actor, stream)
    except IntegrityError:
        # Somebody else brought the same bytes at the same moment.
        known = Report.objects.filter(sha256=sha256).first()
        if known is None:
            raise
        return known, False
    return report, True


def _store(report: Report, parsed: ParsedReport, actor: Actor, stream: str) -> None:
    with transaction.atomic():
        report.save(force_insert=True)
        rows = (_row(report, place, finding) for place, finding in enumerate(parsed.findings))
        Finding.objects.bulk_create(rows, batch_size=BATCH)
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
                "findings": len(parsed.findings),
                "counts": dict(report.counts),
                "sha256": report.sha256,
                "size": report.size,
            },
        )


def _row(report: Report, position: int, finding: ParsedFinding) -> Finding:
    return Finding(
        report=report,
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
