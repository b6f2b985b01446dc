"""Who answers for an agent, until when, and what they do about it: what its page says of time."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents import permissions
from agents.choices import LABELS, AgentState, FreezeReason
from agents.models import Agent, Handover, Person
from agents.services import handovers, lifecycle
from audits.admin.base import ActionVariant, DialogForm, Done, ReadOnlyAdmin, Section, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import EMPTY, show_choice, show_label, show_link, show_time

ANOTHER_SPONSOR = "Name another sponsor by editing the entry; then its owner says that the review is done."
HANDOVERS = Section(
    name="handovers",
    title="Owners: offered and accepted",
    model=Handover,
    rows=lambda agent: agent.handovers.select_related("agent", "before", "to"),
    columns={
        "Offer": lambda handover: show_link(handover, f"To {handover.to}"),
        "From": lambda handover: handover.before,
        "State": lambda handover: show_choice(handover, "state", LABELS),
        "Offered": lambda handover: show_time(handover.offered_at),
        "Ended": lambda handover: show_time(handover.ended_at),
    },
    empty="It was never offered to anybody else.",
    per_page=5,
)


class OfferForm(DialogForm):
    """The input of `handovers.offer`."""

    to = forms.ModelChoiceField(
        queryset=Person.objects.filter(is_active=True).order_by("last_name", "first_name", "username"),
        label="To",
        help_text="They own it once they have accepted it.",
    )
    keep_as_deputy = forms.BooleanField(required=False, label="Who owns it now stays on as a deputy")
    note = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}), help_text="For them."
    )


class AttestForm(DialogForm):
    """The input of `lifecycle.attest`."""

    statement = forms.CharField(
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="What you looked at, and that it is still true.",
    )


class RetireForm(DialogForm):
    """The input of `lifecycle.retire`."""

    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


class TenureAdmin(ReadOnlyAdmin):
    """What an agent's page says of owner, sponsor and review, and the buttons for it."""

    actions_detail: tuple[str, ...] = ("offer", "attest", "retire")

    @admin.display(description="standing")
    def tenure(self, agent: Agent) -> SafeString:
        """Whatever holds it back, and until when it still reads; empty where nothing does."""
        lines = [*_gone(agent), *_frozen(agent)]
        return format_html_join("", "<p>{}</p>", ((line,) for line in lines)) or EMPTY

    @admin.display(description="sponsor")
    def sponsor_name(self, agent: Agent) -> SafeString | str:
        if agent.sponsor is None:
            return EMPTY
        return str(agent.sponsor) if agent.sponsor.is_active else show_gone(agent.sponsor)

    @admin.display(description="review due", ordering="review_date")
    def review(self, agent: Agent) -> SafeString | str:
        if agent.review_date is None or agent.state == AgentState.RETIRED:
            return EMPTY
        if agent.review_date >= timezone.localdate():
            return agent.review_date.isoformat()
        return format_html("{} {}", agent.review_date.isoformat(), show_label("Overdue", "danger"))

    @admin.display(description="last review")
    def attested(self, agent: Agent) -> SafeString:
        return show_time(agent.attested_at)

    def has_offer_permission(self, request: HttpRequest, object_id: str) -> bool:
        agent, person = self._asked(request, object_id)
        return agent is not None and permissions.why_not_offer(person, agent) is None

    def has_attest_permission(self, request: HttpRequest, object_id: str) -> bool:
        agent, person = self._asked(request, object_id)
        return (
            agent is not None
            and agent.review_date is not None
            and permissions.why_not_attest(person, agent) is None
        )

    def has_retire_permission(self, request: HttpRequest, object_id: str) -> bool:
        agent, person = self._asked(request, object_id)
        return agent is not None and permissions.why_not_retire(person, agent) is None

    def _asked(self, request: HttpRequest, object_id: str) -> tuple[Agent | None, Any]:
        agent: Agent | None = self.get_object(request, object_id)
        if agent is not None and agent.state == AgentState.RETIRED:
            agent = None
        return agent, request.user

    @dialog_action(
        title="Offer to a new owner",
        description="They become its owner once they accept. The owner is part of what the board approved: "
        "after that the agent only reads until the board has approved it again.",
        submit="Offer",
        permissions=["offer"],
        form_class=OfferForm,
        icon="swap_horiz",
        reauthenticate=True,
    )
    def offer(self, request: HttpRequest, form: Any, object_id: str) -> Done:
        handover = handovers.offer(
            actor=_person(request),
            agent=row_of(Agent.objects.all(), object_id),
            to=form.cleaned_data["to"],
            keep_as_deputy=form.cleaned_data["keep_as_deputy"],
            note=form.cleaned_data["note"],
        )
        return Done(f"Offered to {handover.to}.", handover)

    @dialog_action(
        title="Review is done",
        description="You say that everything on this page is still true. The next review is so far off as "
        "the risk class of the agent says.",
        submit="It is still true",
        permissions=["attest"],
        form_class=AttestForm,
        icon="task_alt",
        reauthenticate=True,
    )
    def attest(self, request: HttpRequest, form: Any, object_id: str) -> str:
        agent = lifecycle.attest(
            actor=_person(request),
            agent=row_of(Agent.objects.all(), object_id),
            statement=form.cleaned_data["statement"],
        )
        return f"Reviewed. The next review is due on {agent.review_date}."

    @dialog_action(
        title="Retire",
        description="Its copies, grants, elevations and requests end, now and for good. It never comes back.",
        submit="Retire for good",
        permissions=["retire"],
        form_class=RetireForm,
        icon="power_settings_new",
        variant=ActionVariant.DANGER,
        reauthenticate=True,
    )
    def retire(self, request: HttpRequest, form: Any, object_id: str) -> str:
        agent = lifecycle.retire(
            actor=_person(request),
            agent=row_of(Agent.objects.all(), object_id),
            reason=form.cleaned_data["reason"],
        )
        return f"{agent} is retired. Nothing of it is left that could act."


def show_gone(person: Person) -> SafeString:
    """Somebody who answered for it and does not any more."""
    return format_html("{} {}", str(person), show_label("Gone", "danger"))


def _gone(agent: Agent) -> list[SafeString]:
    if agent.ownerless_at is not None:
        return [format_html("Without an owner since {}. {}", show_time(agent.ownerless_at), _reads(agent))]
    if agent.reads_until is not None:
        return [format_html("Its sponsor is gone. {} {}", _reads(agent), ANOTHER_SPONSOR)]
    return []


def _reads(agent: Agent) -> SafeString:
    if agent.reads_until is None or agent.reads_until <= timezone.now():
        return SafeString("It neither writes nor reads.")
    return format_html("It does not write, and reads until {}.", show_time(agent.reads_until))


def _frozen(agent: Agent) -> list[str]:
    if agent.state != AgentState.FROZEN or not agent.freeze_reason:
        return []
    if agent.freeze_reason == FreezeReason.CONTAINED:
        return ["Frozen by somebody: two people let it go on, one asks and another one confirms."]
    way_out = ANOTHER_SPONSOR if agent.freeze_reason == FreezeReason.SPONSOR else ""
    return [f"Frozen: {agent.get_freeze_reason_display().lower()}. {way_out}".strip()]


def _person(request: HttpRequest) -> Any:
    return request.user
