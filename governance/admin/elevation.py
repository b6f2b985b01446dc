"""Write elevations: asking for one, watching it, ending it (S1-9)."""

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.origins import OWNER_SIDE, SCANNER
from agents.choices import OPEN_PROPOSALS, AgentState, ProposalState
from agents.models import Agent, ProposedAction
from audits.admin.base import (
    ActionVariant,
    AddByService,
    Section,
    ServiceForm,
    dialog_action,
)
from audits.admin.reader import actor_of
from audits.admin.rows import row_of
from audits.admin.show import (
    choice_column,
    code_column,
    link_column,
    show_choice,
    show_facts,
    show_foreign,
    show_link,
    show_reference,
    show_time,
    show_word,
    time_column,
    untrusted_column,
)
from governance import manifest, permissions, selectors
from governance.admin.content import show_arguments
from governance.admin.who import person_of
from governance.choices import LABELS, ElevationEnd, ElevationState
from governance.models import Approval, Decision, Elevation
from governance.services import elevations

OPEN = (ElevationState.PENDING, ElevationState.ACTIVE)
APPROVALS = Section(
    name="approvals",
    title="Approval",
    model=Approval,
    rows=lambda elevation: Approval.objects.filter(subject_id=elevation.pk),
    columns={
        "Request": show_link,
        "State": lambda approval: show_choice(approval, "state", LABELS),
        "Requested": lambda approval: show_time(approval.requested_at),
        "Resolved": lambda approval: show_time(approval.resolved_at),
        "Reason": lambda approval: approval.reason,
    },
    empty="Nobody was asked.",
)
USES = Section(
    name="uses",
    title="Writes that it allowed",
    model=Decision,
    rows=lambda elevation: elevation.decisions.all(),
    columns={
        "Decision": lambda decision: show_link(decision, f"{decision.action}: allowed"),
        "Decided": lambda decision: show_time(decision.decided_at),
    },
    empty="It has not been used.",
)


class RequestForm(ServiceForm):
    """The input of `elevations.request`; a proposal says by itself what is asked for."""

    proposal = forms.ModelChoiceField(
        queryset=ProposedAction.objects.none(), required=False, widget=forms.HiddenInput
    )
    agent = forms.ModelChoiceField(queryset=Agent.objects.none(), empty_label=None)
    action = forms.CharField(max_length=100, help_text="A function of the approved version that writes.")
    resource = forms.CharField(max_length=300, help_text="Exactly one, for example finding/ and its id.")
    intent = forms.CharField(
        label="What it is for",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="The task, in your words. The approvers read it.",
    )
    minutes = forms.IntegerField(initial=10, min_value=1, help_text="It begins when it is approved.")
    uses = forms.IntegerField(
        initial=1, min_value=1, max_value=elevations.MAX_USES, help_text="How many writes it allows."
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        mine = agents_of(self.request)
        waiting = ProposedAction.objects.filter(agent__in=mine, state__in=OPEN_PROPOSALS)
        self.fields["proposal"].queryset = waiting.select_related("agent", "finding")  # type: ignore[attr-defined]
        self.fields["agent"].queryset = mine  # type: ignore[attr-defined]
        self.asked = self._asked()
        if self.asked:
            for name in ("agent", "action", "resource"):
                del self.fields[name]

    def _asked(self) -> ProposedAction | None:
        """The proposal that the address or the form names, if it is one of this person's."""
        name = self.data.get("proposal") or self.initial.get("proposal")
        try:
            found: ProposedAction | None = self.fields["proposal"].clean(name)
        except forms.ValidationError:
            return None
        return found

    @property
    def request_values(self) -> dict[str, Any]:
        """What the service takes."""
        values = {name: self.cleaned_data[name] for name in ("intent", "minutes", "uses")}
        if self.asked:
            return values | {
                "agent": self.asked.agent,
                "action": self.asked.function,
                "resource": self.asked.resource,
                "proposal": self.asked,
            }
        return values | {name: self.cleaned_data[name] for name in ("agent", "action", "resource")}


@admin.register(Elevation)
class ElevationAdmin(AddByService):
    """Time-boxed permission to write, one action on one resource."""

    ledger_kind = "elevation"
    list_title = "Write elevations"

    add_form = RequestForm
    add_template = "governance/elevation_form.html"
    add_title = "Request write elevation"
    add_description = (
        "For exactly one action on one resource. The approvers of the agent's risk class decide; it ends by "
        "itself, when its time is over or its uses are spent."
    )
    add_submit = "Request"
    reauthenticate = True
    empty_text = "No write was ever elevated. An owner asks for one on the page of a proposed action."
    list_display = (
        "action",
        "resource_short",
        "agent",
        "state_label",
        "uses_so_far",
        "requester",
        "requested",
        "ends",
    )
    list_filter = ("state", "end_reason", "agent")
    list_select_related = ("agent", "requested_by")
    search_fields = ("action", "resource", "intent", "agent__name", "requested_by__username")
    search_help_text = "Action, resource, what it is for, who asked"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("agent_link", "state_label"),
                    ("action_word", "resource_word"),
                    "intent_text",
                    ("minutes", "uses_so_far"),
                    ("requester", "requested"),
                    "proposal_link",
                )
            },
        ),
        ("When", {"fields": (("starts", "ends"), ("ended", "end_reason_text"))}),
    )
    sections = (APPROVALS, USES)
    history_origins = {"intent": OWNER_SIDE}
    actions_detail = ("end_now",)

    action_word = code_column("action", "action")
    state_label = choice_column("state", LABELS)
    agent_link = link_column("agent", "agent")
    proposal_link = link_column("proposal", "proposed action")
    requested = time_column("requested_at", "requested")
    starts = time_column("starts_at", "starts")
    ends = time_column("ends_at", "ends")
    ended = time_column("ended_at", "ended")
    intent_text = untrusted_column("intent", OWNER_SIDE, "what it is for")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Elevation]:
        rows: QuerySet[Elevation] = super().get_queryset(request)
        return rows.select_related("agent", "requested_by", "proposal__finding")

    def add_by_service(self, request: HttpRequest, form: RequestForm) -> tuple[Model, str]:
        elevation = elevations.request(actor=person_of(request), **form.request_values)
        return elevation, "Requested. The approvers decide on exactly this."

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        named = RequestForm(request.POST or None, request=request, initial=request.GET.dict())
        return super().add_view(request, form_url, {**(extra_context or {}), **_lead(named)})

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        elevation = self.get_object(request, str(object_id))
        if elevation is None or elevation.state not in OPEN:
            return []
        person = person_of(request)
        if permissions.against_ending_elevation(person, elevation.agent, selectors.seat_of(person)):
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    @dialog_action(
        title="End now",
        description="It takes effect at once: the write is refused from this moment, also with credentials "
        "that were minted before. A request that nobody has decided yet is withdrawn.",
        submit="End now",
        permissions=("view",),
        icon="block",
        variant=ActionVariant.DANGER,
        reauthenticate=True,
    )
    def end_now(self, request: HttpRequest, form: Any, object_id: str) -> str:
        elevation = row_of(Elevation.objects.select_related("agent"), object_id)
        elevations.end(actor=actor_of(request), elevation=elevation, reason=ElevationEnd.REVOKED)
        return "Ended. The agent may not write this any more."

    @admin.display(description="resource", ordering="resource")
    def resource_word(self, elevation: Elevation) -> SafeString:
        return show_reference(elevation.resource, full=True)

    @admin.display(description="resource", ordering="resource")
    def resource_short(self, elevation: Elevation) -> SafeString:
        return show_reference(elevation.resource)

    @admin.display(description="uses", ordering="used")
    def uses_so_far(self, elevation: Elevation) -> str:
        return f"{elevation.used} of {elevation.uses}"

    @admin.display(description="requested by", ordering="requested_by__username")
    def requester(self, elevation: Elevation) -> str:
        return str(elevation.requested_by)

    @admin.display(description="why it ended")
    def end_reason_text(self, elevation: Elevation) -> str:
        return elevation.get_end_reason_display()


def agents_of(request: HttpRequest) -> QuerySet[Agent]:
    """The active agents that the person at the screen answers for."""
    person = person_of(request)
    mine = Agent.objects.filter(Q(owner=person) | Q(deputies=person), state=AgentState.ACTIVE)
    return mine.distinct().order_by("name")


def _lead(form: RequestForm) -> Mapping[str, Any]:
    """What is asked for, shown above the form."""
    if form.asked is None:
        return {"writes": _writes(form.request)}
    proposal = form.asked
    facts = {
        "Agent": proposal.agent,
        "Action": show_word(proposal.function),
        "Resource": show_reference(proposal.resource, full=True),
        "Finding": show_foreign(proposal.finding, SCANNER),
        **show_arguments(json.dumps(proposal.arguments)),
        "State": show_choice(proposal, "state", {ProposalState.WAITING: "warning"}),
    }
    return {"asked": show_facts(facts)}


def _writes(request: HttpRequest) -> list[tuple[Agent, list[dict[str, str]]]]:
    """What each of the person's agents could write, as its active version says."""
    return [
        (agent, manifest.of_access(manifest.entries(agent.active_version.tool_manifest), "write"))
        for agent in agents_of(request).select_related("active_version")
        if agent.active_version
    ]
