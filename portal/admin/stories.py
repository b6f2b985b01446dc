"""The pages of agents, proposed actions and runs, with what governance knows about them."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

from agents.admin.access import show_access
from agents.admin.agent import FINDINGS as FINDINGS_OF_AGENT
from agents.admin.agent import PROPOSALS, TICKETS, VERSIONS, AgentAdmin
from agents.admin.agent import RUNS as RUNS_OF_AGENT
from agents.admin.proposal import ProposedActionAdmin
from agents.admin.run import RunAdmin
from agents.analyst import SLUG
from agents.models import Agent, Person, ProposedAction, Run
from audits.admin.base import Section
from audits.admin.show import show_choice, show_link, show_reference, show_time
from governance.choices import LABELS, DecisionReason, RiskLevel
from governance.models import Approval, Elevation, Grant, RiskAssessment
from portal import registration

APPROVALS = Section(
    name="approvals",
    title="Approvals",
    model=Approval,
    rows=lambda agent: agent.approvals.order_by("-requested_at"),
    columns={
        "Request": show_link,
        "About": lambda approval: approval.get_subject_display(),
        "State": lambda approval: show_choice(approval, "state", LABELS),
        "Requested": lambda approval: show_time(approval.requested_at),
        "Resolved": lambda approval: show_time(approval.resolved_at),
    },
    empty="Nobody was asked to approve anything for it yet.",
    per_page=5,
)
GRANTS = Section(
    name="grants",
    title="Grants: what it may do",
    model=Grant,
    rows=lambda agent: agent.grants.order_by("-starts_at", "action"),
    columns={
        "Action": lambda grant: show_link(grant, grant.action),
        "Access": lambda grant: show_access(grant.access),
        "Resource": lambda grant: show_reference(grant.resource),
        "From": lambda grant: show_time(grant.starts_at),
        "Ends": lambda grant: show_time(grant.ends_at) if grant.ends_at else "With the approval",
    },
    empty="It may do nothing. Reads come with the board's approval, writes with a write elevation.",
    per_page=5,
)
ELEVATIONS = Section(
    name="elevations",
    title="Write elevations",
    model=Elevation,
    rows=lambda owner: owner.elevations.select_related("requested_by"),
    columns={
        "Elevation": lambda elevation: show_link(elevation, f"{elevation.action}, {elevation.minutes} min"),
        "Resource": lambda elevation: show_reference(elevation.resource),
        "State": lambda elevation: show_choice(elevation, "state", LABELS),
        "Uses": lambda elevation: f"{elevation.used} of {elevation.uses}",
        "Requested by": lambda elevation: elevation.requested_by,
        "Ended": lambda elevation: show_time(elevation.ended_at),
        "Why": lambda elevation: elevation.get_end_reason_display(),
    },
    empty="No write elevation was requested.",
    per_page=5,
)
RISK = Section(
    name="risk",
    title="Risk assessments",
    model=RiskAssessment,
    rows=lambda agent: agent.risk_assessments.select_related("risk_class"),
    columns={
        "Class": lambda row: show_link(row, RiskLevel(row.risk_class_id).label),
        "Score": lambda row: row.score,
        "Assessed": lambda row: show_time(row.assessed_at),
    },
    empty="Its risk was not assessed yet. The questionnaire comes before the board.",
    per_page=3,
)

admin.site.unregister((Agent, ProposedAction, Run))


@admin.register(Agent)
class PortalAgentAdmin(AgentAdmin):
    """The register's page of an agent, with who approved what and what it may do now."""

    change_form_template = "portal/agent.html"
    sections = (
        APPROVALS, GRANTS, ELEVATIONS, PROPOSALS, TICKETS, VERSIONS, RISK, RUNS_OF_AGENT, FINDINGS_OF_AGENT,
    )  # fmt: skip

    def story(self, request: HttpRequest, instance: Agent) -> Mapping[str, Any]:
        person = request.user
        submits = (
            instance.slug == SLUG
            and isinstance(person, Person)
            and registration.may_register(person, instance)
        )
        page = reverse("admin:register_analyst")
        return {**super().story(request, instance), "submit_url": page if submits else ""}


@admin.register(ProposedAction)
class PortalProposedActionAdmin(ProposedActionAdmin):
    """A proposed action, with the write elevations that were asked for because of it."""

    sections = (ELEVATIONS, *ProposedActionAdmin.sections)


@admin.register(Run)
class PortalRunAdmin(RunAdmin):
    """A run, with the decision point's reasons in the words that its own page has for them."""

    reasons: Mapping[str, str] = dict(DecisionReason.choices)
