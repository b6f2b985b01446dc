from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents import permissions, policy
from agents.admin.agent_pages import RegisterPages
from agents.admin.agent_standing import SOON_DAYS, show_due, show_within
from agents.admin.entry_form import RegisterForm
from agents.admin.narrowing import ByName
from agents.admin.origins import OWNER_SIDE, SCANNER
from agents.admin.tenure import HANDOVERS, TenureAdmin, show_gone
from agents.admin.ticket import show_ticket_severity
from agents.choices import LABELS, AgentState
from agents.jurisdictions import in_words
from agents.models import Agent, AgentVersion, Finding, Person, ProposedAction, Run, Ticket
from agents.selectors import with_epochs
from agents.services import discovery, register
from audits.admin.base import ActionVariant, DialogForm, Section, dialog_action
from audits.admin.references import found_by
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    choice_column,
    digest_column,
    link_column,
    show_choice,
    show_digest,
    show_facts,
    show_folded,
    show_foreign,
    show_link,
    show_list,
    show_reference,
    show_time,
    show_untrusted,
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


class ReviewFilter(admin.SimpleListFilter):
    """Entries that their owner should have reviewed already, and those that come next."""

    title = "review"
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("overdue", "Overdue"), ("soon", f"Due in {SOON_DAYS} days"), ("none", "No date")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Agent]) -> QuerySet[Agent]:
        today = timezone.localdate()
        if self.value() == "overdue":
            return queryset.filter(review_date__lt=today)
        if self.value() == "soon":
            return queryset.filter(review_date__range=(today, today + timedelta(days=SOON_DAYS)))
        return queryset.filter(review_date=None) if self.value() == "none" else queryset


class ClaimForm(DialogForm):
    """The input of `discovery.claim`."""

    owner = forms.ModelChoiceField(
        queryset=Person.objects.filter(is_active=True).order_by("username"),
        empty_label=None,
        help_text="The person who answers for it from now on.",
    )
    purpose = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), help_text="What it is for.")
    business_unit = forms.CharField(max_length=200)
    problem_class = forms.ChoiceField()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.initial.setdefault("owner", self.request.user.pk)
        classes = policy.active().problem_classes
        self.fields["problem_class"].choices = [(one.slug, one.name) for one in classes]


@admin.register(Agent)
class AgentAdmin(TenureAdmin, RegisterPages):
    """The register (S1-3): each agent's whole story on one page."""

    ledger_kind = "agent"
    empty_text = "No agent is registered yet. Register one with its purpose and its owner."
    untrusted_text = "Names and purposes are the words of those who registered the agents."
    list_before_template = "agents/register_links.html"
    add_form = RegisterForm
    add_title = "Register an agent"
    add_description = (
        "A draft without any access. Add a version to it, assess its risk, and put it before the board."
    )
    add_submit = "Register"
    add_template = "agents/entry_form.html"
    list_display: tuple[str, ...] = (
        "name", "owner", "state_label", "environment_name", "review_due", "active_version_label",
    )  # fmt: skip
    list_filter = ("state", ("owner", ByName), "environment", "business_unit", "problem_class", ReviewFilter)
    list_select_related = ("owner", "active_version")
    search_fields = (
        "name", "slug", "purpose", "business_unit", "owner__username", "owner__first_name",
        "owner__last_name",
    )  # fmt: skip
    search_help_text = "Name, slug, purpose, unit, owner"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "purpose_text",
                    ("state_label", "slug"),
                    "tenure",
                    ("business_unit", "problem_class_name"),
                    "within_policy",
                )
            },
        ),
        (
            "Who answers for it",
            {"fields": (("owner_name", "deputies_list"), ("sponsor_name", "review_due"), "attested")},
        ),
        ("Where, and how free", {"fields": (("environment_name", "autonomy_words"),)}),
        ("Data and places", {"fields": (("data_categories_list", "jurisdictions_list"), "frameworks_list")}),
        ("When something is wrong", {"fields": ("runbook_text", "monitoring_text")}),
        (
            "What runs",
            {"fields": (("active_version_link", "approved_digest_full"), "provenance")},
        ),
        ("In the ledger", {"fields": (("registered", "stream_name"), "epoch_number")}),
    )
    sections: tuple[Section, ...] = (VERSIONS, HANDOVERS, RUNS, PROPOSALS, TICKETS, FINDINGS)
    history_origins = {
        "purpose": OWNER_SIDE, "runbook": OWNER_SIDE, "monitoring_plan": OWNER_SIDE, "evidence": OWNER_SIDE,
    }  # fmt: skip
    actions_detail = ("claim", *TenureAdmin.actions_detail)

    state_label = choice_column("state", LABELS)
    purpose_text = untrusted_column("purpose", OWNER_SIDE, "purpose")
    evidence_text = untrusted_column("evidence", OWNER_SIDE, "what was found")
    registered = time_column("registered_at", "registered")
    active_version_link = link_column("active_version", "Active version")
    approved_digest_full = digest_column("approved_digest", "Approved dossier, SHA-256", full=True)

    def story(self, request: HttpRequest, instance: Agent) -> Mapping[str, Any]:
        """Not only the events that name the agent: everything in its stream; and what the reader may do."""
        events = f"{reverse('admin:audits_event_changelist')}?stream={instance.stream}"
        return {
            "events_url": events if request.user.has_perm("audits.view_event") else "",
            **self._links(request, instance),
        }

    def _links(self, request: HttpRequest, agent: Agent) -> dict[str, str]:
        person = request.user
        closed = agent.state in {AgentState.RETIRED, AgentState.DISCOVERED}
        if closed or not isinstance(person, Person) or permissions.why_not_change(person, agent):
            return {}
        links = {"edit_url": reverse("admin:agents_agent_edit", args=[agent.pk])}
        if person.has_perm("agents.add_agentversion"):
            links["version_url"] = f"{reverse('admin:agents_agentversion_add')}?agent={agent.pk}"
        return links

    def get_queryset(self, request: HttpRequest) -> QuerySet[Agent]:
        agents: QuerySet[Agent] = super().get_queryset(request)
        return with_epochs(agents.select_related("owner", "sponsor", "active_version__agent"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """What was only discovered says what was found, and little else."""
        if obj is not None and obj.state == AgentState.DISCOVERED:
            found = ("evidence_text", ("found_by", "slug"), ("state_label", "owner_name"))
            return (
                (None, {"fields": found}),
                ("In the ledger", {"fields": (("registered", "stream_name"),)}),
            )
        shown: Any = super().get_fieldsets(request, obj)
        if obj is None or self.tenure(obj) != EMPTY:
            return shown
        (title, options), *others = shown
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name != "tenure"]}),
            *others,
        ]

    def add_by_service(self, request: HttpRequest, form: RegisterForm) -> tuple[Model, str]:
        agent = register.register_agent(
            actor=request.user,  # type: ignore[arg-type]
            slug=form.cleaned_data["slug"],
            owner=form.cleaned_data["owner"],
            **form.entry_values,
        )
        return agent, "Registered as a draft, without any access. Add the version that should run."

    def has_claim_permission(self, request: HttpRequest, object_id: str) -> bool:
        agent: Agent | None = self.get_object(request, object_id)
        return bool(agent and agent.state == AgentState.DISCOVERED and self.has_add_permission(request))

    @dialog_action(
        title="Claim",
        description="Whoever is named answers for it from now on. It becomes a draft, without access.",
        submit="Claim",
        permissions=("claim",),
        form_class=ClaimForm,
        icon="front_hand",
        variant=ActionVariant.PRIMARY,
    )
    def claim(self, request: HttpRequest, form: Any, object_id: str) -> str:
        agent = row_of(Agent.objects.all(), object_id)
        said = {
            name: form.cleaned_data[name] for name in ("owner", "purpose", "business_unit", "problem_class")
        }
        discovery.claim(actor=request.user, agent=agent, **said)  # type: ignore[arg-type]
        return f"{agent} answers to {agent.owner}. It is a draft: say the rest about it next."

    @admin.display(description="version", ordering="active_version__label")
    def active_version_label(self, agent: Agent) -> Any:
        return agent.active_version.label if agent.active_version else EMPTY

    @admin.display(description="environment", ordering="environment")
    def environment_name(self, agent: Agent) -> str:
        return agent.get_environment_display()

    @admin.display(description="autonomy")
    def autonomy_words(self, agent: Agent) -> str:
        return agent.get_autonomy_display()

    @admin.display(description="epoch")
    def epoch_number(self, agent: Any) -> int:
        epoch: int = agent.epoch
        return epoch

    @admin.display(description="review due", ordering="review_date")
    def review_due(self, agent: Agent) -> SafeString:
        return show_due(agent)

    @admin.display(description="owner")
    def owner_name(self, agent: Agent) -> SafeString | str:
        return show_gone(agent.owner) if agent.ownerless_at else str(agent.owner)

    @admin.display(description="deputies")
    def deputies_list(self, agent: Agent) -> SafeString:
        return show_list([str(person) for person in agent.deputies.all()])

    @admin.display(description="sponsor")
    def sponsor_name(self, agent: Agent) -> Any:
        return str(agent.sponsor) if agent.sponsor else EMPTY

    @admin.display(description="problem class")
    def problem_class_name(self, agent: Agent) -> SafeString:
        known = policy.active().problem_class(agent.problem_class)
        return show_word(agent.problem_class) if known is None else format_html("{}", known.name)

    @admin.display(description="within the agent policy")
    def within_policy(self, agent: Agent) -> SafeString:
        return show_within(agent)

    @admin.display(description="data")
    def data_categories_list(self, agent: Agent) -> SafeString:
        return show_list(agent.data_categories)

    @admin.display(description="jurisdictions")
    def jurisdictions_list(self, agent: Agent) -> SafeString:
        return show_list([in_words(code) for code in agent.jurisdictions])

    @admin.display(description="retention rules")
    def frameworks_list(self, agent: Agent) -> SafeString:
        return show_list(agent.frameworks)

    @admin.display(description="runbook")
    def runbook_text(self, agent: Agent) -> SafeString:
        return _folded("Read the runbook", agent.runbook)

    @admin.display(description="monitoring plan")
    def monitoring_text(self, agent: Agent) -> SafeString:
        return _folded("Read the plan", agent.monitoring_plan)

    @admin.display(description="ledger stream")
    def stream_name(self, agent: Agent) -> SafeString:
        return show_word(agent.stream)

    @admin.display(description="provenance")
    def provenance(self, agent: Agent) -> SafeString:
        version = agent.active_version
        return show_provenance(version) if version else EMPTY


def _folded(summary: str, text: str) -> SafeString:
    return show_folded(summary, show_untrusted(text, OWNER_SIDE)) if text else EMPTY


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
