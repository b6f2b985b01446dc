from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.safestring import SafeString

from agents.admin.comparison import comparison_of
from agents.admin.counts import count_of, show_counts
from agents.admin.origins import SCANNER
from agents.admin.report_form import ReportForm
from agents.admin.running import MayRun, run_dialog
from agents.admin.standing import show_standing
from agents.admin.who import show_who
from agents.choices import LABELS
from agents.models import Exposure, Finding, Report, Run
from agents.services import reports
from audits.admin.base import AddByService, DialogForm, Done, Section
from audits.admin.reader import actor_of
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    digest_column,
    foreign_column,
    link_column,
    show_choice,
    show_foreign,
    show_label,
    show_link,
    show_list,
    show_time,
    time_column,
)


def _assessed(finding: Finding) -> SafeString:
    newest = next(iter(finding.assessments.all()), None)
    if newest is None:
        return EMPTY
    return show_choice(newest, "severity", LABELS) if newest.severity else show_label("Failed", "danger")


def _standing(finding: Finding) -> SafeString:
    """New in this scan, or since when: and where nothing is left to do, what the report says of it."""
    if finding.vex_state:
        return show_choice(finding, "vex_state", LABELS)
    if finding.exposure is None:
        return EMPTY
    if finding.exposure.first_seen == finding.report.scanned_at:
        return show_label("New", "info")
    return show_time(finding.exposure.first_seen)


NEW = Section(
    name="new",
    title="New since the scan before",
    model=Exposure,
    rows=lambda report: comparison_of(report).new,
    columns={
        "Problem": show_link,
        "First seen": lambda exposure: show_time(exposure.first_seen),
        "Standing today": show_standing,
    },
    empty="Nothing is new, or there is no scan before this one.",
)
GONE = Section(
    name="gone",
    title="Gone since the scan before",
    model=Exposure,
    rows=lambda report: comparison_of(report).gone,
    columns={
        "Problem": show_link,
        "First seen": lambda exposure: show_time(exposure.first_seen),
        "Standing today": show_standing,
    },
    empty="Nothing is gone, or there is no scan before this one.",
)
RUNS = Section(
    name="runs",
    title="Runs",
    model=Run,
    rows=lambda report: report.runs.select_related("agent"),
    columns={
        "Run": lambda run: show_link(run, f"by {run.agent}"),
        "State": lambda run: show_choice(run, "state", LABELS),
        "Reason": lambda run: run.get_reason_display(),
        "Queued": lambda run: show_time(run.queued_at),
        "Ended": lambda run: show_time(run.ended_at),
    },
    empty="No agent has worked through this report yet.",
)
FINDINGS = Section(
    name="findings",
    title="Findings",
    model=Finding,
    rows=lambda report: report.findings.select_related("exposure", "report").prefetch_related("assessments"),
    columns={
        "Finding": lambda finding: show_link(finding, finding.vulnerability_id or finding.title),
        "Component": lambda finding: show_foreign(
            f"{finding.component_name} {finding.component_version}", SCANNER
        ),
        "Scanner says": lambda finding: show_choice(finding, "severity", LABELS),
        "Since": _standing,
        "Assessed": _assessed,
        "Fixed in": lambda finding: show_foreign(finding.fixed_version, SCANNER),
        "Other ids": lambda finding: show_list(finding.vulnerability_ids[1:]),
    },
    empty="The report holds no findings.",
    per_page=25,
)


@admin.register(Report)
class ReportAdmin(MayRun, AddByService):
    """Scanner reports as they were read, with their findings; the form brings one in."""

    ledger_kind = "report"
    untrusted_text = "Targets, scanners and file names are the report's own words: untrusted text."

    add_form = ReportForm
    add_title = "Bring a report"
    add_description = (
        "A scanner's report. The same file twice changes nothing; a newer scan of the same target shows "
        "what is new and what is gone. A large report takes some seconds to read."
    )
    add_submit = "Bring it"
    empty_text = "No report was ingested yet. Add one here, or run `manage.py ingest FILE`."
    list_display = ("target_text", "format_name", "scanner_text", "severities", "findings_total", "ingested")
    list_filter = ("format",)
    search_fields = ("target", "scanner", "file_name", "sha256")
    search_help_text = "Target, scanner, file, SHA-256"
    fieldsets = (
        (None, {"fields": ("target_text", ("format_name", "scanner_text"), "severities", "notes_text")}),
        ("Compared with the scan before", {"fields": (("target_link", "scanned"), ("compared", "before"))}),
        ("File", {"fields": (("file_text", "bytes"), "sha256_full", ("ingested", "ingester"))}),
    )
    sections = (NEW, GONE, FINDINGS, RUNS)
    actions_detail = ("run_analyst",)

    target_text = foreign_column("target", SCANNER, "target")
    scanner_text = foreign_column("scanner", SCANNER, "scanner")
    file_text = foreign_column("file_name", "whoever sent the file", "file")
    notes_text = foreign_column("notes", SCANNER, "not read")
    target_link = link_column("scanned_target", "target")
    scanned = time_column("scanned_at", "scanned")
    ingested = time_column("ingested_at", "ingested")
    sha256_full = digest_column("sha256", "SHA-256", full=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        reports: QuerySet[Report] = super().get_queryset(request)
        return reports.annotate(findings_number=count_of(Finding, "report"))

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        given = form.cleaned_data
        report, new = reports.ingest(
            actor=actor_of(request),
            file_name=given["report"].name,
            content=given["report"].read(),
            format=given["format"],
            agent=given["agent"],
            target=given["target"],
        )
        if not new:
            return report, "This report was here already; nothing changed."
        number = report.findings.count()
        return report, f"{number} finding{'' if number == 1 else 's'} read from {report.file_name}."

    @run_dialog("Run the analyst")
    def run_analyst(self, request: HttpRequest, form: DialogForm, object_id: str) -> Done:
        return self.let_it_run(request, row_of(Report.objects.all(), object_id))

    @admin.display(description="the scan before")
    def before(self, report: Report) -> SafeString:
        return show_link(comparison_of(report).earlier)

    @admin.display(description="new, still there, gone")
    def compared(self, report: Report) -> SafeString:
        return comparison_of(report).in_words

    @admin.display(description="ingested by")
    def ingester(self, report: Report) -> str:
        return show_who(report.ingested_by)

    @admin.display(description="format", ordering="format")
    def format_name(self, report: Report) -> str:
        return report.get_format_display()

    @admin.display(description="findings")
    def findings_total(self, report: Any) -> int:
        number: int = report.findings_number
        return number

    @admin.display(description="size", ordering="size")
    def bytes(self, report: Report) -> str:
        return filesizeformat(report.size)

    @admin.display(description="as the scanner counts")
    def severities(self, report: Report) -> SafeString:
        return show_counts(report.counts)
