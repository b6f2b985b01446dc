"""What was scanned, and what is open in it: the reports of one target by one tool, side by side."""

from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest

from agents.admin.counts import count_of, show_counts
from agents.admin.origins import SCANNER
from agents.admin.standing import show_standing
from agents.choices import LABELS
from agents.models import Exposure, Finding, Report, ScannedTarget
from audits.admin.base import ReadOnlyAdmin, Section
from audits.admin.show import (
    foreign_column,
    link_column,
    show_choice,
    show_foreign,
    show_link,
    show_time,
    time_column,
)

OPEN = Section(
    name="open",
    title="Open problems",
    model=Exposure,
    rows=lambda target: target.exposures.filter(gone_at__isnull=True),
    columns={
        "Problem": show_link,
        "First seen": lambda exposure: show_time(exposure.first_seen),
        "Last seen": lambda exposure: show_time(exposure.last_seen),
    },
    empty="Nothing is open: the newest scan found nothing.",
)
GONE = Section(
    name="gone",
    title="Gone",
    model=Exposure,
    rows=lambda target: target.exposures.filter(gone_at__isnull=False).order_by("-gone_at"),
    columns={
        "Problem": show_link,
        "First seen": lambda exposure: show_time(exposure.first_seen),
        "Gone": lambda exposure: show_time(exposure.gone_at),
    },
    empty="Nothing that was found is gone yet.",
)
REPORTS = Section(
    name="reports",
    title="Scans",
    model=Report,
    rows=lambda target: target.reports.order_by("-scanned_at"),
    columns={
        "Scanned": lambda report: show_link(report, f"{report.scanned_at:%Y-%m-%d %H:%M} UTC"),
        "As the scanner counts": lambda report: show_counts(report.counts),
        "Ingested": lambda report: show_time(report.ingested_at),
    },
    empty="No report yet.",
)
FOUND = Section(
    name="findings",
    title="Found in these scans",
    model=Finding,
    rows=lambda exposure: exposure.findings.select_related("report").order_by("-report__scanned_at"),
    columns={
        "Scanned": lambda finding: show_link(finding, f"{finding.report.scanned_at:%Y-%m-%d %H:%M} UTC"),
        "Component": lambda finding: show_foreign(
            f"{finding.component_name} {finding.component_version}".strip(), SCANNER
        ),
        "Scanner says": lambda finding: show_choice(finding, "severity", LABELS),
        "Report": lambda finding: show_link(finding.report),
    },
    empty="No scan found it.",
)


@admin.register(ScannedTarget)
class ScannedTargetAdmin(ReadOnlyAdmin):
    """Targets: what is open in each, what is gone, and its scans."""

    ledger_kind = "target"
    list_title = "Targets"
    untrusted_text = "Names of targets are the reports' words: untrusted text."
    empty_text = "No target yet. Targets come with the reports that name them."
    list_display = ("name_text", "format", "open_total", "gone_total", "scans_total")
    list_filter = ("format",)
    search_fields = ("name", "tool")
    search_help_text = "Target, tool"
    fieldsets = ((None, {"fields": (("name_text", "tool_text"), ("format", "scans_total"))}),)
    sections = (OPEN, GONE, REPORTS)

    name_text = foreign_column("name", SCANNER, "target")
    tool_text = foreign_column("tool", SCANNER, "tool")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ScannedTarget]:
        targets: QuerySet[ScannedTarget] = super().get_queryset(request)
        return targets.annotate(
            open_number=count_of(Exposure, "target", leaving_out={"gone_at__isnull": False}),
            gone_number=count_of(Exposure, "target", leaving_out={"gone_at__isnull": True}),
            scans_number=count_of(Report, "scanned_target"),
        )

    @admin.display(description="open")
    def open_total(self, target: Any) -> int:
        number: int = target.open_number
        return number

    @admin.display(description="gone")
    def gone_total(self, target: Any) -> int:
        number: int = target.gone_number
        return number

    @admin.display(description="scans")
    def scans_total(self, target: Any) -> int:
        number: int = target.scans_number
        return number


@admin.register(Exposure)
class ExposureAdmin(ReadOnlyAdmin):
    """Problems: each of a target's, from the first scan that found it to the first that did not."""

    list_title = "Problems"
    untrusted_text = "Titles are the scanners' words: untrusted text."
    empty_text = "No problem yet. Problems come with the findings of reports that name their target."
    list_display = ("title_text", "target_link", "standing", "first", "last")
    ordering = (F("gone_at").asc(nulls_first=True), "-first_seen")
    list_select_related = ("target",)
    search_fields = ("title", "target__name")
    search_help_text = "Problem, target"
    fieldsets = ((None, {"fields": ("title_text", ("target_link", "standing"), ("first", "last"))}),)
    sections = (FOUND,)

    title_text = foreign_column("title", SCANNER, "problem")
    target_link = link_column("target", "target")
    first = time_column("first_seen", "first seen")
    last = time_column("last_seen", "last seen")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Exposure]:
        exposures: QuerySet[Exposure] = super().get_queryset(request)
        return exposures.select_related("target")

    @admin.display(description="standing", ordering="gone_at")
    def standing(self, exposure: Exposure) -> Any:
        return show_standing(exposure)
