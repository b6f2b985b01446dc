"""What an agent's class asks to be assessed, what is there, and until when: on the agent's page."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from agents.models import Agent, Person
from audits.admin.base import Section
from audits.admin.show import show_label, show_link
from governance import impact_selectors, permissions, selectors
from governance.choices import LABELS, AssessmentKind, AssessmentState, MitigationState, RiskLevel
from governance.models import ImpactAssessment, Mitigation, RiskClass


def assessed(request: HttpRequest, agent: Agent) -> Mapping[str, Any]:
    """The context of ``portal/agent_assessed.html``; empty for readers who may not view assessments."""
    person = request.user
    if not isinstance(person, Person) or not person.has_perm("governance.view_impactassessment"):
        return {}
    latest = selectors.latest_assessment(agent)
    governs = permissions.against_governing(person, agent) is None
    query = f"?agent={agent.pk}"
    return {
        "papers": _papers(agent, latest.risk_class if latest else None, governs=governs),
        "class_label": _class_label(latest.risk_class_id) if latest else "",
        "class_link": show_link(latest, "its answers") if latest else "",
        "computed_label": _class_label(latest.computed) if latest and latest.overridden_by_id else "",
        "assess_url": f"{reverse('admin:governance_riskassessment_add')}{query}" if governs else "",
    }


def _papers(agent: Agent, risk_class: RiskClass | None, *, governs: bool) -> list[dict[str, Any]]:
    signed = impact_selectors.signed_assessments(agent)
    drafts = {row.kind: row for row in agent.impact_assessments.filter(state=AssessmentState.DRAFT)}
    begin = reverse("admin:governance_impactassessment_add")
    return [
        {
            "name": kind.label,
            "asked": risk_class is not None and kind.value in risk_class.assessments,
            "signed": signed.get(kind),
            "signed_link": show_link(signed[kind], f"Number {signed[kind].serial}") if kind in signed else "",
            "until": impact_selectors.fresh_until(signed[kind], risk_class)
            if kind in signed and risk_class
            else None,
            "standing": _standing(kind, signed.get(kind), risk_class),
            "draft": show_link(drafts[kind], "Open the draft") if kind in drafts else "",
            "begin_url": f"{begin}?agent={agent.pk}&kind={kind.value}"
            if governs and kind not in drafts
            else "",
        }
        for kind in AssessmentKind
    ]


def _standing(
    kind: AssessmentKind, signed: ImpactAssessment | None, risk_class: RiskClass | None
) -> SafeString:
    asked = risk_class is not None and kind.value in risk_class.assessments
    if signed is None:
        return show_label("Missing", "danger") if asked else show_label("Not asked for")
    if risk_class and impact_selectors.stale(signed, risk_class, timezone.localdate()):
        return show_label("Stale", "danger" if asked else "warning")
    return show_label("Fresh" if risk_class else "Signed", "success")


def _class_label(level: str) -> SafeString:
    return show_label(RiskLevel(level).label, LABELS[RiskLevel(level)])


def _state(mitigation: Mitigation) -> SafeString:
    if mitigation.is_overdue(timezone.localdate()):
        return show_label("Overdue", "danger")
    return show_label(mitigation.get_state_display(), LABELS[MitigationState(mitigation.state)])


MITIGATIONS = Section(
    name="mitigations",
    title="Open mitigations",
    model=Mitigation,
    rows=impact_selectors.open_mitigations,
    columns={
        "Risk": show_link,
        "Owner": lambda mitigation: mitigation.owner,
        "Due": lambda mitigation: f"{mitigation.due:%Y-%m-%d}",
        "State": _state,
    },
    empty="Nothing is open. Mitigations come with a signed assessment.",
    per_page=5,
)
