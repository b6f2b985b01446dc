"""What is frozen, and what was: freezing it, and letting it go on by two (promise 7)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.narrowing import ByName
from agents.admin.origins import OWNER_SIDE
from agents.choices import AgentState, RunState
from agents.models import Agent, AgentInstance, Person, Run
from audits.admin.base import ActionVariant, AddByService, DialogForm, Section, ServiceForm, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    choice_column,
    link_column,
    show_choice,
    show_digest,
    show_link,
    show_time,
    show_untrusted,
    time_column,
    untrusted_column,
)
from audits.errors import NotFound
from governance import containment_permissions, selectors
from governance.admin.who import authentication_of, person_of
from governance.choices import LABELS, ContainmentLevel, ContainmentState, UnfreezeState
from governance.models import Containment, Unfreeze
from governance.services import containments, unfreezing

REASON = forms.Textarea(attrs={"rows": 3})
UNFREEZES = Section(
    name="unfreezes",
    title="Asked to go on",
    model=Unfreeze,
    rows=lambda containment: containment.unfreezes.select_related("requested_by", "ended_by"),
    columns={
        "Asked by": lambda unfreeze: unfreeze.requested_by,
        "Why it is safe": lambda unfreeze: show_untrusted(unfreeze.reason, OWNER_SIDE),
        "State": lambda unfreeze: show_choice(unfreeze, "state", LABELS),
        "Asked": lambda unfreeze: show_time(unfreeze.requested_at),
        "Ended by": lambda unfreeze: unfreeze.ended_by or EMPTY,
        "Ended": lambda unfreeze: show_time(unfreeze.ended_at),
        "Note": lambda unfreeze: show_untrusted(unfreeze.note, OWNER_SIDE) if unfreeze.note else EMPTY,
    },
    empty="Nobody has asked for it to go on.",
)


class FreezeForm(ServiceForm):
    """The input of `containments.freeze`."""

    level = forms.ChoiceField(choices=ContainmentLevel.choices, label="What")
    agent = forms.ModelChoiceField(
        queryset=Agent.objects.exclude(state=AgentState.RETIRED).order_by("name"), required=False
    )
    instance = forms.ModelChoiceField(
        queryset=AgentInstance.objects.filter(ended_at__isnull=True).select_related("agent"),
        required=False,
        label="Running copy",
    )
    owner = forms.ModelChoiceField(
        queryset=Person.objects.filter(owned_agents__isnull=False).distinct().order_by("username"),
        required=False,
        label="Owner",
        help_text="Whatever they own, also what they come to own before it is lifted.",
    )
    reason = forms.CharField(max_length=containments.MAX_REASON, widget=REASON)


class ReasonForm(DialogForm):
    """The input of `containments.freeze_agent`, `unfreezing.request` and `unfreezing.decline`."""

    reason = forms.CharField(max_length=unfreezing.MAX_REASON, widget=REASON)


class ConfirmForm(DialogForm):
    """The digest of what the page showed: a stale page is refused by the service."""

    digest = forms.CharField(widget=forms.HiddenInput)
    form_before_template = "governance/vote_digest.html"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        found = open_unfreeze(containment_of(self.object_id))
        self.initial["digest"] = found.digest if found else ""

    def get_before_template_context(self, request: HttpRequest, object_id: Any = None) -> dict[str, Any]:
        return {"digest": show_digest(self["digest"].value(), full=True)}


class LiftingActions:
    """For pages of what is frozen: asking for it to go on, confirming, declining; `containment` is which."""

    def containment(self, object_id: str) -> Containment:
        raise NotImplementedError

    @dialog_action(
        title="Ask to unfreeze",
        description="Nothing goes on by this: another person, from the board or an administrator, has to "
        "confirm it. If the agent changes before that, the request is void.",
        submit="Ask",
        permissions=("view",),
        form_class=ReasonForm,
        icon="ac_unit",
        reauthenticate=True,
    )
    def ask_to_unfreeze(self, request: HttpRequest, form: Any, object_id: str) -> str:
        unfreeze = unfreezing.request(
            actor=person_of(request),
            containment=self.containment(object_id),
            reason=form.cleaned_data["reason"],
            authentication=authentication_of(request),
        )
        return f"Asked. Another person confirms it until {unfreeze.expires_at:%Y-%m-%d %H:%M} UTC."

    @dialog_action(
        title="Confirm unfreeze",
        description="It goes on at once, as what it was before it was frozen. Tokens and elevations from "
        "before stay dead. You are the second of two: who asked cannot confirm.",
        submit="Let it go on",
        permissions=("view",),
        form_class=ConfirmForm,
        icon="play_circle",
        variant=ActionVariant.DANGER,
        reauthenticate=True,
    )
    def confirm_unfreeze(self, request: HttpRequest, form: Any, object_id: str) -> str:
        containment = self.containment(object_id)
        unfreezing.confirm(
            actor=person_of(request),
            unfreeze=asked_of(containment),
            digest=form.cleaned_data["digest"],
            authentication=authentication_of(request),
        )
        return "It goes on, as what it was before."

    @dialog_action(
        title="Decline unfreeze",
        description="It stays frozen, and the request is closed.",
        submit="Leave it frozen",
        permissions=("view",),
        form_class=ReasonForm,
        icon="block",
        reauthenticate=True,
    )
    def decline_unfreeze(self, request: HttpRequest, form: Any, object_id: str) -> str:
        containment = self.containment(object_id)
        unfreezing.decline(
            actor=person_of(request), unfreeze=asked_of(containment), reason=form.cleaned_data["reason"]
        )
        return "It stays frozen."


LIFTING = ("ask_to_unfreeze", "confirm_unfreeze", "decline_unfreeze")


def open_unfreeze(containment: Containment | None) -> Unfreeze | None:
    """The request that waits for a second person, if there is one."""
    if containment is None:
        return None
    waiting = containment.unfreezes.filter(state=UnfreezeState.REQUESTED)
    return waiting.select_related("containment__agent").first()


def asked_of(containment: Containment) -> Unfreeze:
    """
    Raises:
        NotFound: nobody has asked for it to go on.
    """
    found = open_unfreeze(containment)
    if found is None:
        raise NotFound("Nobody asks for it to go on any more. Look at the page again.")
    return found


def containment_of(object_id: Any) -> Containment | None:
    """The containment of that id, or what freezes the agent of that id now."""
    rows = Containment.objects.select_related("agent", "agent_instance", "person")
    try:
        return row_of(rows, object_id)
    except NotFound:
        frozen = rows.filter(level=ContainmentLevel.AGENT, state=ContainmentState.IN_FORCE)
        return frozen.filter(agent=object_id).first()


def lifting_offered(request: HttpRequest, containment: Containment | None) -> set[str]:
    """Which of the three this person may do now."""
    if containment is None or containment.state != ContainmentState.IN_FORCE:
        return set()
    person = person_of(request)
    seat, asked = selectors.seat_of(person), open_unfreeze(containment)
    if asked is None:
        against = containment_permissions.against_asking_to_unfreeze(person, containment, seat)
        return set() if against else {"ask_to_unfreeze"}
    offered = {
        "confirm_unfreeze": containment_permissions.against_confirming(person, asked, seat),
        "decline_unfreeze": containment_permissions.against_declining(person, asked, seat),
    }
    return {name for name, against in offered.items() if against is None}


@admin.register(Containment)
class ContainmentAdmin(LiftingActions, AddByService):
    """What one person stopped, and whether two have let it go on."""

    list_title = "Containment"
    ledger_kind = "containment"

    add_form = FreezeForm
    add_title = "Freeze"
    add_submit = "Freeze now"
    reauthenticate = True
    empty_text = "Nothing was ever frozen."
    list_display = ("of_what", "level_label", "state_label", "reason_short", "who", "begun", "ended")
    list_filter = ("state", "level", ("agent", ByName))
    list_select_related = ("agent", "agent_instance", "person", "begun_by")
    search_fields = ("agent__name", "agent__slug", "person__username", "begun_by__username", "reason")
    search_help_text = "Agent, owner, who froze it, why"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("of_link", "level_label"),
                    ("state_label", "who"),
                    "reason_text",
                    ("begun", "ended"),
                    "comes_back",
                )
            },
        ),
    )
    sections = (UNFREEZES,)
    history_origins = {"reason": OWNER_SIDE}
    actions_detail = LIFTING

    state_label = choice_column("state", LABELS)
    level_label = choice_column("level", {})
    agent_link = link_column("agent", "agent")
    begun = time_column("begun_at", "frozen")
    ended = time_column("ended_at", "ended")
    reason_text = untrusted_column("reason", OWNER_SIDE, "why")

    def containment(self, object_id: str) -> Containment:
        return row_of(Containment.objects.select_related("agent", "agent_instance", "person"), object_id)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Containment]:
        rows: QuerySet[Containment] = super().get_queryset(request)
        return rows.select_related("agent", "agent_instance", "person", "begun_by")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        offered = lifting_offered(request, self.get_object(request, str(object_id)))
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return [action for action in actions if (action.attrs or {})["data-action"] in offered]

    def add_by_service(self, request: HttpRequest, form: FreezeForm) -> tuple[Model, str]:
        containment = containments.freeze(actor=person_of(request), **form.cleaned_data)
        return containment, "Frozen. Two people lift it: one asks, another one confirms."

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().add_view(request, form_url, {"description": what_stops(), **(extra_context or {})})

    @admin.display(description="what")
    def of_what(self, containment: Containment) -> str:
        return containment.of[0].upper() + containment.of[1:]

    @admin.display(description="what")
    def of_link(self, containment: Containment) -> SafeString | str:
        row = containment.agent_instance or containment.agent or containment.person
        return show_link(row) if row else "Every agent there is"

    @admin.display(description="why")
    def reason_short(self, containment: Containment) -> SafeString:
        return show_untrusted(containment.reason[:80], OWNER_SIDE)

    @admin.display(description="frozen by", ordering="begun_by__username")
    def who(self, containment: Containment) -> str:
        return str(containment.begun_by)

    @admin.display(description="comes back as")
    def comes_back(self, containment: Containment) -> str:
        state = containment.before.get("state")
        return AgentState(state).label if state else EMPTY


def what_stops() -> str:
    """What freezing everything would stop at this moment, in a sentence."""
    agents = Agent.objects.filter(state__in=(AgentState.ACTIVE, AgentState.OWNERLESS)).count()
    live = AgentInstance.objects.filter(ended_at__isnull=True)
    copies = live.exclude(expires_at__lte=timezone.now()).count()
    under_way = Run.objects.filter(state__in=(RunState.QUEUED, RunState.RUNNING)).count()
    return (
        "It stops at once: no access, no new copy or run, tokens from before are refused. Everything is, "
        f"at this moment, {agents} agents with access, {copies} running copies, and {under_way} runs that "
        "are queued or under way; an administrator or the chair of the board stops that. Two people let it "
        "go on."
    )
