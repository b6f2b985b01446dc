from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from agents.admin.origins import OWNER_SIDE, SCANNER
from agents.admin.ticket import show_ticket_severity
from agents.choices import LABELS
from agents.models import Agent, AgentVersion, Finding, ProposedAction, Run, Ticket
from audits.admin.base import ReadOnlyAdmin, Section
from audits.admin.references import found_by
from audits.admin.show import (
    EMPTY,
    choice_column,
    digest_column,
    link_column,
    show_choice,
    show_digest,
    show_facts,
    show_foreign,
    show_link,
    show_list,
    show_reference,
    show_time,
    show_word,
    time_column,
    untrusted_column,
)

VERSIONS = Section(
    name="versions",
    title="Versions",
    model=AgentVersion,
    rows=lambda agent: agent.versions.select_related("agent", "added_by"),
    columns={
        "Version": lambda version: show_link(version, version.label),
        "Model": lambda version: f"{version.model_provider} / {version.model_name}",
        "Provenance": lambda version: show_digest(version.digest),
        "Added by": lambda version: version.added_by,
        "Added": lambda version: show_time(version.added_at),
        "Submitted": lambda version: show_time(version.submitted_at),
    },
    empty="No version yet. Add the one that should run, with its provenance.",
)
RUNS = Section(
    name="runs",
    title="Runs",
    model=Run,
    rows=lambda agent: agent.runs.select_related("report"),
    columns={
        "Report": lambda run: show_link(run, str(run.report)),
        "State": lambda run: show_choice(run, "state", LABELS),
        "Reason": lambda run: run.get_reason_display(),
        "Findings": lambda run: run.findings_done,
        "Calls": lambda run: run.calls,
        "Queued": lambda run: show_time(run.queued_at),
    },
    empty="It has not run yet. Ingest a scanner report for it, then queue a run.",
)
PROPOSALS = Section(
    name="proposals",
    title="Proposed actions",
    model=ProposedAction,
    rows=lambda agent: agent.proposals.select_related("finding"),
    columns={
        "Action": show_link,
        "Resource": lambda proposal: show_reference(proposal.resource),
        "State": lambda proposal: show_choice(proposal, "state", LABELS),
        "Proposed": lambda proposal: show_time(proposal.proposed_at),
    },
    empty="It has not asked to write anything.",
)
TICKETS = Section(
    name="tickets",
    title="Tickets",
    model=Ticket,
    rows=lambda agent: Ticket.objects.filter(finding__proposals__agent=agent).distinct(),
    columns={
        "Ticket": show_link,
        "Title": lambda ticket: show_foreign(ticket.title, ticket.opened_by),
        "Severity": show_ticket_severity,
        "State": lambda ticket: show_choice(ticket, "state", LABELS),
        "Opened": lambda ticket: show_time(ticket.opened_at),
    },
    empty="No ticket was opened. A ticket needs a live write elevation.",
)
FINDINGS = Section(
    name="findings",
    title="Findings it worked on",
    model=Finding,
    rows=lambda agent: Finding.objects.filter(assessments__run__agent=agent).distinct(),
    columns={
        "Finding": show_link,
        "Scanner says": lambda finding: show_choice(finding, "severity", LABELS),
        "Fixed in": lambda finding: show_foreign(finding.fixed_version, SCANNER),
        "Location": lambda finding: show_foreign(finding.location, SCANNER),
    },
    empty="It has not assessed a finding yet.",
)


FOUND = 10


def _found(text: str) -> list[str]:
    """The ids of the agents that are called so, for searches of the ledger."""
    fits = Q(slug__iexact=text) | Q(name__icontains=text)
    return [str(pk) for pk in Agent.objects.filter(fits).order_by("pk").values_list("pk", flat=True)[:FOUND]]


found_by("agent", _found)


@admin.register(Agent)
class AgentAdmin(ReadOnlyAdmin):
    """The register (S1-3): each agent's whole story on one page."""

    ledger_kind = "agent"
    empty_text = "No agent is registered yet. Register one with its purpose and its owner."
    list_display = ("name", "slug", "owner", "state_label", "active_version_label", "registered")
    list_filter = ("state", "owner")
    list_select_related = ("owner", "active_version")
    search_fields = ("name", "slug", "purpose", "business_unit", "owner__username")
    search_help_text = "Name, slug, purpose, unit, owner"
    fieldsets = (
        (None, {"fields": ("purpose_text", ("state_label", "slug"), ("owner_name", "deputies_list"))}),
        (
            "What runs",
            {"fields": (("active_version_link", "approved_digest_full"), "provenance")},
        ),
        (
            "Scope",
            {"fields": (("business_unit", "data_categories_list"), ("registered", "stream_name"), "epoch")},
        ),
    )
    sections: tuple[Section, ...] = (VERSIONS, RUNS, PROPOSALS, TICKETS, FINDINGS)
    history_origins = {"purpose": OWNER_SIDE}

    state_label = choice_column("state", LABELS)
    purpose_text = untrusted_column("purpose", OWNER_SIDE, "purpose")
    registered = time_column("registered_at", "registered")
    active_version_link = link_column("active_version", "Active version")
    approved_digest_full = digest_column("approved_digest", "Approved dossier, SHA-256", full=True)

    def story(self, request: HttpRequest, instance: Agent) -> Mapping[str, Any]:
        """Not only the events that name the agent: everything in its stream."""
        events = f"{reverse('admin:audits_event_changelist')}?stream={instance.stream}"
        return {"events_url": events if request.user.has_perm("audits.view_event") else ""}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        agents: QuerySet[Agent] = super().get_queryset(request)
        return agents.select_related("owner", "active_version__agent")

    @admin.display(description="active version", ordering="active_version__label")
    def active_version_label(self, agent: Agent) -> Any:
        return agent.active_version.label if agent.active_version else EMPTY

    @admin.display(description="owner")
    def owner_name(self, agent: Agent) -> str:
        return str(agent.owner)

    @admin.display(description="deputies")
    def deputies_list(self, agent: Agent) -> SafeString:
        return show_list([str(person) for person in agent.deputies.all()])

    @admin.display(description="data categories")
    def data_categories_list(self, agent: Agent) -> SafeString:
        return show_list(agent.data_categories)

    @admin.display(description="ledger stream")
    def stream_name(self, agent: Agent) -> SafeString:
        return show_word(agent.stream)

    @admin.display(description="provenance")
    def provenance(self, agent: Agent) -> SafeString:
        version = agent.active_version
        return show_provenance(version) if version else EMPTY


def show_provenance(version: AgentVersion) -> SafeString:
    """What the board approved, and what must run (S1-11)."""
    return show_facts(
        {
            "Model": f"{version.model_provider} / {version.model_name} {version.model_version}".strip(),
            "Prompt": show_digest(version.prompt_digest, full=True),
            "Code": show_digest(version.code_commit, full=True) if version.code_commit else "",
            "Data snapshot": version.data_snapshot,
            "Image": version.image_digest,
            "Functions": show_list([tool["name"] for tool in version.tool_manifest]),
            "Digest": show_digest(version.digest, full=True),
        }
    )
