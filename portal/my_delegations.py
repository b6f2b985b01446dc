"""Agents acting for me: let one act, hand out a token for it now, take it back (S2-1, S4-1)."""

from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from agents.choices import AgentState
from agents.models import Agent, Delegation, Person
from agents.services import delegations, exchange
from audits.admin.forms import ServiceForm, show_service_error
from audits.admin.kept import keep
from audits.admin.show import show_time
from audits.errors import ServiceError

SHOWN_ONCE = "A subject token for {}, which is shown this once and counts once, within {} seconds: {}"
LINES = {"rows": 3, "spellcheck": "false"}


class DelegationForm(ServiceForm):
    """The input of `delegations.give`."""

    agent = forms.ModelChoiceField(queryset=Agent.objects.none())
    actions = forms.CharField(
        label="It may", widget=forms.Textarea(attrs=LINES), help_text="Names of its functions, one a line."
    )
    resources = forms.CharField(
        label="On", widget=forms.Textarea(attrs=LINES), help_text="type/id or customer/{id}, one a line."
    )
    purpose = forms.CharField(
        max_length=2000, widget=forms.Textarea(attrs={"rows": 2}), help_text="What for."
    )
    data_scope = forms.CharField(
        label="With which data",
        required=False,
        widget=forms.Textarea(attrs=LINES),
        help_text="Of its data categories, one a line.",
    )
    days = forms.IntegerField(min_value=1, initial=7, help_text="It ends by itself after so many.")
    may_pass_on = forms.BooleanField(
        label="It may pass this on", required=False, help_text="To agents that it calls or creates."
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        active = Agent.objects.filter(state=AgentState.ACTIVE).order_by("name")
        self.fields["agent"].queryset = active  # type: ignore[attr-defined]
        self.fields["days"].max_value = settings.DELEGATION_MAX_DAYS  # type: ignore[attr-defined]


def my_delegations(request: HttpRequest) -> HttpResponse:
    """The page; with POST it gives, hands out or ends. Giving and handing out ask for a fresh proof."""
    person = cast("Person", request.user)
    if "end" in request.POST:
        return _end(request, person)
    form = DelegationForm(None if "hand_out" in request.POST else request.POST or None, request=request)
    confirm = cast("Any", admin.site).confirmation_url(request, request.get_full_path())
    if request.method == "POST" and confirm:
        keep(request, form)
        return HttpResponseRedirect(confirm)
    if "hand_out" in request.POST:
        return _hand_out(request, person)
    if form.is_valid() and _give(request, person, form):
        return HttpResponseRedirect(reverse("admin:my_delegations"))
    context = {
        **admin.site.each_context(request),
        "title": "Agents acting for you",
        "description": (
            "It gets no more than it may do anyway: acting for you takes its rights and your word. You can "
            "take it back at any time, and it takes effect at once."
        ),
        "submit": "Let it act for you",
        "form": form,
        "delegations": [(each, show_time(each.starts_at), show_time(each.ends_at)) for each in live(person)],
    }
    return TemplateResponse(request, "portal/my_delegations.html", context)


def live(person: Person) -> list[Delegation]:
    """What a person lets agents do now."""
    mine = Delegation.objects.filter(person=person, ended_at__isnull=True, ends_at__gt=timezone.now())
    return list(mine.select_related("agent"))


def _give(request: Any, person: Person, form: DelegationForm) -> bool:
    chosen = form.cleaned_data
    try:
        made = delegations.give(
            actor=person,
            agent=chosen["agent"],
            actions=chosen["actions"].splitlines(),
            resources=chosen["resources"].splitlines(),
            purpose=chosen["purpose"],
            data_scope=chosen["data_scope"].splitlines(),
            days=chosen["days"],
            may_pass_on=chosen["may_pass_on"],
            authentication=request.authentication,
        )
    except ServiceError as error:
        show_service_error(form, error)
        return False
    messages.success(request, f"{made.agent} may act for you.")
    return True


def _hand_out(request: Any, person: Person) -> HttpResponse:
    delegation = get_object_or_404(Delegation, pk=request.POST["hand_out"] or None, person=person)
    try:
        handed = exchange.hand_out(actor=person, delegation=delegation, authentication=request.authentication)
    except ServiceError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, SHOWN_ONCE.format(delegation.agent, handed.seconds, handed.token))
    return HttpResponseRedirect(reverse("admin:my_delegations"))


def _end(request: HttpRequest, person: Person) -> HttpResponse:
    delegation = get_object_or_404(Delegation, pk=request.POST["end"] or None, person=person)
    try:
        delegations.end(actor=person.actor, delegation=delegation)
    except ServiceError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, f"{delegation.agent} acts for you no more.")
    return HttpResponseRedirect(reverse("admin:my_delegations"))
