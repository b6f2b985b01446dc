"""Scanners' reports (S0-12)."""

from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser

from agents.api.parsing import RawFile
from agents.choices import ReportFormat
from agents.models import Agent, Report
from agents.reports import reading
from agents.services import reports
from audits.api.base import OVERHEAD_BYTES, Filter, Given, GrowingCollection, Input, Item, Shown

FORMATS = [(reading.AUTO, "Found by itself"), *ReportFormat.choices]


class ReportShown(Shown):
    counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = Report
        fields = (
            "id",
            "format",
            "scanner",
            "target",
            "scanned_target",
            "scanned_at",
            "notes",
            "file_name",
            "sha256",
            "size",
            "counts",
            "ingested_by",
            "ingested_at",
        )


class AboutReport(Input):
    """What goes with a report: as members of the form, or as query parameters beside a raw body."""

    format = serializers.ChoiceField(FORMATS, default=reading.AUTO)
    target = serializers.CharField(max_length=500, allow_blank=True, default="")
    agent = serializers.SlugRelatedField(slug_field="slug", queryset=Agent.objects.all(), default=None)


class ReportGiven(AboutReport):
    report = serializers.FileField(allow_empty_file=True)


class Reports(GrowingCollection[Report]):
    """The reports that were read. The same bytes are one report: sent again, they change nothing.

    The body is a form with the file in it, or the file itself.
    """

    title, add_title = "List reports", "Bring a report"
    permission, adding, item = "agents.view_report", "agents.add_report", "report"
    shown, given = ReportShown, ReportGiven
    parser_classes = (MultiPartParser, RawFile)
    filters = {
        "format": Filter(serializers.ChoiceField(ReportFormat.choices), "format"),
        "sha256": Filter(serializers.CharField(max_length=64), "sha256"),
        "scanned_target": Filter(serializers.UUIDField(), "scanned_target"),
    }
    max_body_bytes = settings.REPORT_MAX_BYTES + OVERHEAD_BYTES

    def rows(self) -> QuerySet[Report]:
        return Report.objects.all()

    def add_fields(self) -> "dict[str, serializers.Field[Any, Any, Any, Any]]":
        return {"file_name": serializers.CharField(max_length=255, default="report"), **AboutReport().fields}

    def take(self) -> Given:
        content: Any = self.request.data
        if not isinstance(content, bytes):
            given = super().take()
            file = given.pop("report")
            return given | {"file_name": file.name, "content": file.read()}
        others = {
            name: field.get_default() for name, field in self.add_fields().items() if name not in self.asked
        }
        return self.asked | others | {"content": content}

    def add(self, given: Given) -> Report:
        report, _is_new = reports.ingest(actor=self.actor, **given)
        return report


class OneReport(Item[Report]):
    """A report, without its findings: they are a list of their own."""

    title = "Read a report"
    permission, shown = "agents.view_report", ReportShown

    def rows(self) -> QuerySet[Report]:
        return Report.objects.all()
