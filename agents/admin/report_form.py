"""The form that brings a scanner's report in."""

from typing import Any

from django import forms
from django.conf import settings
from django.template.defaultfilters import filesizeformat

from agents.choices import ReportFormat
from agents.models import Agent
from agents.reports import reading
from audits.admin.base import ServiceForm


class ReportForm(ServiceForm):
    """The input of `reports.ingest`."""

    report = forms.FileField(allow_empty_file=True, label="Report")
    format = forms.ChoiceField(
        choices=[(reading.AUTO, "Found by itself"), *ReportFormat.choices],
        initial=reading.AUTO,
        required=False,
        help_text="Name it where it cannot be told from another.",
    )
    target = forms.CharField(
        max_length=500,
        required=False,
        help_text="What was scanned, where the report does not say it. Scans of one target are compared.",
    )
    agent = forms.ModelChoiceField(
        queryset=Agent.objects.order_by("name"),
        required=False,
        help_text="Which agent will work on it: its ledger then says so.",
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        most = filesizeformat(settings.REPORT_MAX_BYTES)
        words = f"JSON, XML or CSV as the scanner wrote it, not packed; at most {most}."
        self.fields["report"].help_text = words

    def clean_format(self) -> str:
        return self.cleaned_data["format"] or reading.AUTO

    def clean_report(self) -> Any:
        """Refused before it is read into memory."""
        given = self.cleaned_data["report"]
        if given.size > settings.REPORT_MAX_BYTES:
            most = filesizeformat(settings.REPORT_MAX_BYTES)
            raise forms.ValidationError(
                f"{given.name} is {filesizeformat(given.size)} long, and at most {most} are read. "
                "Scan in parts, or raise the setting COUNTERSIGN_REPORT_MAX_BYTES."
            )
        return given
