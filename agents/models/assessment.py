from django.db import models

from agents.choices import AnalysisReason, AnalysisState, LookupOutcome, Severity
from audits.models.base import Row


class Assessment(Row):
    """What one run made of one finding; a failed analysis is kept with its reason."""

    finding = models.ForeignKey("agents.Finding", on_delete=models.CASCADE, related_name="assessments")
    run = models.ForeignKey("agents.Run", on_delete=models.CASCADE, related_name="assessments")
    state = models.CharField(max_length=16, choices=AnalysisState)
    reason = models.CharField(max_length=32, choices=AnalysisReason)
    detail = models.TextField(blank=True)
    planner = models.CharField(max_length=200, help_text="Who says so: a named model, or embedded rules.")
    severity = models.CharField(max_length=16, choices=Severity, blank=True)
    confidence = models.CharField(max_length=8, blank=True, help_text="0.00 to 1.00, as text.")
    reasoning = models.TextField(blank=True)
    recommendation = models.TextField(blank=True)
    nvd_outcome = models.CharField(max_length=16, choices=LookupOutcome, blank=True)
    nvd_reason = models.TextField(blank=True, help_text="Why there is no NVD record, where there is none.")
    nvd_facts = models.JSONField(default=dict)
    compliance_impact = models.JSONField(
        default=dict, help_text="standards_affected, required_controls, compliance_status (S0-13)."
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-at",)
        constraints = (models.UniqueConstraint("run", "finding", name="one_assessment_per_run"),)

    def __str__(self) -> str:
        return f"{self.get_severity_display() or 'Failed'}: {self.finding}"
