from typing import Any

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from agents.admin.origins import SCANNER
from agents.admin.running import MayRun, run_dialog
from agents.admin.who import show_who
from agents.choices import LABELS, Severity
from agents.models import Finding, Report, Run
from audits.admin.base import DialogForm, Done, ReadOnlyAdmin, Section
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    digest_column,
    foreign_column,
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
    rows=lambda report: report.findings.prefetch_related("assessments"),
    columns={
        "Finding": lambda finding: show_link(finding, finding.vulnerability_id or finding.title),
        "Component": lambda finding: show_foreign(
            f"{finding.component_name} {finding.component_version}", SCANNER
        ),
        "Scanner says": lambda finding: show_choice(finding, "severity", LABELS),
        "Assessed": _assessed,
        "Fixed in": lambda finding: show_foreign(finding.fixed_version, SCANNER),
        "Other ids": lambda finding: show_list(finding.vulnerability_ids[1:]),
    },
    empty="The report holds no findings.",
    per_page=25,
)


@admin.register(Report)
class ReportAdmin(MayRun, ReadOnlyAdmin):
    """Scanner reports as they were read, with their findings."""

    ledger_kind = "report"
    untrusted_text = "Targets, scanners and file names are the report's own words: untrusted text."

    empty_text = "No report was ingested yet. Run `manage.py ingest FILE --agent vulnerability-analyst`."
    list_display = ("target", "format_name", "scanner_text", "severities", "findings_total", "ingested")
    list_filter = ("format",)
    search_fields = ("target", "scanner", "file_name", "sha256")
    search_help_text = "Target, scanner, file, SHA-256"
    fieldsets = (
        (None, {"fields": ("target_text", ("format_name", "scanner_text"), "severities")}),
        ("File", {"fields": (("file_text", "bytes"), "sha256_full", ("ingested", "ingester"))}),
    )
    sections = (FINDINGS, RUNS)
    actions_detail = ("run_analyst",)

    target_text = foreign_column("target", SCANNER, "target")
    scanner_text = foreign_column("scanner", SCANNER, "scanner")
    file_text = foreign_column("file_name", "whoever sent the file", "file")
    ingested = time_column("ingested_at", "ingested")
    sha256_full = digest_column("sha256", "SHA-256", full=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Report]:
        reports: QuerySet[Report] = super().get_queryset(request)
        return reports.annotate(findings_number=count_of(Finding, "report"))

    @run_dialog("Run the analyst")
    def run_analyst(self, request: HttpRequest, form: DialogForm, object_id: str) -> Done:
        return self.let_it_run(request, row_of(Report.objects.all(), object_id))

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


def count_of(model: Any, field: str, outer: str = "pk") -> Coalesce:
    """How many rows of `model` point here, as a subquery: counted only for the rows that are shown."""
    rows = model.objects.filter(**{field: OuterRef(outer)}).order_by().values(field)
    counted = Subquery(rows.annotate(number=Count("pk")).values("number"), output_field=IntegerField())
    return Coalesce(counted, 0)


def show_counts(counts: dict[str, int]) -> SafeString:
    """Findings by severity, the worst first; severities without findings are left out."""
    labels = [
        (show_label(f"{counts[severity]} {severity.label}", LABELS[severity]),)
        for severity in Severity
        if counts.get(severity)
    ]
    return format_html_join(" ", "{}", labels) if labels else EMPTY
