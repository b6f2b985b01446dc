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

from agents.admin.narrowing import ByName
from agents.admin.origins import MODEL, OWNER_SIDE, SCANNER
from agents.choices import OPEN_PROPOSALS, AgentState, ProposalState
from agents.models import Agent, Person, ProposedAction
from audits.admin.base import (
    ActionVariant,
    AddByService,
    DialogForm,
    Section,
    ServiceForm,
    dialog_action,
)
from audits.admin.reader import actor_of
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    choice_column,
    code_column,
    link_column,
    show_choice,
    show_facts,
    show_foreign,
    show_link,
    show_reference,
    show_time,
    show_untrusted,
    show_word,
    time_column,
)
from audits.errors import NotFound
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
    resource = forms.CharField(
        max_length=300,
        help_text="One, for example finding/ and its id; or finding/* for a budget over all of them.",
    )
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


EDITABLE = ("resource", "intent", "minutes", "uses", "revision")


class RevisionForm(DialogForm):
    """The input of `elevations.revise`, filled in with what is asked now."""

    resource = forms.CharField(max_length=300)
    intent = forms.CharField(label="What it is for", widget=forms.Textarea(attrs={"rows": 3}))
    minutes = forms.IntegerField(min_value=1)
    uses = forms.IntegerField(min_value=1, max_value=elevations.MAX_USES)
    revision = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        try:
            shown = row_of(Elevation.objects.all(), self.object_id)
        except NotFound:
            return
        self.initial |= {name: getattr(shown, name) for name in EDITABLE}


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
    list_filter = ("state", "end_reason", ("agent", ByName))
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
                    ("asked_by_copy", "revision"),
                    ("proposal_link", "glass_link"),
                )
            },
        ),
        ("When", {"fields": (("starts", "ends"), ("ended", "end_reason_text"), "never_after")}),
    )
    sections = (APPROVALS, USES)
    history_origins = {"intent": OWNER_SIDE}
    actions_detail = ("revise", "end_now")

    action_word = code_column("action", "action")
    state_label = choice_column("state", LABELS)
    agent_link = link_column("agent", "agent")
    proposal_link = link_column("proposal", "proposed action")
    requested = time_column("requested_at", "requested")
    starts = time_column("starts_at", "starts")
    ends = time_column("ends_at", "ends")
    ended = time_column("ended_at", "ended")
    never_after = time_column("latest_end", "never after")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Elevation]:
        rows: QuerySet[Elevation] = super().get_queryset(request)
        return rows.select_related(
            "agent", "requested_by", "asked_by__agent", "proposal__finding", "glass__person"
        )

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
        if elevation is None:
            return []
        allowed = _allowed(person_of(request), elevation)
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return [action for action in actions if (action.attrs or {})["data-action"] in allowed]

    @dialog_action(
        title="Edit the request",
        description="It is asked for anew, as the next revision. Votes on the wording before are void, and "
        "the approvers are told.",
        submit="Ask for this instead",
        permissions=("view",),
        form_class=RevisionForm,
        icon="edit",
        reauthenticate=True,
    )
    def revise(self, request: HttpRequest, form: Any, object_id: str) -> str:
        elevation = row_of(Elevation.objects.select_related("agent"), object_id)
        values = {name: form.cleaned_data[name] for name in EDITABLE}
        revised = elevations.revise(
            actor=person_of(request), elevation=elevation, latest_end=elevation.latest_end, **values
        )
        return f"Revision {revised.revision} is asked for. Nobody has voted on it yet."

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

    @admin.display(description="what it is for")
    def intent_text(self, elevation: Elevation) -> SafeString:
        return show_untrusted(elevation.intent, MODEL if elevation.asked_by_id else OWNER_SIDE)

    @admin.display(description="asked by the copy")
    def asked_by_copy(self, elevation: Elevation) -> SafeString:
        return show_word(elevation.asked_by.spiffe_id) if elevation.asked_by else EMPTY

    @admin.display(description="opened alone")
    def glass_link(self, elevation: Elevation) -> SafeString:
        return show_link(elevation.glass, "Broken glass") if hasattr(elevation, "glass") else EMPTY

    @admin.display(description="why it ended")
    def end_reason_text(self, elevation: Elevation) -> str:
        return elevation.get_end_reason_display()


def _allowed(person: Person, elevation: Elevation) -> set[str]:
    """Which of the page's actions this person has."""
    allowed = set()
    seat = selectors.seat_of(person)
    if elevation.state in OPEN and not permissions.against_ending_elevation(person, elevation.agent, seat):
        allowed.add("end_now")
    if elevation.state == ElevationState.PENDING and permissions.answers_for(person, elevation.agent):
        allowed.add("revise")
    return allowed


def agents_of(request: HttpRequest) -> QuerySet[Agent]:
    """The active agents that the person at the screen answers for."""
    person = person_of(request)
    mine = Agent.objects.filter(Q(owner=person) | Q(deputies=person), state=AgentState.ACTIVE)
    return mine.distinct().order_by("name")


def _lead(form: RequestForm) -> Mapping[str, Any]:
    """What is asked for, shown above the form."""
    if form.asked is None:
        return {"writes": writes_of(agents_of(form.request))}
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


def writes_of(agents: QuerySet[Agent]) -> list[tuple[Agent, list[dict[str, str]]]]:
    """What each of these agents could write, as its active version says."""
    return [
        (agent, manifest.of_access(manifest.entries(agent.active_version.tool_manifest), "write"))
        for agent in agents.select_related("active_version")
        if agent.active_version
    ]
