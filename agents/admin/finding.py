from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agents.admin.origins import NVD, SCANNER
from agents.admin.planner import show_planner
from agents.admin.standing import show_standing
from agents.choices import LABELS, ComplianceStatus, LookupOutcome
from agents.models import Assessment, Finding, ProposedAction, Ticket, Vulnerability
from audits.admin.base import ReadOnlyAdmin, Section
from audits.admin.show import (
    choice_column,
    foreign_column,
    link_column,
    show_choice,
    show_facts,
    show_foreign,
    show_label,
    show_link,
    show_list,
    show_time,
    show_untrusted,
    untrusted_column,
)
from audits.visible import visible

STATUS_COLOURS = {
    ComplianceStatus.COMPLIANT: "success",
    ComplianceStatus.AT_RISK: "warning",
    ComplianceStatus.NON_COMPLIANT: "danger",
}
PROPOSALS = Section(
    name="proposals",
    title="Proposed actions",
    model=ProposedAction,
    rows=lambda finding: finding.proposals.select_related("agent", "finding", "run"),
    columns={
        "Action": show_link,
        "Agent": lambda proposal: show_link(proposal.agent),
        "Run": lambda proposal: show_link(proposal.run, "the run"),
        "State": lambda proposal: show_choice(proposal, "state", LABELS),
        "Proposed": lambda proposal: show_time(proposal.proposed_at),
    },
    empty="No agent asked to write anything because of this finding.",
)
TICKETS = Section(
    name="tickets",
    title="Tickets",
    model=Ticket,
    rows=lambda finding: finding.tickets.all(),
    columns={
        "Ticket": show_link,
        "Title": lambda ticket: show_foreign(ticket.title, ticket.opened_by),
        "State": lambda ticket: show_choice(ticket, "state", LABELS),
        "Opened": lambda ticket: show_time(ticket.opened_at),
    },
    empty="No ticket is open for it.",
)


SCANS = Section(
    name="scans",
    title="In which scans of the target",
    model=Finding,
    rows=lambda finding: (
        Finding.objects.filter(exposure=finding.exposure_id)
        .select_related("report")
        .order_by("-report__scanned_at", "position")
        if finding.exposure_id
        else Finding.objects.none()
    ),
    columns={
        "Scan": lambda finding: show_link(finding, f"{finding.report.scanned_at:%Y-%m-%d %H:%M} UTC"),
        "Component": lambda finding: show_foreign(
            f"{finding.component_name} {finding.component_version}".strip(), SCANNER
        ),
        "Scanner says": lambda finding: show_choice(finding, "severity", LABELS),
        "Report": lambda finding: show_link(finding.report),
    },
    empty="It is not followed: its report names no target, or says that nothing is left to do about it.",
)


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    """What the scanner said, and what each run made of it."""

    ledger_kind = "finding"
    untrusted_text = "Ids, components and versions are the scanner's words: untrusted text."

    change_form_template = "agents/finding.html"
    empty_text = "No finding yet. Findings come with the reports that are ingested."
    list_display = ("name", "component", "severity_label", "fixed", "category", "report_link")
    list_filter = ("severity", "category", "vex_state")
    list_select_related = ("report",)
    ordering = ("-report__ingested_at", "position")
    search_fields = ("title", "component_name", "purl", "vulnerability_ids")
    search_help_text = "CVE or other id, component, title"
    fieldsets = (
        (
            "What the scanner says",
            {
                "fields": (
                    ("ids", "severity_label"),
                    ("component", "fixed"),
                    "title_text",
                    "description_text",
                    ("category", "cwe_list"),
                    ("vex_label", "rule_text"),
                    "cvss",
                    "purl_text",
                    "location_text",
                    "report_link",
                )
            },
        ),
        (
            "In the target's scans",
            {"fields": (("problem_link", "standing"), ("first_seen", "last_seen"))},
        ),
    )
    sections = (PROPOSALS, TICKETS, SCANS)

    severity_label = choice_column("severity", LABELS, "scanner says")
    report_link = link_column("report", "report")
    title_text = untrusted_column("title", SCANNER, "title")
    purl_text = foreign_column("purl", SCANNER, "package URL")
    location_text = foreign_column("location", SCANNER, "location")
    rule_text = foreign_column("rule_id", SCANNER, "rule")
    vex_label = choice_column("vex_state", LABELS, "VEX state")
    problem_link = link_column("exposure", "problem")
    fixed = foreign_column("fixed_version", SCANNER, "fixed in")
    description_text = untrusted_column("description", SCANNER, "description")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Finding]:
        findings: QuerySet[Finding] = super().get_queryset(request)
        return findings.select_related("report", "exposure")

    def story(self, request: HttpRequest, instance: Finding) -> Mapping[str, Any]:
        assessments = instance.assessments.select_related("run__agent")
        return {"assessments": [_shown(assessment) for assessment in assessments]}

    @admin.display(description="finding", ordering="vulnerability_ids")
    def name(self, finding: Finding) -> str:
        return visible(finding.vulnerability_id or finding.title)

    @admin.display(description="ids")
    def ids(self, finding: Finding) -> SafeString:
        return show_list(finding.vulnerability_ids)

    @admin.display(description="standing")
    def standing(self, finding: Finding) -> SafeString:
        return show_standing(finding.exposure)

    @admin.display(description="first seen")
    def first_seen(self, finding: Finding) -> SafeString:
        return show_time(finding.exposure.first_seen if finding.exposure else None)

    @admin.display(description="last seen")
    def last_seen(self, finding: Finding) -> SafeString:
        return show_time(finding.exposure.last_seen if finding.exposure else None)

    @admin.display(description="component", ordering="component_name")
    def component(self, finding: Finding) -> SafeString:
        return show_foreign(f"{finding.component_name} {finding.component_version}".strip(), SCANNER)

    @admin.display(description="weaknesses")
    def cwe_list(self, finding: Finding) -> SafeString:
        return show_list(finding.cwes)

    @admin.display(description="CVSS vectors")
    def cvss(self, finding: Finding) -> SafeString:
        return show_list(finding.cvss_vectors)


def _shown(assessment: Assessment) -> dict[str, object]:
    """One assessment, for the template."""
    return {
        "assessment": assessment,
        "state": show_choice(assessment, "state", LABELS),
        "severity": show_choice(assessment, "severity", LABELS),
        "planner": show_planner(assessment.planner),
        "run": show_link(assessment.run, "the run"),
        "at": show_time(assessment.at),
        "reasoning": show_untrusted(assessment.reasoning, assessment.planner),
        "recommendation": show_untrusted(assessment.recommendation, assessment.planner),
        "nvd": show_nvd(assessment),
        "impact": show_impact(assessment.compliance_impact),
    }


def show_nvd(assessment: Assessment) -> SafeString:
    """NVD's facts, or why there are none (S0-6)."""
    colour = "success" if assessment.nvd_outcome == LookupOutcome.FOUND else "warning"
    facts = assessment.nvd_facts
    outcome = assessment.get_nvd_outcome_display() if assessment.nvd_outcome else "Not looked up"
    score = f"{facts.get('cvss_score')}, {facts.get('severity')}" if facts.get("cvss_score") else ""
    return show_facts(
        {
            "Lookup": show_label(outcome, colour),
            "Why": assessment.nvd_reason,
            "Record": _record_link(str(facts.get("cve_id", ""))),
            "Says": show_untrusted(str(facts.get("description", "")), NVD),
            f"CVSS {facts.get('cvss_version', '')}".strip(): score,
            "Vector": facts.get("cvss_vector", ""),
            "Weaknesses": show_list(facts.get("cwes", [])) if facts.get("cwes") else "",
            "Known to be exploited": "Yes, in CISA's catalogue" if facts.get("kev") else "",
            "Published": facts.get("published", ""),
            "Last modified": facts.get("last_modified", ""),
            "From": facts.get("source", ""),
        }
    )


def _record_link(cve_id: str) -> object:
    return show_link(Vulnerability(cve_id=cve_id)) if cve_id else ""


def _status_label(status: str) -> SafeString:
    if status not in ComplianceStatus.values:
        return show_label(status)
    known = ComplianceStatus(status)
    return show_label(known.label, STATUS_COLOURS[known])


def show_impact(impact: dict[str, Any]) -> SafeString:
    """The compliance impact that code, not the model, worked out (S0-13)."""
    status = str(impact.get("compliance_status", ""))
    return show_facts(
        {
            "Status": _status_label(status) if status else "",
            "Standards": show_list(impact.get("standards_affected", [])) if impact else "",
            "Controls": show_list(impact.get("required_controls", [])) if impact else "",
            "Why": impact.get("reason", ""),
        }
    )
