"""The pages of agents, proposed actions and runs, with what governance knows about them."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents import permissions
from agents.admin import egress_sections
from agents.admin.access import show_access
from agents.admin.agent import FINDINGS as FINDINGS_OF_AGENT
from agents.admin.agent import PROPOSALS, TICKETS, VERSIONS, AgentAdmin
from agents.admin.agent import RUNS as RUNS_OF_AGENT
from agents.admin.dependency_map import map_url
from agents.admin.dependency_sections import DEPENDS_ON, USED_BY
from agents.admin.dependency_shown import show_attention
from agents.admin.proposal import ProposedActionAdmin
from agents.admin.run import RunAdmin
from agents.admin.tenure import HANDOVERS
from agents.admin.version_test import TESTS_OF_AGENT
from agents.analyst import SLUG
from agents.dependency_map import third_parties_of
from agents.models import Agent, Person, ProposedAction, Run
from audits.admin.base import Section
from audits.admin.show import EMPTY, show_choice, show_label, show_link, show_reference, show_time
from governance.admin.role_assignment import show_state
from governance.choices import LABELS, DecisionReason, RiskLevel
from governance.models import Approval, Elevation, Grant, Release, RiskAssessment, RoleAssignment
from portal import registration, standing, tenure
from portal.admin.assessed import MITIGATIONS, assessed
from portal.admin.checklists import candidate
from portal.admin.contained import ContainedAgent
from portal.admin.edited import EditedAgent

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
ROLES = Section(
    name="roles",
    title="Roles",
    model=RoleAssignment,
    rows=lambda agent: agent.role_assignments.select_related("role"),
    columns={
        "Role": lambda row: show_link(row, row.role.name),
        "How": lambda row: show_choice(row, "kind", LABELS),
        "State": show_state,
        "From": lambda row: show_time(row.starts_at),
        "Ends": lambda row: show_time(row.ends_at) if row.ends_at else "When somebody ends it",
    },
    empty="It holds no role: it reads what the board approved, without further conditions.",
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
RELEASES = Section(
    name="releases",
    title="Releases",
    model=Release,
    rows=lambda agent: agent.releases.select_related("version", "previous"),
    columns={
        "Release": show_link,
        "State": lambda release: show_choice(release, "state", LABELS),
        "Share": lambda release: f"{release.percent} of 100 tasks",
        "After": lambda release: release.previous.label,
        "Started": lambda release: show_time(release.started_at),
        "Ended": lambda release: show_time(release.ended_at),
    },
    empty="No version has followed another one yet.",
    per_page=3,
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
class PortalAgentAdmin(ContainedAgent, EditedAgent, AgentAdmin):
    """The register's page of an agent, with who approved what and what it may do now."""

    change_form_template = "portal/agent.html"
    list_display = (
        "name", "owner", "state_label", "class_label", "environment_name", "review_due",
        "active_version_label",
    )  # fmt: skip
    sections = (
        APPROVALS, RELEASES, GRANTS, ROLES, ELEVATIONS, PROPOSALS, TICKETS, VERSIONS, TESTS_OF_AGENT, RISK,
        MITIGATIONS, HANDOVERS, DEPENDS_ON, USED_BY, egress_sections.POLICY, egress_sections.ATTEMPTS,
        RUNS_OF_AGENT, FINDINGS_OF_AGENT,
    )  # fmt: skip
    actions_detail = (
        *ContainedAgent.contained_actions, *EditedAgent.edited_actions, *AgentAdmin.actions_detail,
    )  # fmt: skip

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        agent = self.get_object(request, str(object_id))
        if agent is None:
            return []
        return self.containing(request, agent, self.offered(request, agent, actions))

    def story(self, request: HttpRequest, instance: Agent) -> Mapping[str, Any]:
        person = request.user
        submits = (
            instance.slug == SLUG
            and isinstance(person, Person)
            and registration.may_register(person, instance)
        )
        page = reverse("admin:register_analyst")
        return {
            **super().story(request, instance),
            "submit_url": page if submits else "",
            "checklist": candidate(request, instance),
            "standing": standing.of(instance),
            "review_notice": tenure.notice(instance),
            **_dependencies(person, instance),
            **self.edited(request, instance),
            **assessed(request, instance),
        }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        newest = RiskAssessment.objects.filter(agent=OuterRef("pk")).order_by("-assessed_at", "-pk")
        assessed = Subquery(newest.values("risk_class_id")[:1])
        return super().get_queryset(request).annotate(risk_level=assessed)

    @admin.display(description="class", ordering="risk_level")
    def class_label(self, agent: Agent) -> SafeString:
        level: str | None = getattr(agent, "risk_level", None)
        return show_label(RiskLevel(level).label, LABELS[RiskLevel(level)]) if level else EMPTY


def _dependencies(person: Any, agent: Agent) -> Mapping[str, Any]:
    """What is overdue of the third parties that it depends on, and where its dependencies are kept."""
    if not person.has_perm("agents.view_dependency"):
        return {}
    adds = person.has_perm("agents.add_dependency") and permissions.why_not_change(person, agent) is None
    return {
        "attention": show_attention(third_parties_of(agent)),
        "map_url": map_url(agent),
        "add_dependency_url": f"{reverse('admin:agents_dependency_add')}?agent={agent.slug}" if adds else "",
    }


@admin.register(ProposedAction)
class PortalProposedActionAdmin(ProposedActionAdmin):
    """A proposed action, with the write elevations that were asked for because of it."""

    sections = (ELEVATIONS, *ProposedActionAdmin.sections)


@admin.register(Run)
class PortalRunAdmin(RunAdmin):
    """A run, with the decision point's reasons in the words that its own page has for them."""

    reasons: Mapping[str, str] = dict(DecisionReason.choices)
