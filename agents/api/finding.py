"""What scanners found, and what the analyst made of it."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.choices import FindingCategory, Severity, VexState
from agents.models import Assessment, Finding
from audits.api.base import Collection, Filter, Item, Shown


def _texts() -> "serializers.Field[Any, Any, Any, Any]":
    return serializers.ListField(child=serializers.CharField(), read_only=True)


class AssessmentShown(Shown):
    nvd_facts = serializers.DictField(read_only=True)
    compliance_impact = serializers.DictField(read_only=True)

    class Meta:
        model = Assessment
        fields = (
            "id",
            "run",
            "state",
            "reason",
            "detail",
            "planner",
            "severity",
            "confidence",
            "reasoning",
            "recommendation",
            "nvd_outcome",
            "nvd_reason",
            "nvd_facts",
            "compliance_impact",
            "at",
        )


class FindingShown(Shown):
    """All of it is the scanner's text: untrusted."""

    vulnerability_ids, cvss_vectors, cwes = _texts(), _texts(), _texts()

    class Meta:
        model = Finding
        fields = (
            "id",
            "report",
            "position",
            "vulnerability_ids",
            "title",
            "description",
            "severity",
            "component_name",
            "component_version",
            "fixed_version",
            "purl",
            "location",
            "cvss_vectors",
            "cwes",
            "category",
            "rule_id",
            "vex_state",
            "exposure",
        )


class FindingWithAssessments(FindingShown):
    assessments = AssessmentShown(many=True, read_only=True)

    class Meta(FindingShown.Meta):
        fields = (*FindingShown.Meta.fields, "assessments")  # type: ignore[assignment]


class Findings(Collection[Finding]):
    """Findings of all reports. Their text is the scanners' and untrusted."""

    title = "List findings"
    permission, shown = "agents.view_finding", FindingShown
    filters = {
        "report": Filter(serializers.UUIDField(), "report"),
        "severity": Filter(serializers.ChoiceField(Severity.choices), "severity"),
        "category": Filter(serializers.ChoiceField(FindingCategory.choices), "category"),
        "vex_state": Filter(serializers.ChoiceField(VexState.choices), "vex_state"),
        "exposure": Filter(serializers.UUIDField(), "exposure"),
    }

    def rows(self) -> QuerySet[Finding]:
        return Finding.objects.all()


class OneFinding(Item[Finding]):
    """A finding, with what each run made of it."""

    title = "Read a finding"
    permission, shown = "agents.view_finding", FindingWithAssessments

    def rows(self) -> QuerySet[Finding]:
        return Finding.objects.prefetch_related("assessments")
